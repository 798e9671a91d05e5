import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

import { encodeBase64url } from "@tallystick/cose";

import type { MakerOrder } from "./maker.js";
import { Child } from "./child.js";
import type { PayloadOrder } from "./payload.js";
import type { SceneSigner } from "./scene.js";

/** Statements to be made. */
export interface Batch {
  readonly signer: SceneSigner;
  readonly count: number;
  readonly payloadBytes: number;
  /** Random bytes of that length unless given. */
  readonly payload?: PayloadOrder | undefined;
}

/** Statements that take longer to sign than a process to start. */
const WORTH_A_PROCESS = 500;

/**
 * Signs statements, each with a payload of its own, in processes of their own, and writes them to a file of
 * frames.
 */
export async function makeStatements(file: string, batch: Batch): Promise<void> {
  const { signer, count, payloadBytes: bytes } = batch;
  const payload = batch.payload ?? { kind: "random", bytes };
  const { issuer, key, chain } = signer;
  const makers = Math.min(availableParallelism(), Math.ceil(count / WORTH_A_PROCESS));
  const parts = Array.from({ length: makers }, (_, i) => `${file}.${i}`);
  await Promise.all(
    parts.map(async (part, i) => {
      const share = Math.floor(count / makers) + (i < count % makers ? 1 : 0);
      const order: MakerOrder = {
        key: key.toJwk(),
        issuer,
        ...(chain && { chain: chain.map(encodeBase64url) }),
        count: share,
        payload,
        file: part,
      };
      const maker = new Child(join(import.meta.dirname, "maker.js"));
      maker.send(order);
      await maker.ended();
    }),
  );
  for (const [i, part] of parts.entries()) {
    await pipeline(createReadStream(part), createWriteStream(file, { flags: i === 0 ? "w" : "a" }));
    await rm(part);
  }
}
