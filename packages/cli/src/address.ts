/** Yields whether a text names an address, and no folder. */
export function isAddress(text: string): boolean {
  return /^https?:/i.test(text);
}
