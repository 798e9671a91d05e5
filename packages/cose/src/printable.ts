// What a terminal could act on or a reader could not see: controls, formats, halves of characters,
// and what ends a line or a paragraph.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu;

/**
 * Yields another party's text as one line that can be shown on terminals and in logs: what cannot be
 * seen is a space, however much of it stands together. Of a text of over `maxLength` UTF-16 units the
 * beginning is left, and an ellipsis.
 */
export function printable(text: string, maxLength: number): string {
  const cut = text.length <= maxLength ? text : `${text.slice(0, maxLength)}…`;
  return cut.replace(INVISIBLE, " ");
}
