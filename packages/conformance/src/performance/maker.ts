// A process that signs statements, so that several can; signing costs as much as verifying.
import { randomFillSync } from "node:crypto";

import { CLAIM, LABEL, PrivateKey, decodeBase64url, signSign1 } from "@tallystick/cose";
import type { CborMap, CborValue, Jwk } from "@tallystick/cose";
import { signStatement } from "@tallystick/statement";

import { writeFrames } from "./frames.js";

/** What a maker signs. */
export interface MakerOrder {
  readonly key: Jwk;
  readonly issuer: string;
  /** Certificates of the key, in base64url of their DER, leaf first; they stand in the place of a kid. */
  readonly chain?: readonly string[];
  readonly count: number;
  readonly payloadBytes: number;
  readonly file: string;
}

/** Signed side by side, to keep the thread pool busy. */
const AT_ONCE = 64;

const CONTENT_TYPE = "application/octet-stream";

async function make(order: MakerOrder): Promise<void> {
  const { count, payloadBytes, file } = order;
  const sign = signing(order);
  const statements: Uint8Array[] = [];
  const makeOne = async (i: number): Promise<void> => {
    // Random, so that no two are the same, and a database that compresses finds nothing to compress.
    const payload = randomFillSync(new Uint8Array(payloadBytes));
    statements[i] = await sign(payload, `component ${i % 1000}`);
  };
  for (let from = 0; from < count; from += AT_ONCE) {
    const width = Math.min(AT_ONCE, count - from);
    await Promise.all(Array.from({ length: width }, (_, i) => makeOne(from + i)));
  }
  writeFrames(file, statements);
}

function signing(order: MakerOrder): (payload: Uint8Array, subject: string) => Promise<Uint8Array> {
  const { issuer, chain } = order;
  const signer = PrivateKey.fromJwk(order.key);
  const issuedAt = Math.floor(Date.now() / 1000);
  if (chain === undefined) {
    return (payload, subject) =>
      signStatement({ issuer, subject, contentType: CONTENT_TYPE, payload, issuedAt }, signer);
  }
  const certificates = chain.map(decodeBase64url);
  return (payload, subject) => {
    const claims: CborMap = new Map<number, CborValue>([
      [CLAIM.iss, issuer],
      [CLAIM.sub, subject],
      [CLAIM.iat, issuedAt],
    ]);
    const protectedHeader: CborMap = new Map<number, CborValue>([
      [LABEL.contentType, CONTENT_TYPE],
      [LABEL.x5chain, certificates],
      [LABEL.cwtClaims, claims],
    ]);
    return signSign1({ protectedHeader, payload }, signer);
  };
}

process.once("message", (order: MakerOrder) => {
  void make(order).then(() => {
    process.disconnect();
  });
});
