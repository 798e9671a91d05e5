import { PrivateKey, type PublicKey } from "@tallystick/cose";
import { sha256 } from "@tallystick/merkle";

import { checkLog } from "../fsck.js";
import { HEAD_KEY, openRow } from "../layout.js";
import { Log, type LogOptions } from "../log.js";
import { MemoryAnchor, MemoryStore } from "../memory.js";
import { decodeHead } from "../record.js";
import type { LogReport } from "../report.js";
import type { AppendRequest } from "../request.js";
import { decodeStated } from "../stated.js";
import type { Store } from "../store.js";

export const ISSUER = "https://service.example";
export const ORIGIN = "service.example/log";
export const LOG_ID: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => i);
export const NOON = 1_800_000_000;

/** One key for a whole suite: Ed25519, so that signatures are the same on every run. */
export const signer: PrivateKey = await PrivateKey.generate("EdDSA");
export const key: PublicKey = signer.publicKey;

/** Yields the request for entry `n`, whose body is its number in text. */
export function request(n: number | string, options: Partial<AppendRequest> = {}): AppendRequest {
  const body = new TextEncoder().encode(`body ${n}`);
  const collateral = new TextEncoder().encode(`admitted ${n}`);
  return { entry: sha256(body), body, collateral, ...options };
}

/** Yields the 32-byte entry of {@link request}. */
export function entryOf(n: number | string): Uint8Array {
  return request(n).entry;
}

/** Yields options for a log over a store, all of them the suite's own, and a new anchor, unless given. */
export function optionsFor(store: Store, options: Partial<LogOptions> = {}): LogOptions {
  const anchor = new MemoryAnchor();
  return { store, anchor, issuer: ISSUER, origin: ORIGIN, signer, now: () => NOON, ...options };
}

/** Yields an anchor that ends where the store does, for tests that are about something else. */
export async function anchorFor(store: Store): Promise<MemoryAnchor> {
  const value = await store.get(HEAD_KEY);
  if (value === undefined) return new MemoryAnchor();
  try {
    const { checkpoint } = decodeHead(openRow({ key: HEAD_KEY, value }));
    const { size, root } = decodeStated(checkpoint);
    return new MemoryAnchor([{ size, root, checkpoint }]);
  } catch {
    return new MemoryAnchor();
  }
}

/** Yields a fresh log whose genesis entry is `request("genesis")`. */
export function createLog(
  store: Store = new MemoryStore(),
  options: Partial<LogOptions> = {},
): Promise<Log> {
  return Log.create(optionsFor(store, options), request("genesis"), LOG_ID);
}

/** Yields the log that a store holds; the anchor agrees with it unless given. */
export async function openLog(store: Store, options: Partial<LogOptions> = {}): Promise<Log> {
  const anchor = options.anchor ?? (await anchorFor(store));
  return Log.open(optionsFor(store, { ...options, anchor }));
}

/** Appends entries `from` up to, but not including, `to`, all at once. */
export async function appendAll(log: Log, from: number, to: number): Promise<void> {
  await Promise.all(range(from, to).map((n) => log.append(request(n))));
}

/** Yields the integers from `from` up to, but not including, `to`. */
export function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** Yields the report of a full check of what a memory store holds, open or closed. */
export function checkRows(store: MemoryStore): Promise<LogReport> {
  return checkLog({ store: store.reopen(), key });
}

/** Yields a fresh log of the genesis entry and `count` more, appended at once. */
export async function logOf(count: number, store: MemoryStore = new MemoryStore()): Promise<Log> {
  const log = await createLog(store);
  await appendAll(log, 0, count);
  return log;
}
