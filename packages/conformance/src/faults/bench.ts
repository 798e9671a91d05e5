// A process that runs the command many times over, as bin/tally.js would in a process each: what is
// examined are thousands of images of a service, and starting a process for each would be most of it.
import { main } from "@tallystick/cli";

import { SERVE_OPTIONS } from "./command.js";
import { digestRows } from "./rows.js";

/** What the bench is told to do. */
export type Order =
  | {
      readonly id: number;
      readonly do: "run";
      readonly args: readonly string[];
    }
  | {
      readonly id: number;
      readonly do: "serve";
      readonly args: readonly string[];
    }
  | { readonly id: number; readonly do: "stop" }
  | { readonly id: number; readonly do: "rows"; readonly directory: string };

/** What came of it; `url` while a server is up, else how the command ended. */
export interface Result {
  readonly id: number;
  readonly url?: string;
  readonly exit?: number;
  /** The process was ended in the middle, by an assertion; it came to nothing. */
  readonly hasAborted?: true;
  readonly stdout: string;
  readonly stderr: string;
}

class Bench {
  // Owned by the writers that replace those of the process.
  #stdout = "";
  #stderr = "";
  #onLine: () => void = () => undefined;
  // Owned by #do.
  #serving: Promise<number> | undefined;

  constructor() {
    // Each run listens as if it were the only one.
    for (const emitter of [process, process.stdout, process.stderr]) emitter.setMaxListeners(0);
    process.stdout.write = (text: string | Uint8Array): boolean => {
      this.#stdout += String(text);
      this.#onLine();
      return true;
    };
    process.stderr.write = (text: string | Uint8Array): boolean => {
      this.#stderr += String(text);
      return true;
    };
  }

  async do(order: Order): Promise<Result> {
    this.#stdout = "";
    this.#stderr = "";
    const result = await this.#do(order);
    return {
      id: order.id,
      stdout: this.#stdout,
      stderr: this.#stderr,
      ...result,
    };
  }

  async #do(order: Order): Promise<Partial<Result>> {
    switch (order.do) {
      case "run":
        return { exit: await main(order.args) };
      case "serve":
        return this.#serve(order.args);
      case "stop": {
        process.emit("SIGTERM");
        const exit = await this.#serving;
        this.#serving = undefined;
        return exit === undefined ? {} : { exit };
      }
      case "rows":
        return { stdout: (await digestRows(order.directory)) ?? "" };
    }
  }

  async #serve(args: readonly string[]): Promise<Partial<Result>> {
    const serving = main(["serve", ...SERVE_OPTIONS, ...args]);
    const url = new Promise<string>((resolve) => {
      this.#onLine = () => {
        const [, found] = /^listening on (\S+)$/m.exec(this.#stdout) ?? [];
        if (found !== undefined) resolve(found);
      };
    });
    const first = await Promise.race([url, serving]);
    if (typeof first === "number") return { exit: first };
    this.#serving = serving;
    return { url: first };
  }
}

const bench = new Bench();
process.on("message", (order: Order) => {
  void bench.do(order).then((result) => process.send?.(result));
});
process.on("disconnect", () => process.exit());
