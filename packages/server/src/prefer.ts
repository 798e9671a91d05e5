import type { IncomingMessage } from "node:http";

/** What a client would like better (RFC 7240). */
export interface Preference {
  /** `respond-async`: an answer before the work is done. */
  readonly isAsync: boolean;
  /** `wait`: how long it would wait for one afterwards, in milliseconds. */
  readonly waitMs: number;
}

const NONE: Preference = { isAsync: false, waitMs: Infinity };

/** Reads `Prefer`; unknown preferences are ignored, and of one that is repeated the first counts. */
export function preferenceOf({ headers }: IncomingMessage): Preference {
  const { prefer } = headers;
  if (prefer === undefined) return NONE;
  const found = new Map<string, string>();
  for (const item of itemsOf([prefer].flat().join(","))) {
    const [, name = "", value = ""] = /^\s*([^\s=;]+)(?:\s*=\s*([^\s;]*))?/.exec(item) ?? [];
    const key = name.toLowerCase();
    if (!found.has(key)) found.set(key, value);
  }
  const seconds = found.get("wait") ?? "";
  return {
    isAsync: found.has("respond-async"),
    waitMs: /^[0-9]{1,9}$/.test(seconds) ? Number(seconds) * 1000 : 0,
  };
}

// One pass, for anybody may send a header of 16 KiB. A comma in quotes separates nothing, and a quote
// that is never closed quotes nothing.
function itemsOf(text: string): readonly string[] {
  const items: string[] = [];
  let start = 0;
  let quoted: number | undefined;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '"') quoted = quoted === undefined ? i : undefined;
    else if (quoted !== undefined && character === "\\") i++;
    else if (quoted === undefined && character === ",") {
      items.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...items, ...(quoted === undefined ? [text.slice(start)] : text.slice(start).split(","))];
}
