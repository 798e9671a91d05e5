// A process that signs statements, so that several can; signing costs as much as verifying.
import { CLAIM, LABEL, PrivateKey, decodeBase64url, signSign1 } from "@tallystick/cose";
import type { CborMap, CborValue, Jwk } from "@tallystick/cose";
import { signStatement } from "@tallystick/statement";

import { writeFrames } from "./frames.js";
import { payloadMaker } from "./payload.js";
import type { PayloadOrder } from "./payload.js";

/** What a maker signs. */
export interface MakerOrder {
  readonly key: Jwk;
  readonly issuer: string;
  /** Certificates of the key, in base64url of their DER, leaf first; they stand in the place of a kid. */
  readonly chain?: readonly string[];
  readonly count: number;
  readonly payload: PayloadOrder;
  readonly file: string;
}

/** Signed side by side, to keep the thread pool busy. */
const AT_ONCE = 64;

async function make(order: MakerOrder): Promise<void> {
  const { count, payload, file } = order;
  const { contentType, make: makePayload } = payloadMaker(payload);
  const sign = signing(order, contentType);
  const statements: Uint8Array[] = [];
  const makeOne = async (i: number): Promise<void> => {
    statements[i] = await sign(await makePayload(), `component ${i % 1000}`);
  };
  for (let from = 0; from < count; from += AT_ONCE) {
    const width = Math.min(AT_ONCE, count - from);
    await Promise.all(Array.from({ length: width }, (_, i) => makeOne(from + i)));
  }
  writeFrames(file, statements);
}

type Sign = (payload: Uint8Array, subject: string) => Promise<Uint8Array>;

function signing(order: MakerOrder, contentType: string): Sign {
  const { issuer, chain } = order;
  const signer = PrivateKey.fromJwk(order.key);
  const issuedAt = Math.floor(Date.now() / 1000);
  if (chain === undefined) {
    return (payload, subject) =>
      signStatement({ issuer, subject, contentType, payload, issuedAt }, signer);
  }
  const certificates = chain.map(decodeBase64url);
  return (payload, subject) => {
    const claims: CborMap = new Map<number, CborValue>([
      [CLAIM.iss, issuer],
      [CLAIM.sub, subject],
      [CLAIM.iat, issuedAt],
    ]);
    const protectedHeader: CborMap = new Map<number, CborValue>([
      [LABEL.contentType, contentType],
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
