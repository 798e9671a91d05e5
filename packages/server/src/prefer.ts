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
  // A comma or semicolon in quotes separates nothing.
  for (const item of [prefer]
    .flat()
    .join(",")
    .match(/(?:[^,"]|"(?:\\.|[^"\\])*")+/g) ?? []) {
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
