// Verifies transparent statements on one core, as a relying party does, and reports how many in a
// second: receipt, tree path and the issuer's signature, from the bytes on.
import { TrustStore, verifyTransparentStatement } from "@tallystick/verifier";

import { readFrames } from "./frames.js";
import type { Rate } from "./verify-rate.js";

/** What is to be verified. */
export interface OfflineOrder {
  readonly file: string;
  /** A trust file. */
  readonly trust: string;
  readonly forMs: number;
}

/** Enough to keep a thread of the pool busy while the next is decoded. */
const AT_ONCE = 8;

async function measure({ file, trust: json, forMs }: OfflineOrder): Promise<Rate> {
  const statements = readFrames(file);
  const trust = TrustStore.parse(json);
  let done = 0;
  const cpu = process.cpuUsage();
  const began = performance.now();
  const lane = async (): Promise<void> => {
    do {
      const statement = statements[done++ % statements.length];
      if (statement === undefined) throw new Error("no statements");
      await verifyTransparentStatement(statement, trust);
    } while (performance.now() - began < forMs);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: (done * 1000) / (performance.now() - began), cpuUs: (user + system) / done };
}

process.once("message", (order: OfflineOrder) => {
  process.send?.("ready");
  process.once("message", () => {
    void measure(order).then((rate) => {
      process.send?.(rate, () => {
        process.disconnect();
      });
    });
  });
});
