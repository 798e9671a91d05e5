import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import type { Order, Result } from "./bench.js";
import type { FsckReport } from "./site.js";
import { fsckReport } from "./site.js";

type Untold<T> = T extends unknown ? Omit<T, "id"> : never;

/** A bench that runs, with how it comes to its end. */
interface Child {
  readonly process: ChildProcess;
  readonly gone: Promise<Gone>;
}

interface Gone {
  readonly signal: NodeJS.Signals | null;
  /** What it said past the command: an assertion of the store's library, for one. */
  readonly stderr: string;
}

/** The handle of a bench. It is replaced after a server that ended by itself, as a supervisor would. */
export class BenchProcess {
  // Owned by #order.
  #child: Child | undefined;
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

  /** Yields a digest of all rows of a store; `undefined` if they cannot be read. */
  async rows(directory: string): Promise<string | undefined> {
    const { stdout } = await this.#order({ do: "rows", directory });
    return stdout === "" ? undefined : stdout;
  }

  async end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    child.process.kill("SIGKILL");
    await child.gone;
  }

  /** Yields what came of an order; a bench that aborts in it, or did before it, is replaced. */
  async #order(order: Untold<Order>): Promise<Result> {
    const child = (this.#child ??= begin());
    const id = this.#orders++;
    const answer = once(child.process, "message").then(([result]) => result as Result);
    // Fails only if the bench is gone, which is seen below.
    if (child.process.connected) child.process.send({ ...order, id }, () => undefined);
    const came = await Promise.race([answer, child.gone]);
    if (!("signal" in came)) {
      if (came.id !== id) throw new Error(`the bench answers ${came.id}, was asked ${id}`);
      return came;
    }
    this.#child = undefined;
    const { signal, stderr } = came;
    if (signal !== "SIGABRT") throw new Error(`the bench is gone, ${order.do}: ${stderr}`);
    return { id, hasAborted: true, stdout: "", stderr };
  }
}

function begin(): Child {
  const child = fork(join(import.meta.dirname, "bench.js"), [], {
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: "", NO_COLOR: "1" },
    stdio: ["ignore", "inherit", "pipe", "ipc"],
  });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const gone = once(child, "close").then(() => ({ signal: child.signalCode, stderr }));
  return { process: child, gone };
}
