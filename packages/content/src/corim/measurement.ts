import { encodeHex } from "@tallystick/cose";

import { invalid } from "../record.js";
import { canonicalText } from "./canonical.js";
import { readNamedDigests, type NamedDigest } from "./digest.js";
import { Tagged, type Item } from "./item.js";
import type { Node } from "./node.js";

/** A security version number: one, or the lowest that will do (tag 553). */
export interface Svn {
  readonly value: bigint;
  readonly isMinimum: boolean;
}

/** Bytes, of which those under a mask alone count where there is one. */
export interface RawValue {
  readonly value: Uint8Array;
  readonly mask: Uint8Array | undefined;
}

/** A range of integers, open where a bound is null. */
export interface IntRange {
  readonly min: bigint | undefined;
  readonly max: bigint | undefined;
}

/** What a measurement is, of one element of an environment. */
export interface Measurement {
  /** Which element, in diagnostic notation; `undefined` where there is one alone. */
  readonly key: string | undefined;
  readonly version: { readonly text: string; readonly scheme: string | undefined } | undefined;
  readonly svn: Svn | undefined;
  readonly digests: readonly NamedDigest[] | undefined;
  readonly raw: RawValue | undefined;
  readonly registers: ReadonlyMap<string, readonly NamedDigest[]> | undefined;
  readonly range: IntRange | undefined;
  readonly name: string | undefined;
  /** Flags by their number; `undefined` where none are stated, or not as a map of booleans. */
  readonly flags: ReadonlyMap<number, boolean> | undefined;
  /** Values that are compared as they are, by code point, in diagnostic notation. */
  readonly others: ReadonlyMap<number, string>;
  /** Code points that nothing here knows. */
  readonly unknown: readonly string[];
  /** Keys of who has to have said so, in diagnostic notation; `undefined` where none are stated. */
  readonly authorizedBy: readonly string[] | undefined;
}

/** Code points: flags, MAC, IP, serial number, UEID, UUID, name, keys. */
const PLAIN: readonly number[] = [3, 6, 7, 8, 9, 10, 11, 13];
const READ: readonly number[] = [0, 1, 2, 4, 5, 14, 15, ...PLAIN];

/** Reads the measurements of a triple. */
export function readMeasurements(node: Node): readonly Measurement[] {
  return node.elements().map(readMeasurement);
}

function readMeasurement(node: Node): Measurement {
  const value = node.at(1, "value");
  const keys = value.keys();
  if (keys.length === 0) throw invalid(value.path, "says nothing");
  const optional = <T>(key: number, name: string, read: (found: Node) => T): T | undefined =>
    value.has(key) ? read(value.at(key, name)) : undefined;
  return {
    key: node.has(0) ? canonicalText(node.at(0, "mkey").item) : undefined,
    version: optional(0, "version", (found) => ({
      text: found.at(0, "text").text(),
      scheme: found.has(1) ? canonicalText(found.at(1, "scheme").item) : undefined,
    })),
    svn: optional(1, "svn", readSvn),
    digests: optional(2, "digests", readNamedDigests),
    raw: readRaw(value),
    registers: optional(14, "registers", readRegisters),
    range: optional(15, "range", readRange),
    name: optional(11, "name", (found) => found.text()),
    flags: optional(3, "flags", readFlags),
    others: new Map(
      PLAIN.filter((key) => value.has(key)).map((key) => [
        key,
        canonicalText(value.at(key, String(key)).item),
      ]),
    ),
    unknown: keys.filter((key) => !READ.some((known) => known === key)).map(String),
    authorizedBy: node.has(2) ? readAuthorities(node.at(2, "authorized-by")) : undefined,
  };
}

/** Yields keys in diagnostic notation; what is no list is told as one key, which nobody has. */
export function readAuthorities({ item }: Node): readonly string[] {
  return Array.isArray(item) ? (item as readonly Item[]).map(canonicalText) : [canonicalText(item)];
}

/** Flags that are no booleans are compared as they are, like all other values. */
function readFlags(node: Node): ReadonlyMap<number, boolean> | undefined {
  if (!(node.item instanceof Map)) return undefined;
  const flags = new Map<number, boolean>();
  for (const [key, { item }] of node.entries()) {
    if (typeof key !== "number" || typeof item !== "boolean") return undefined;
    flags.set(key, item);
  }
  return flags;
}

function readSvn(node: Node): Svn {
  const { item } = node;
  const isMinimum = item instanceof Tagged && item.tag === 553;
  const value = node.untagged(552).untagged(553).wide();
  if (value < 0n) throw invalid(node.path, "is below zero");
  return { value, isMinimum };
}

/** The mask stands beside the value in old manifests, in tag 563 in new ones. */
function readRaw(value: Node): RawValue | undefined {
  if (!value.has(4)) return undefined;
  const node = value.at(4, "raw");
  if (node.item instanceof Tagged && node.item.tag === 563) {
    const [bytes, mask] = node.untagged(563).pair();
    return masked(bytes.bytes(), mask);
  }
  const bytes = node.untagged(560).bytes();
  return value.has(5) ? masked(bytes, value.at(5, "mask")) : { value: bytes, mask: undefined };
}

function masked(value: Uint8Array, node: Node): RawValue {
  const mask = node.untagged(560).bytes();
  if (mask.length !== value.length) throw invalid(node.path, "is not as long as the value");
  return { value, mask };
}

function readRegisters(node: Node): ReadonlyMap<string, readonly NamedDigest[]> {
  return new Map(
    node.entries().map(([key, found]) => [canonicalText(key), readNamedDigests(found)]),
  );
}

function readRange(node: Node): IntRange {
  const { item } = node;
  if (!(item instanceof Tagged) || item.tag !== 564) {
    const only = node.wide();
    return { min: only, max: only };
  }
  const [min, max] = node.untagged(564).pair();
  const boundOf = (bound: Node): bigint | undefined =>
    bound.item === null ? undefined : bound.wide();
  return { min: boundOf(min), max: boundOf(max) };
}

/** Yields a measurement's value in hex, for people and rules. */
export function rawText({ value, mask }: RawValue): { readonly value: string; mask?: string } {
  return { value: encodeHex(value), ...(mask === undefined ? {} : { mask: encodeHex(mask) }) };
}
