import { type Command, InvalidArgumentError } from "commander";

import { examine, type Finding } from "../checkup.js";
import { ServiceDirectory } from "../directory.js";
import { EXIT } from "../exit.js";
import type { ExitCode } from "../exit.js";
import { MIN_FREE_MIB } from "../opening.js";
import type { Output, Tone } from "../output.js";
import type { Session } from "../session.js";
import { parseMib } from "./serve.js";

interface DoctorOptions {
  readonly minFreeMib: number;
  readonly writes: number;
}

const DEFAULT_WRITES = 200;
const TONES = {
  good: "good",
  warning: "plain",
  bad: "bad",
  unknown: "bad",
} as const satisfies Record<Finding["verdict"], Tone>;

export function addDoctor(program: Command, session: Session): void {
  program
    .command("doctor")
    .description("examine disks, rights, key, clock and anchor of a service, which may be running")
    .argument("<dir>", "made by tally init")
    .option(
      "--min-free-mib <n>",
      "disk space below which nothing is registered",
      parseMib,
      MIN_FREE_MIB,
    )
    .option("--writes <n>", "how many synced writes are timed", parseWrites, DEFAULT_WRITES)
    .option("--json", "print the findings as one JSON object")
    .action(async (dir: string, options: DoctorOptions) => {
      const directory = await ServiceDirectory.open(dir);
      const now = (): number => session.now();
      const findings = await examine(directory, { ...options, now });
      session.exit = exitOf(findings);
      if (session.isJson) session.output.printJson({ findings });
      else print(findings, session.output);
    });
}

/** Yields 1 if something is wrong, 2 if something could not be examined, 0 otherwise. */
export function exitOf(findings: readonly Pick<Finding, "verdict">[]): ExitCode {
  if (findings.some(({ verdict }) => verdict === "bad")) return EXIT.no;
  return findings.some(({ verdict }) => verdict === "unknown") ? EXIT.failed : EXIT.yes;
}

function print(findings: readonly Finding[], output: Output): void {
  for (const { name, verdict, detail } of findings) {
    output.printMarked(TONES[verdict], verdict, `: ${name}: ${detail}`);
  }
}

function parseWrites(text: string): number {
  if (/^[1-9][0-9]{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("want a number from 1 to 999999.");
}
