import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { resolve } from "node:path";

/** The command, as users start it. */
export const TALLY: string = resolve(import.meta.dirname, "../../bin/tally.js");

/** What a command came to. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command is started. */
export interface RunOptions {
  readonly cwd: string;
  readonly stdin?: Uint8Array;
}

/** A process and what it has said so far. */
export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  readonly #said = { stdout: "", stderr: "" };
  readonly #onChange = new Set<() => void>();

  constructor(child: ChildProcess) {
    this.child = child;
    for (const name of ["stdout", "stderr"] as const) {
      child[name]?.setEncoding("utf8").on("data", (text: string) => {
        this.#said[name] += text;
        this.#onChange.forEach((notify) => {
          notify();
        });
      });
    }
    this.ended = new Promise((settle) => {
      child.once("close", (code) => {
        settle({ code, ...this.#said });
        this.#onChange.forEach((notify) => {
          notify();
        });
      });
    });
  }

  /** Resolves with the match once the process has said it; rejects if it ends without. */
  until(name: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(this.#said[name]);
        const isOver = this.child.exitCode !== null || this.child.signalCode !== null;
        if (match === null && !isOver) return;
        this.#onChange.delete(look);
        if (match !== null) resolve(match);
        else reject(new Error(`ended without ${String(pattern)}: ${this.#said.stderr}`));
      };
      this.#onChange.add(look);
      look();
    });
  }
}

/** Runs the command to its end. */
export function tally(args: readonly string[], { cwd, stdin }: RunOptions): Promise<Outcome> {
  const { child, ended } = startTally(args, cwd);
  child.stdin?.end(stdin);
  return ended;
}

/** Runs the command, and throws with what it said unless it comes to a yes. */
export async function mustTally(args: readonly string[], options: RunOptions): Promise<Outcome> {
  const outcome = await tally(args, options);
  if (outcome.code === 0) return outcome;
  throw new Error(`tally ${args.join(" ")}: exit ${String(outcome.code)}\n${outcome.stderr}`);
}

export function startTally(args: readonly string[], cwd: string): Running {
  return start(process.execPath, [TALLY, ...args], cwd);
}

export function start(command: string, args: readonly string[], cwd: string): Running {
  const env = { ...process.env, NODE_OPTIONS: "", NO_COLOR: "" };
  return new Running(spawn(command, args, { cwd, env, stdio: "pipe" }));
}
