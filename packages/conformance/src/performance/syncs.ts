import { readFile } from "node:fs/promises";

import { straceObstacle } from "../faults/strace.js";
import { putLoad } from "./load.js";
import { warmUpCount } from "./registration.js";
import type { Bench } from "./registration.js";
import { Scene } from "./scene.js";
import { makeStatements } from "./statements.js";

/** How often the server waits for the disk. */
export interface SyncFigures {
  readonly syncs: number;
  readonly syncsPerSecond: number;
  readonly registrationsPerSync: number;
  readonly perSecond: number;
}

/**
 * Counts the calls of fsync and fdatasync under load, with strace, which slows down these calls and no
 * others; `undefined` where there is no strace.
 */
export async function measureSyncs({ options, signers }: Bench): Promise<SyncFigures | undefined> {
  if (straceObstacle() !== undefined) return undefined;
  const scene = await Scene.make(signers, options.parent);
  try {
    const trace = scene.at("trace");
    const under = ["strace", "--seccomp-bpf", "-f", "-ttt", "-o", trace];
    const traced = [...under, "-e", "trace=fsync,fdatasync,sync_file_range"];
    const { url } = await scene.serve({ options: options.serve, under: traced });
    const bodies = scene.at("statements");
    const count = 5 * warmUpCount(options);
    await makeStatements(bodies, { signer: signers.of("ES256"), count, payloadBytes: 1024 });
    let beganAt = 0;
    const figures = await putLoad({
      ...{ url, path: "/entries", bodies, atOnce: options.concurrency },
      forMs: options.seconds * 1000,
      onStart: () => {
        beganAt = Date.now() / 1000;
      },
    });
    const endsAt = beganAt + figures.seconds;
    await scene.stop();
    const syncs = callTimes(await readFile(trace, "utf8")).filter(
      (time) => time >= beganAt && time <= endsAt,
    ).length;
    return {
      syncs,
      syncsPerSecond: syncs / figures.seconds,
      registrationsPerSync: figures.done / syncs,
      perSecond: figures.perSecond,
    };
  } finally {
    await scene.clear();
  }
}

/** Yields when each traced call began, in seconds since the epoch. */
export function callTimes(trace: string): readonly number[] {
  const begun = /^\d+ +(\d+\.\d+) (?:fsync|fdatasync|sync_file_range)\(/gm;
  return [...trace.matchAll(begun)].map(([, time]) => Number(time));
}
