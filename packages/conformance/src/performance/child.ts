import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { basename } from "node:path";

/** A process of the bench, which takes orders and answers over IPC. */
export class Child {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #gone: Promise<number | null>;

  constructor(module: string, args: readonly string[] = []) {
    this.#name = basename(module);
    this.#process = fork(module, [...args], {
      execArgv: [],
      env: { ...process.env, NODE_OPTIONS: "" },
      serialization: "advanced",
    });
    this.#gone = once(this.#process, "exit").then(([code]) => code as number | null);
  }

  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error(`${this.#name} did not start`);
    return pid;
  }

  send(order: object | string): void {
    this.#process.send(order);
  }

  /** Yields what the child says next. */
  async answer<T>(): Promise<T> {
    const said = once(this.#process, "message").then(([message]) => message as T);
    const gone = this.#gone.then((code) => {
      throw new Error(`${this.#name} ended with ${String(code)}`);
    });
    return Promise.race([said, gone]);
  }

  /** Waits until the child has ended, which must have gone well. */
  async ended(): Promise<void> {
    const code = await this.#gone;
    if (code !== 0) throw new Error(`${this.#name} ended with ${String(code)}`);
  }

  kill(): void {
    this.#process.kill("SIGKILL");
  }
}
