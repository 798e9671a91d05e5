import { encodeCbor, type PrivateKey } from "@tallystick/cose";

import { Tagged, type Item } from "../corim/item.js";
import { LAB } from "./sample.js";

/** Yields the encoding of an item, tags among it, lengths definite. */
export function encodeItem(item: Item): Uint8Array {
  if (item instanceof Tagged) return concat([head(6, Number(item.tag)), encodeItem(item.value)]);
  if (Array.isArray(item)) {
    const items = item as readonly Item[];
    return concat([head(4, items.length), ...items.map(encodeItem)]);
  }
  if (item instanceof Map) {
    const entries = [...(item as ReadonlyMap<number, Item>)];
    return concat([head(5, entries.length), ...entries.flat().map(encodeItem)]);
  }
  return encodeCbor(item as number | string | Uint8Array | null);
}

function head(major: number, argument: number): Uint8Array {
  if (argument < 24) return Uint8Array.of((major << 5) | argument);
  if (argument < 256) return Uint8Array.of((major << 5) | 24, argument);
  return Uint8Array.of((major << 5) | 25, argument >> 8, argument & 255);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Yields a map by integer keys. */
export function mapOf(...entries: readonly (readonly [number, Item])[]): ReadonlyMap<number, Item> {
  return new Map(entries);
}

export const PUBLISHED_PROFILE: Item = new Tagged(
  111,
  Uint8Array.from([0x06, 0x0a, 0x2b, 6, 1, 4, 1, 0x82, 0xf4, 0x17, 1, 1]),
);

export const DIGEST: Item = [-43, new Uint8Array(48).fill(0xab)];

/** The report of a CoRIM with nothing unusual about it. */
export const SFR_MAP: ReadonlyMap<number, Item> = mapOf(
  [0, "2.1"],
  [1, "1.0"],
  [2, new Tagged(1, 1_773_014_400)],
  [3, 1],
  [4, [mapOf([0, mapOf([0, "7.0.1"])], [1, [DIGEST]])]],
);

/** What a sample CoRIM has otherwise. */
export interface CorimParts {
  readonly profile?: Item;
  readonly sfr?: Item;
  readonly condition?: Item;
  readonly entities?: Item;
  readonly classId?: Item;
  /** Reports that share the condition; one by default. */
  readonly count?: number;
}

/** Yields a CoRIM that endorses a report, or the same one several times. */
export function corimOf(parts: CorimParts = {}): Uint8Array {
  const { profile = PUBLISHED_PROFILE, sfr = SFR_MAP, condition = [DIGEST], classId } = parts;
  const { entities = [mapOf([0, "Example Lab"], [2, [1]])], count = 1 } = parts;
  const id = classId === undefined ? [] : ([[0, classId]] as const);
  const device = mapOf([0, mapOf(...id, [1, "Example Silicon"], [2, "Root of Trust"])]);
  const measured = [device, [mapOf([1, mapOf([2, condition])])]];
  const reports = Array.from({ length: count }, () => mapOf([1, mapOf([-1, sfr])]));
  const endorsed = [device, reports];
  const triples = mapOf([10, [[[measured], [endorsed]]]]);
  const comid = encodeItem(mapOf([1, mapOf([0, "comid"])], [4, triples]));
  return encodeItem(
    new Tagged(
      501,
      mapOf([0, "corim"], [1, [new Tagged(506, comid)]], [3, profile], [5, entities]),
    ),
  );
}

/** The headers of a sample message: protected and unprotected, of the body and of the signer. */
export interface SignParts {
  readonly body?: readonly [Item, Item];
  readonly signer?: readonly [Item, Item];
}

const NO_HEADER = mapOf();
const KID = mapOf([4, new TextEncoder().encode("lab")]);

function secure(header: Item): Uint8Array {
  return header instanceof Map && header.size === 0 ? new Uint8Array(0) : encodeItem(header);
}

/** Yields a COSE_Sign with one signature, by default as published: no alg, kid unprotected. */
export async function signCose(
  payload: Uint8Array,
  parts: SignParts = {},
  key: PrivateKey = LAB,
): Promise<Uint8Array> {
  const { body = [NO_HEADER, NO_HEADER], signer = [NO_HEADER, KID] } = parts;
  const covered = ["Signature", secure(body[0]), secure(signer[0]), new Uint8Array(0), payload];
  const signature = await key.sign(encodeItem(covered));
  const one = [secure(signer[0]), signer[1], signature];
  return encodeItem(new Tagged(98, [secure(body[0]), body[1], payload, [one]]));
}

/** Yields a COSE_Sign1. */
export function signCose1(
  payload: Uint8Array,
  [secured, open]: readonly [Item, Item] = [NO_HEADER, KID],
): Promise<Uint8Array> {
  return signMessage(payload, [secured, open], LAB);
}

/** Yields a COSE_Sign1 with nothing unprotected. */
export function signCose1With(
  payload: Uint8Array,
  secured: Item,
  key: PrivateKey,
): Promise<Uint8Array> {
  return signMessage(payload, [secured, NO_HEADER], key);
}

async function signMessage(
  payload: Uint8Array,
  [secured, open]: readonly [Item, Item],
  key: PrivateKey,
): Promise<Uint8Array> {
  const covered = ["Signature1", secure(secured), new Uint8Array(0), payload];
  const signature = await key.sign(encodeItem(covered));
  return encodeItem(new Tagged(18, [secure(secured), open, payload, signature]));
}
