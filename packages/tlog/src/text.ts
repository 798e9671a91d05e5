const encoder = new TextEncoder();
// ignoreBOM keeps a leading U+FEFF, so that different bytes give different text.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Yields the UTF-8 of a text. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Yields the text of strict UTF-8, `undefined` for any other bytes. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Yields whether a text has a control character below U+0020 other than newline (W1). */
export function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 && unit !== 0x0a) return true;
  }
  return false;
}

/** Yields whether a text has UTF-8 that reads back: no half of a surrogate pair. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** Yields the number that canonical decimal text stands for, `undefined` beyond 2^53 - 1 as well. */
export function parseDecimal(text: string): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
