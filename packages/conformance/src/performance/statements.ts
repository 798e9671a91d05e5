import { fork } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { join } from "node:path";

import type { PrivateKey } from "@tallystick/cose";

import { readFrames, writeFrames } from "./frames.js";
import type { MakerOrder } from "./maker.js";

/** Statements to be made. */
export interface Batch {
  readonly key: PrivateKey;
  readonly issuer: string;
  readonly count: number;
  readonly payloadBytes: number;
  readonly salt: string;
}

const MAKERS = 2;

/** Signs statements, all different, in processes of their own, and writes them to a file of frames. */
export async function makeStatements(file: string, batch: Batch): Promise<void> {
  const { key, issuer, count, payloadBytes, salt } = batch;
  const parts = Array.from({ length: MAKERS }, (_, i) => `${file}.${i}`);
  await Promise.all(
    parts.map(async (part, i) => {
      const share = Math.floor(count / MAKERS) + (i < count % MAKERS ? 1 : 0);
      const order: MakerOrder = {
        key: key.toJwk(),
        issuer,
        count: share,
        payloadBytes,
        salt: `${salt}-${i}`,
        file: part,
      };
      await runMaker(order);
    }),
  );
  writeFrames(file, parts.flatMap(readFrames));
  for (const part of parts) rmSync(part);
}

async function runMaker(order: MakerOrder): Promise<void> {
  const child = fork(join(import.meta.dirname, "maker.js"), [], {
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  const gone = once(child, "exit");
  child.send(order);
  const [code] = (await gone) as [number | null];
  if (code !== 0) throw new Error(`a maker of statements ended with ${String(code)}`);
}
