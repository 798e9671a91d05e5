// Verifies the signatures of a file of statements as fast as the machine does it, and reports how fast:
// V of the limit. Keys are imported once; everything but the signatures is prepared before the clock.
import { PublicKey } from "@tallystick/cose";
import type { Jwk } from "@tallystick/cose";
import { IssuerKeys, SignedStatement, VerifiedStatement } from "@tallystick/statement";

import { readFrames } from "./frames.js";

/** What is to be verified. */
export interface RateOrder {
  readonly file: string;
  readonly key: Jwk;
  readonly issuer: string;
  readonly forMs: number;
}

/** Enough to keep every thread of the pool busy. */
const AT_ONCE = 64;

async function measure({ file, key, issuer, forMs }: RateOrder): Promise<number> {
  const statements = readFrames(file).map((bytes) => SignedStatement.decode(bytes));
  const keys = new IssuerKeys([{ iss: issuer, keys: [PublicKey.fromJwk(key)] }]);
  let done = 0;
  let next = 0;
  const began = performance.now();
  const lane = async (): Promise<void> => {
    while (performance.now() - began < forMs) {
      const statement = statements[next++ % statements.length];
      if (statement === undefined) throw new Error("no statements");
      await VerifiedStatement.verify(statement, keys);
      done++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return (done * 1000) / (performance.now() - began);
}

process.once("message", (order: RateOrder) => {
  void measure(order).then((rate) => {
    process.send?.(rate, () => {
      process.disconnect();
    });
  });
});
