import { spawnSync } from "node:child_process";

import type { Obstacle } from "./suite.js";

/** A system call that a traced process made, in the order in which they came to an end. */
export interface SystemCall {
  readonly thread: number;
  readonly name: string;
  /** Argument list, as strace prints it: strings in hexadecimal, descriptors with their paths. */
  readonly args: string;
  /** Negative when it failed. */
  readonly result: number;
  /** Path behind a descriptor that was returned. */
  readonly opened: string | undefined;
  readonly isInjected: boolean;
}

/** Everything that changes what is on a disk. */
export const DISK_CALLS: readonly string[] = [
  ...["openat", "write", "writev", "pwrite64", "pwritev", "fsync", "fdatasync"],
  ...["rename", "renameat", "renameat2", "unlink", "unlinkat", "ftruncate", "truncate", "mkdir"],
  ...["link", "linkat"],
];

/** Everything that can fail on a disk. */
export const FILE_CALLS: readonly string[] = [...DISK_CALLS, "read", "pread64"];

/** Slows down only those calls that are traced. */
const FILTER = "--seccomp-bpf";

/** Names what is missing for tracing. */
export function straceObstacle(): Obstacle {
  const { status } = spawnSync("strace", ["-f", "-o", "/dev/null", "true"], {
    timeout: 30_000,
  });
  return status === 0 ? undefined : "strace, or of the right to trace";
}

/** As much of what is written as is kept where all of it matters. */
const WHOLE_BYTES = 16 * 1024 * 1024;

/** Yields what to run a command under to have its calls, and so much of each write, put in a file. */
export function tracing(
  file: string,
  calls: readonly string[],
  bytes: number = WHOLE_BYTES,
): readonly string[] {
  return ["strace", FILTER, ...recording(file, calls, bytes)];
}

// Paths are never cut short.
function recording(file: string, calls: readonly string[], bytes: number): readonly string[] {
  return ["-f", "-y", "-xx", "-s", String(bytes), "-o", file, "-e", `trace=${calls.join()}`];
}

/** A call that is to fail: the `when`th of this name that any one thread makes on the paths. */
export interface Injection {
  readonly call: string;
  readonly when: number;
  readonly as: "EIO" | "ENOSPC" | "EDQUOT" | "KILL";
  readonly paths: readonly string[];
  /** Whether those after it fail as well. `call` may then name several, each counted by itself. */
  readonly isLasting?: boolean;
}

/** Yields what to run a command under to have one call fail. */
export function injecting(
  file: string,
  { call, when, as, paths, isLasting = false }: Injection,
): readonly string[] {
  // A signal does not reach a call that the filter has stopped; killed, it is not carried out.
  const [fault, filter] = as === "KILL" ? ["signal=KILL", []] : [`error=${as}`, [FILTER]];
  return [
    ...["strace", ...filter, ...recording(file, [call], 0)],
    ...["-e", `inject=${call}:${fault}:when=${when}${isLasting ? "+" : ""}`],
    ...paths.flatMap((path) => ["-P", path]),
  ];
}

/** Parses what strace wrote. */
export function parseTrace(text: string): readonly SystemCall[] {
  const begun = new Map<number, string>();
  const calls: SystemCall[] = [];
  for (const line of text.split("\n")) {
    const [, id = "", rest = ""] = /^(\d+) +(.*)$/s.exec(line) ?? [];
    const thread = Number(id);
    const unfinished = /^(.*?) *<unfinished \.\.\.>$/s.exec(rest);
    if (unfinished !== null) {
      begun.set(thread, unfinished[1] ?? "");
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/s.exec(rest);
    const whole = resumed === null ? rest : (begun.get(thread) ?? "") + (resumed[1] ?? "");
    const call = parseCall(thread, whole);
    if (call !== undefined) calls.push(call);
  }
  return calls;
}

function parseCall(thread: number, line: string): SystemCall | undefined {
  const match = /^(\w+)\((.*)\) += (-?\d+|\?)(?:<([^>]*)>)?(.*)$/s.exec(line);
  if (match === null) return undefined;
  const [, name = "", args = "", result = "", opened, tail = ""] = match;
  return {
    thread,
    name,
    args,
    result: result === "?" ? -1 : Number(result),
    opened: opened === undefined ? undefined : textOf(opened),
    isInjected: tail.includes("(INJECTED)"),
  };
}

/** Yields the strings of an argument list, decoded. */
export function stringsOf({ args }: SystemCall): readonly Uint8Array[] {
  return Array.from(args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g), ([, hex = ""]) => bytesOf(hex));
}

/** Yields the paths named by a call's arguments: as strings, and behind descriptors. */
export function pathsOf(call: SystemCall): readonly string[] {
  const isPlain = call.name.includes("write");
  const strings = isPlain ? [] : stringsOf(call).map((bytes) => new TextDecoder().decode(bytes));
  const behind = Array.from(call.args.matchAll(/(?:^|, )\d+<([^>]*)>/g), ([, hex = ""]) =>
    textOf(hex),
  );
  return [...strings, ...behind];
}

function textOf(hex: string): string {
  return new TextDecoder().decode(bytesOf(hex));
}

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll("\\x", ""), "hex"));
}
