import { join } from "node:path";

import { Child } from "./child.js";
import type { GeneratorOrder } from "./generator.js";
import { figuresOf } from "./tally.js";
import type { LoadFigures, Tally } from "./tally.js";

/** A load on one server. */
export type Load = Omit<GeneratorOrder, "step" | "offset" | "connections"> & {
  /** Processes that make it; one unless given. */
  readonly processes?: number;
  /** Requests under way at once, over all processes. */
  readonly atOnce: number;
  /** Called when all of them are ready, before they begin. */
  readonly onStart?: () => void;
};

/** Puts a load on a server, from processes of their own, and yields what came of it. */
export async function putLoad(load: Load): Promise<LoadFigures> {
  const { processes = 1, atOnce, onStart, ...order } = load;
  const path = join(import.meta.dirname, "generator.js");
  const children = Array.from({ length: processes }, () => new Child(path));
  try {
    await Promise.all(
      children.map((child, offset) => {
        const connections = Math.max(1, Math.floor(atOnce / processes));
        child.send({ ...order, step: processes, offset, connections });
        return child.answer<"ready">();
      }),
    );
    onStart?.();
    const tallies = children.map((child) => child.answer<Tally>());
    for (const child of children) child.send("go");
    return figuresOf(await Promise.all(tallies));
  } finally {
    for (const child of children) child.kill();
  }
}
