import { concatBytes, digest, encodeCbor, encodeHex, type CborValue } from "@tallystick/cose";

import { rom } from "./review.js";

const little = (value: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (value / 256 ** i) & 0xff);

/** Yields the digest of what a stage of a version measures. */
export const stage = (version: number): Uint8Array => digest("sha-384", rom(100 + version));

/** Yields a measurement block. */
export function block(index: number, type: number, value: Uint8Array): Uint8Array {
  const head = [index, 1, ...little(value.length + 3, 2), type, ...little(value.length, 2)];
  return concatBytes([Uint8Array.from(head), value]);
}

/** What a device measured. */
export interface Measured {
  /** Version of the firmware, whose stage is block 2. */
  readonly version: number;
  /** Security version number, block 16; 7 unless told otherwise. */
  readonly svn?: number;
  /** Word of the mode state in block 254. */
  readonly mode?: number;
  /** Blocks behind these. */
  readonly more?: readonly Uint8Array[];
}

/** Yields a measurement record with a ROM, one stage of firmware, an SVN and a mode. */
export function record({ version, svn = 7, mode = 0, more = [] }: Measured): Uint8Array {
  const words = [63, 4, 31, mode].map((word) => little(word, 4));
  return concatBytes([
    block(1, 0, stage(1)),
    block(2, 1, stage(version)),
    block(16, 0x87, little(svn, 8)),
    block(254, 0x85, concatBytes(words)),
    ...more,
  ]);
}

/** Yields an SPDM 1.1 transcript over a record, whose signature is none. */
export function transcript(measured: Uint8Array): Uint8Array {
  return concatBytes([
    Uint8Array.of(0x11, 0xe0, 1, 0xff),
    new Uint8Array(32).fill(7),
    Uint8Array.of(0, 0x11, 0x60, 0, 0, 4, ...little(measured.length, 3)),
    measured,
    new Uint8Array(34 + 64),
  ]);
}

/** Changes to a good manifest. */
export interface Manifest {
  readonly vendor?: string;
  /** In place of the vendor. */
  readonly model?: string;
  readonly version?: number;
  readonly minimumSvn?: number;
  readonly profile?: string;
  readonly notAfter?: number;
  /** Digests of files that it endorses. */
  readonly files?: readonly Uint8Array[];
}

/** Yields a CoRIM that says what a version measures: the ROM, the stage, and an SVN of 5 at least. */
export function corim(manifest: Manifest = {}): Uint8Array {
  const { vendor = "Example Silicon", version = 7, minimumSvn = 5, files = [] } = manifest;
  const { model } = manifest;
  const device: CborValue = new Map([
    [0, new Map([model === undefined ? [1, vendor] : [2, model]])],
  ]);
  const value = (digests: readonly Uint8Array[]): CborValue =>
    new Map([[2, digests.map((one): CborValue => [7, one])]]);
  const measurement = (key: number, of: CborValue): CborValue =>
    new Map<number, CborValue>([
      [0, key],
      [1, of],
    ]);
  const references = [measurement(1, value([stage(1)])), measurement(2, value([stage(version)]))];
  const endorsed: CborValue = [
    [device, files.map((one): CborValue => new Map([[1, value([one])]]))],
  ];
  // The strict encoder writes no tags: 553 stands before the last number, 506 before the string.
  const minimum = concatBytes([hex("a2001001a101d90229"), encodeCbor(minimumSvn)]);
  const triple = concatBytes([
    hex("82"),
    encodeCbor(device),
    hex("83"),
    ...references.map(encodeCbor),
    minimum,
  ]);
  const triples = concatBytes([
    hex(files.length === 0 ? "a10081" : "a20081"),
    triple,
    ...(files.length === 0 ? [] : [hex("01"), encodeCbor(endorsed)]),
  ]);
  const comid = concatBytes([hex("a201"), encodeCbor(new Map([[0, "comid"]])), hex("04"), triples]);
  const { profile, notAfter } = manifest;
  const more = [
    ...(profile === undefined ? [] : [hex("03"), encodeCbor(profile)]),
    ...(notAfter === undefined ? [] : [hex("04a101c1"), encodeCbor(notAfter)]),
  ];
  const head = `d901f5a${2 + more.length / 2}00`;
  const id = encodeCbor(`rot ${version}`);
  return concatBytes([hex(head), id, hex("0181d901fa"), encodeCbor(comid), ...more]);
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

/** Yields the release that leads from what version 7 measures to the file that was reviewed. */
export function releaseOf(rim: string): string {
  const digests = [{ alg: "sha-384", value: encodeHex(digest("sha-384", rom(7))) }];
  return JSON.stringify({
    format: "tallystick-release/1",
    ...{ vendor: "Example Silicon", product: "Root of Trust", version: "7.0.1" },
    files: [{ name: "rot-7.bin", digests }],
    rims: [{ entry: rim }],
  });
}
