import { encodeHex } from "@tallystick/cose";

import { Tagged, type Item, type ItemMap } from "./item.js";

/** Tag of an object identifier (RFC 9090). */
const OID_TAG = 111;

/**
 * Yields an item as text in diagnostic notation, the same for two items that are equal in
 * deterministic CBOR and different for any others. An object identifier that has the head of its DER
 * inside its tag is taken for the one without.
 */
export function canonicalText(item: Item): string {
  if (item instanceof Tagged) return taggedText(item);
  if (item instanceof Uint8Array) return `h'${encodeHex(item)}'`;
  if (Array.isArray(item)) return `[${(item as readonly Item[]).map(canonicalText).join(", ")}]`;
  if (item instanceof Map) return mapText(item as ItemMap);
  if (typeof item === "string") return JSON.stringify(item);
  return typeof item === "object" ? "null" : String(item);
}

function taggedText({ tag, value }: Tagged): string {
  const plain = tag === OID_TAG && value instanceof Uint8Array ? withoutHead(value) : value;
  return `${tag}(${canonicalText(plain)})`;
}

function mapText(map: ItemMap): string {
  const entries = [...map].map(
    ([key, value]) => [canonicalText(key), canonicalText(value)] as const,
  );
  entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, value]) => `${key}: ${value}`).join(", ")}}`;
}

function withoutHead(oid: Uint8Array): Uint8Array {
  return oid[0] === 0x06 && oid[1] === oid.length - 2 ? oid.subarray(2) : oid;
}
