import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const TALLY = fileURLToPath(new URL("../../../cli/bin/tally.js", import.meta.url));

/** Longest time for a command; a process that hangs is a failure, not a wait. */
const LIMIT_MS = 120_000;

/**
 * How every server of a suite is started. It answers a registration when that is done, however long a
 * busy machine takes: an early 202 would be no promise that can be held against it.
 */
export const SERVE_OPTIONS: readonly string[] = [
  ...["--port", "0", "--log-level", "silent"],
  ...["--register-wait", "50000"],
  // Its calls would fall among those of a commit, which are counted.
  ...["--sync-probe", "0"],
];

/** What a process came to. */
export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether it ran into its limit, and was killed for that. */
  readonly isOverdue: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command is run. */
export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Command and arguments to run it under, such as strace. */
  readonly under?: readonly string[];
  /** Longest time, in milliseconds; two minutes by default. */
  readonly limitMs?: number;
}

/** A `tally` process and what it has said so far. */
export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  readonly #isUnder: boolean;
  // Owned by the listeners of the constructor.
  readonly #said = { stdout: "", stderr: "" };
  readonly #looks = new Set<() => void>();
  #isOver = false;

  constructor(
    args: readonly string[],
    { env = {}, under = [], limitMs = LIMIT_MS }: CommandOptions = {},
  ) {
    const [command = "", ...rest] = [...under, process.execPath, TALLY, ...args];
    this.#isUnder = under.length > 0;
    this.child = spawn(command, rest, {
      env: { ...process.env, NODE_OPTIONS: "", NO_COLOR: "1", ...env },
      stdio: "pipe",
    });
    for (const name of ["stdout", "stderr"] as const) {
      this.child[name]?.setEncoding("utf8").on("data", (text: string) => {
        this.#said[name] += text;
        this.#look();
      });
    }
    let isOverdue = false;
    const limit = setTimeout(() => {
      isOverdue = true;
      this.kill();
    }, limitMs);
    this.ended = new Promise((resolve) => {
      this.child.once("close", (code, signal) => {
        clearTimeout(limit);
        this.#isOver = true;
        this.#look();
        resolve({ code, signal, isOverdue, ...this.#said });
      });
    });
    this.child.stdin?.end();
  }

  /** Yields the match once it is said; `undefined` when the process ends without. */
  said(pattern: RegExp): Promise<RegExpExecArray | undefined> {
    return new Promise((resolve) => {
      const look = (): void => {
        const match = pattern.exec(this.#said.stdout);
        if (match === null && !this.#isOver) return;
        this.#looks.delete(look);
        resolve(match ?? undefined);
      };
      this.#looks.add(look);
      look();
    });
  }

  /** Ends the command itself, not only what it runs under. */
  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    const { pid } = this.child;
    if (this.#isOver || pid === undefined) return;
    const target = this.#isUnder ? (onlyChild(pid) ?? pid) : pid;
    try {
      process.kill(target, signal);
    } catch {
      // It was faster.
    }
  }

  #look(): void {
    for (const look of [...this.#looks]) look();
  }
}

/** Whether a fault killed a process; one that hung until its limit was not. */
export function wasKilled({ signal, isOverdue }: Pick<Outcome, "signal" | "isOverdue">): boolean {
  return signal === "SIGKILL" && !isOverdue;
}

/** Yields how a process ended, in words. */
export function describeEnd({ code, signal, isOverdue, stderr }: Outcome): string {
  const how = isOverdue ? "hung until its limit" : `exit ${String(code)} ${String(signal)}`;
  return `${how}: ${stderr.trim()}`;
}

/** Runs a command to its end. */
export function tally(args: readonly string[], options?: CommandOptions): Promise<Outcome> {
  return new Running(args, options).ended;
}

/** Runs a command that has to succeed. */
export async function mustTally(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await tally(args);
  if (code !== 0) throw new Error(`tally ${args.join(" ")}: exit ${String(code)}\n${stderr}`);
  return stdout;
}

function onlyChild(pid: number): number | undefined {
  try {
    const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    return first === undefined || first === "" ? undefined : Number(first);
  } catch {
    return undefined;
  }
}
