import { decodeCbor, encodeHex, isCborMap } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { entryOf, formatEntryId } from "@tallystick/statement";

import type { Seen } from "./memory.js";

/** Longest time for one answer; a server that hangs is wrong too. */
const LIMIT_MS = 60_000;

/** An answer, read whole. */
export interface Answer {
  /** 0 when there was none. */
  readonly status: number;
  readonly body: Uint8Array;
  readonly headers: Headers;
}

/** Sends a request; a connection that breaks yields the status 0, as nobody knows what happened. */
export async function ask(url: string, statement?: Uint8Array): Promise<Answer> {
  const post = {
    method: "POST",
    headers: { "content-type": "application/cose" },
    body: statement as Uint8Array<ArrayBuffer>,
  };
  try {
    const signal = AbortSignal.timeout(LIMIT_MS);
    const response = await fetch(url, {
      ...(statement === undefined ? {} : post),
      signal,
    });
    const body = new Uint8Array(await response.arrayBuffer());
    return { status: response.status, body, headers: response.headers };
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError") throw error;
    return { status: 0, body: new Uint8Array(), headers: new Headers() };
  }
}

/** Yields an answer that has to be JSON as an object. */
export function jsonOf({ body }: Answer): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(new TextDecoder().decode(body));
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** Yields what a problem says (RFC 9290): its title and detail. */
export function problemOf({ body }: Answer): string {
  const map = decodeCbor(body);
  if (map === undefined || !isCborMap(map)) return "no problem details";
  const [title, detail] = [map.get(-1), map.get(-2)];
  return typeof title === "string" && typeof detail === "string" ? `${title}: ${detail}` : "untold";
}

/** Who a log is, by what its users have pinned. */
export interface Identity {
  readonly issuer: string;
  readonly origin: string;
  readonly key: PublicKey;
}

/** Yields what a receipt proves about a statement; throws unless it does. */
export async function readReceipt(
  bytes: Uint8Array,
  statement: Uint8Array,
  { issuer, origin, key }: Identity,
): Promise<Seen> {
  const receipt = Receipt.decode(bytes);
  if (receipt.issuer !== issuer || receipt.subject !== origin) {
    throw new Error(`receipt of ${String(receipt.issuer)} ${String(receipt.subject)}`);
  }
  const entry = entryOf(statement);
  const { index, size, root } = await VerifiedInclusion.verify(receipt, {
    entry,
    key,
  });
  const time = receipt.issuedAt;
  if (index === undefined || size === undefined || time === undefined) {
    throw new Error("receipt lacks index, size or time");
  }
  return {
    entryId: formatEntryId(entry),
    index,
    size,
    root: encodeHex(root),
    time,
  };
}
