import { createPrivateKey, sign } from "node:crypto";

import { concatBytes, digest, encodeCbor, type CborValue } from "@tallystick/cose";

import { Authority } from "./pki.js";
import { rom } from "./review.js";
import type { Workspace } from "./workspace.js";

/** What devices of these suites are asked with, in hexadecimal. */
export const NONCE: string = "07".repeat(32);

const little = (value: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (value / 256 ** i) & 0xff);

/** Yields the digest of what a stage of a version measures. */
const stage = (version: number): Uint8Array => digest("sha-384", rom(100 + version));

function block(index: number, type: number, value: Uint8Array): Uint8Array {
  const head = [index, 1, ...little(value.length + 3, 2), type, ...little(value.length, 2)];
  return concatBytes([Uint8Array.from(head), value]);
}

/** Yields a measurement record with a ROM, the stage of a version, SVN 7 and the mode of operation. */
export function record(version: number): Uint8Array {
  const words = [63, 4, 31, 0].map((word) => little(word, 4));
  return concatBytes([
    block(1, 0, stage(1)),
    block(2, 1, stage(version)),
    block(16, 0x87, little(7, 8)),
    block(254, 0x85, concatBytes(words)),
  ]);
}

/**
 * Yields an SPDM 1.1 transcript over a record, under the key of a certificate on P-256. The operation
 * 0xff asks for all blocks.
 */
export function transcript(measured: Uint8Array, key: string, operation = 0xff): Uint8Array {
  const message = concatBytes([
    Uint8Array.of(0x11, 0xe0, 1, operation),
    new Uint8Array(32).fill(7),
    Uint8Array.of(0, 0x11, 0x60, 0, 0, 4, ...little(measured.length, 3)),
    measured,
    new Uint8Array(34),
  ]);
  const signer = { key: createPrivateKey(key), dsaEncoding: "ieee-p1363" as const };
  return concatBytes([message, new Uint8Array(sign("sha256", message, signer))]);
}

const measured = (key: number, value: Uint8Array): CborValue =>
  new Map<number, CborValue>([
    [0, key],
    [1, new Map([[2, [[7, value]]]])],
  ]);

/** Yields a CoRIM that says what a version measures: the ROM, the stage, and an SVN of 5 at least. */
export function corim(version: number): Uint8Array {
  const device: CborValue = new Map([[0, new Map([[1, "Example Silicon"]])]]);
  // The strict encoder writes no tags: 506 and 501 stand before a string and a map, 553 before the SVN.
  const comid = concatBytes([
    hex("a201a10065"),
    new TextEncoder().encode("comid"),
    hex("04a1008182"),
    encodeCbor(device),
    hex("83"),
    encodeCbor(measured(1, stage(1))),
    encodeCbor(measured(2, stage(version))),
    hex("a2001001a101d9022905"),
  ]);
  const id = encodeCbor(`rot ${version}`);
  return concatBytes([hex("d901f5a200"), id, hex("0181d901fa"), encodeCbor(comid)]);
}

/** Yields concise evidence of a ROM and one stage of firmware, that of a version. */
export function conciseEvidence(version: number): Uint8Array {
  const device = new Map([[0, new Map([[1, "Example Silicon"]])]]);
  return concatBytes([
    hex("d9023ba100a1008182"),
    encodeCbor(device),
    hex("83"),
    encodeCbor(measured(1, stage(1))),
    encodeCbor(measured(2, stage(version))),
    hex("a2001001a10107"),
  ]);
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

/**
 * Writes evidence of two devices of one vendor, one that runs version 7 and one that runs version 8,
 * evidence of which a part was asked for, and their certificate; yields the root in PEM.
 */
export async function writeDevices(workspace: Workspace): Promise<string> {
  const authority = await Authority.make("Example Devices");
  const { cert, key } = await authority.issue("Device 1");
  await workspace.write("device.pem", cert);
  await workspace.write("device-7.bin", transcript(record(7), key));
  await workspace.write("device-8.bin", transcript(record(8), key));
  await workspace.write("device-part.bin", transcript(record(7), key, 2));
  return authority.pem;
}
