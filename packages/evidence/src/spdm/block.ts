import { HASH_ALGORITHMS, encodeHex } from "@tallystick/cose";

import { Cursor } from "../cursor.js";
import {
  environmentsOf,
  measurementOf,
  type DeviceClass,
  type ElementKind,
  type EvidenceElement,
} from "../element.js";
import { malformed, unsupported } from "../error.js";

/** One block of a measurement record (DSP0274, DMTF measurement specification). */
export interface MeasurementBlock {
  readonly index: number;
  /** What it is of, without the bit that says how. */
  readonly type: number;
  /** Whether the value is what was measured, and no digest of it. */
  readonly isRaw: boolean;
  readonly value: Uint8Array;
}

const DMTF = 0x01;
const RAW = 0x80;
const DMTF_HEAD_BYTES = 3;
const MAX_BLOCKS = 254;

/** By value type. */
const KINDS: readonly ElementKind[] = [
  "rom",
  "firmware",
  "hardware-config",
  "firmware-config",
  "manifest",
  "mode",
  "version",
  "svn",
];

/**
 * Reads a measurement record: `Index(1) Specification(1) Size(2) ValueType(1) ValueSize(2) Value`,
 * one block after the other, each index once.
 *
 * @throws {@link EvidenceError} `EVIDENCE_MALFORMED`, `EVIDENCE_UNSUPPORTED`
 */
export function readBlocks(record: Uint8Array): readonly MeasurementBlock[] {
  const cursor = new Cursor(record, "measurement record");
  const blocks = new Map<number, MeasurementBlock>();
  while (cursor.left > 0) {
    const block = readBlock(cursor);
    if (blocks.has(block.index)) throw malformed(`block ${block.index} is there twice`);
    if (blocks.size === MAX_BLOCKS) throw malformed(`more than ${MAX_BLOCKS} blocks`);
    blocks.set(block.index, block);
  }
  return [...blocks.values()];
}

function readBlock(cursor: Cursor): MeasurementBlock {
  const index = cursor.number(1, "index");
  // 0 and 0xFF ask for the number of blocks and for all of them.
  if (index === 0 || index === 0xff) throw malformed(`a block of index ${index}`);
  const specification = cursor.number(1, "specification");
  if (specification !== DMTF) {
    throw unsupported(`block ${index} is of measurement specification ${specification}, want 1`);
  }
  const size = cursor.number(2, "size");
  const type = cursor.number(1, "value type");
  const length = cursor.number(2, "value size");
  if (size !== DMTF_HEAD_BYTES + length) {
    throw malformed(`block ${index} has size ${size} and a value of ${length} bytes`);
  }
  const value = new Uint8Array(cursor.take(length, `value of block ${index}`));
  return { index, type: type & ~RAW, isRaw: (type & RAW) !== 0, value };
}

/** How the elements of a record are called. */
export interface Naming {
  readonly device: DeviceClass;
  /** Of the digests; `undefined` where their length has to say. */
  readonly hash?: string | undefined;
}

/** Yields the elements that reference values are held against. */
export function elementsOf(
  blocks: readonly MeasurementBlock[],
  { device, hash }: Naming,
): readonly EvidenceElement[] {
  return blocks.map((block) => {
    const number = String(block.index);
    const environments = environmentsOf(device, [["index", number]]);
    return {
      name: `block ${number}`,
      block: block.index,
      kind: KINDS[block.type] ?? "other",
      places: environments.flatMap((environment) => [
        { environment, key: undefined },
        { environment, key: number },
      ]),
      measurement: measurementOf(valueOf(block, hash)),
    };
  });
}

function valueOf(
  { index, type, isRaw, value }: MeasurementBlock,
  hash: string | undefined,
): Parameters<typeof measurementOf>[0] {
  if (!isRaw) {
    const byLength = HASH_ALGORITHMS.find(({ bytes }) => bytes === value.length)?.name;
    const alg = hash ?? byLength ?? `${value.length * 8} bits`;
    return { digests: [{ alg, value: encodeHex(value) }] };
  }
  const raw = { value, mask: undefined };
  if (KINDS[type] === "svn") {
    // DSP0274: eight bytes, little-endian.
    if (value.length !== 8) throw malformed(`block ${index} has an SVN of ${value.length} bytes`);
    const number = BigInt(`0x${encodeHex(new Uint8Array(value).reverse())}`);
    return { raw, svn: { value: number, isMinimum: false } };
  }
  const text = KINDS[type] === "version" ? printable(value) : undefined;
  return text === undefined ? { raw } : { raw, version: { text, scheme: undefined } };
}

/** Yields the text that bytes of ASCII are, without the zeros behind it. */
export function printable(bytes: Uint8Array): string | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, 256)).replace(/\0+$/, "");
  return bytes.length <= 256 && /^[\x20-\x7e]+$/.test(text) ? text : undefined;
}
