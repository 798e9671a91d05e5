import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import type { Order, Result } from "./bench.js";
import type { FsckReport } from "./site.js";
import { fsckReport } from "./site.js";

type Untold<T> = T extends unknown ? Omit<T, "id"> : never;

/** The handle of a bench. It is replaced after a server that ended by itself, as a supervisor would. */
export class BenchProcess {
  // Owned by #order.
  #child: ChildProcess | undefined;
  #orders = 0;

  /** Starts a server on a service directory. */
  async start(path: string, ...options: readonly string[]): Promise<Result> {
    const result = await this.#order({ do: "serve", args: [path, ...options] });
    if (result.exit === 70) await this.end();
    return result;
  }

  /** Stops the server that was started. */
  async stop(): Promise<Result> {
    const result = await this.#order({ do: "stop" });
    if (result.exit !== 0) await this.end();
    return result;
  }

  /** Runs any other command. */
  run(...args: readonly string[]): Promise<Result> {
    return this.#order({ do: "run", args });
  }

  async fsck(path: string): Promise<FsckReport> {
    const { exit = -1, stdout, stderr } = await this.run("fsck", path, "--json");
    return fsckReport({ code: exit, stdout, stderr });
  }

  async end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  async #order(order: Untold<Order>): Promise<Result> {
    const child = (this.#child ??= fork(join(import.meta.dirname, "bench.js"), [], {
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: "", NO_COLOR: "1" },
    }));
    const id = this.#orders++;
    const answer = once(child, "message").then(([result]) => result as Result);
    const gone = once(child, "exit").then(() => undefined);
    child.send({ ...order, id });
    const result = await Promise.race([answer, gone]);
    if (result?.id !== id) throw new Error(`the bench is gone, ${order.do}`);
    return result;
  }
}
