import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import type { GeneratorOrder } from "./generator.js";
import { figuresOf } from "./tally.js";
import type { LoadFigures, Tally } from "./tally.js";

/** A load on one server. */
export type Load = Omit<GeneratorOrder, "step" | "offset" | "connections"> & {
  /** Processes that make it. */
  readonly processes: number;
  /** Requests under way at once, over all processes. */
  readonly atOnce: number;
  /** Called when all of them are ready, before they begin. */
  readonly onStart?: () => void;
};

/** Puts a load on a server, from processes of their own, and yields what came of it. */
export async function putLoad({
  processes,
  atOnce,
  onStart,
  ...order
}: Load): Promise<LoadFigures> {
  const children = Array.from({ length: processes }, start);
  try {
    await Promise.all(
      children.map((child, offset) => {
        const connections = Math.max(1, Math.floor(atOnce / processes));
        child.send({ ...order, step: processes, offset, connections });
        return answerOf<"ready">(child);
      }),
    );
    onStart?.();
    const tallies = children.map((child) => answerOf<Tally>(child));
    for (const child of children) child.send("go");
    return figuresOf(await Promise.all(tallies));
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

function start(): ChildProcess {
  return fork(join(import.meta.dirname, "generator.js"), [], {
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: "" },
    serialization: "advanced",
  });
}

async function answerOf<T>(child: ChildProcess): Promise<T> {
  const answer = once(child, "message").then(([message]) => message as T);
  const gone = once(child, "exit").then(([code]) => {
    throw new Error(`a load generator ended with ${String(code)}`);
  });
  return Promise.race([answer, gone]);
}
