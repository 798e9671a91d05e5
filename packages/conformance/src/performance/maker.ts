// A process that signs statements, so that several can; signing costs as much as verifying.
import { PrivateKey } from "@tallystick/cose";
import type { Jwk } from "@tallystick/cose";
import { signStatement } from "@tallystick/statement";

import { writeFrames } from "./frames.js";

/** What a maker signs. */
export interface MakerOrder {
  readonly key: Jwk;
  readonly issuer: string;
  readonly count: number;
  readonly payloadBytes: number;
  /** Makes the statements of this maker differ from all others. */
  readonly salt: string;
  readonly file: string;
}

/** Signed side by side, to keep the thread pool busy. */
const AT_ONCE = 64;

async function make(order: MakerOrder): Promise<void> {
  const { count, payloadBytes, issuer, salt, file } = order;
  const signer = PrivateKey.fromJwk(order.key);
  const issuedAt = Math.floor(Date.now() / 1000);
  const statements: Uint8Array[] = [];
  const makeOne = async (i: number): Promise<void> => {
    const payload = new Uint8Array(payloadBytes).fill(0x20);
    payload.set(new TextEncoder().encode(`{"component":"${salt}-${i}"}`));
    const subject = `component ${i % 1000}`;
    const contentType = "application/json";
    const statement = { issuer, subject, contentType, payload, issuedAt };
    statements[i] = await signStatement(statement, signer);
  };
  for (let from = 0; from < count; from += AT_ONCE) {
    const width = Math.min(AT_ONCE, count - from);
    await Promise.all(Array.from({ length: width }, (_, i) => makeOne(from + i)));
  }
  writeFrames(file, statements);
}

process.once("message", (order: MakerOrder) => {
  void make(order).then(() => {
    process.disconnect();
  });
});
