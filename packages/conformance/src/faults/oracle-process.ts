import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { SEED } from "./effort.js";
import type { Call, Questions, Said } from "./oracle.js";
import type { Ground } from "./site.js";

/** The handle of an oracle that runs as a process of its own. */
export class OracleProcess {
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  // Owned by ask and the listener.
  readonly #open = new Map<number, (said: Said) => void>();
  #asked = 0;
  #onProgress: (acknowledged: number) => void = () => undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#gone = once(child, "exit");
    child.on("message", (said: Said) => {
      if ("acknowledged" in said) this.#onProgress(said.acknowledged);
      else {
        this.#open.get(said.id)?.(said);
        this.#open.delete(said.id);
      }
    });
    child.on("exit", () => {
      for (const [id, settle] of this.#open) settle({ id, error: "the oracle is gone" });
    });
  }

  /** Starts one that knows nothing but the keys; `seed` tells several of one run apart. */
  static async start(ground: Ground, seed = 0): Promise<OracleProcess> {
    const given = JSON.stringify({
      trust: await ground.trust(),
      seed: SEED + seed,
    });
    return new OracleProcess(
      fork(join(import.meta.dirname, "oracle.js"), [given], {
        execArgv: [],
        env: { ...process.env, NODE_OPTIONS: "" },
      }),
    );
  }

  /** Calls `act` once, when this many statements of the next load are acknowledged. */
  whenAcknowledged(count: number, act: () => void): void {
    this.#onProgress = (acknowledged) => {
      if (acknowledged < count) return;
      this.#onProgress = () => undefined;
      act();
    };
  }

  async ask<Name extends keyof Questions>(
    name: Name,
    question: Questions[Name]["with"],
  ): Promise<Questions[Name]["answer"]> {
    const id = this.#asked++;
    const said = new Promise<Said>((resolve) => this.#open.set(id, resolve));
    const call: Call<Name> = { id, name, with: question };
    this.#child.send(call);
    const settled = await said;
    if ("error" in settled) throw new Error(`oracle: ${settled.error}`);
    return (settled as { readonly answer: Questions[Name]["answer"] }).answer;
  }

  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#gone;
  }
}
