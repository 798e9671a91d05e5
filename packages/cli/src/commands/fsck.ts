import type { Command } from "commander";
import { encodeHex } from "@tallystick/cose";
import type { LogProgress, LogReport, Verdict } from "@tallystick/log";

import { ServiceDirectory } from "../directory.js";
import { EXIT } from "../exit.js";
import type { ExitCode } from "../exit.js";
import { codeOf } from "../file.js";
import { openAnchor, openStore } from "../opening.js";
import type { Output } from "../output.js";
import { Progress } from "../progress.js";
import { verifyingKeys } from "../receipt-keys.js";
import type { Session } from "../session.js";

// A part of the contract: 2 is also "could not be checked", which a script treats alike.
const EXITS: Readonly<Record<Verdict, ExitCode>> = {
  sound: EXIT.yes,
  corrupt: EXIT.no,
  incomplete: EXIT.failed,
};

interface FsckOptions {
  readonly bodies?: boolean;
  readonly quiet?: true;
}

export function addFsck(program: Command, session: Session): void {
  program
    .command("fsck")
    .description("recompute a whole log from its entries: exit 0 sound, 1 corrupt, 2 incomplete")
    .argument("<dir>", "made by tally init; not served meanwhile")
    .option("--bodies", "read and hash every body, too (the default)")
    .option("--no-bodies", "check the tree and all rows under it, but no bodies")
    .option("--quiet", "no progress line")
    .option("--json", "print the report as one JSON object")
    .action(async (dir: string, { bodies = true, quiet }: FsckOptions) => {
      const directory = await ServiceDirectory.open(dir);
      const isQuiet = session.isJson || quiet === true;
      const progress = new Progress(session.output, { isQuiet });
      const report = await checkDirectory(directory, bodies, progress).catch(unopened);
      progress.clear();
      if (session.isJson) session.output.printJson(jsonOf(report));
      else printReport(report, session.output);
      session.exit = EXITS[report.verdict];
    });
}

async function checkDirectory(
  directory: ServiceDirectory,
  bodies: boolean,
  progress: Progress,
): Promise<LogReport> {
  const { checkLog } = await import("@tallystick/log");
  const key = await verifyingKeys(directory);
  const store = await openStore(directory, "in use by a running server, stop it first");
  const onProgress = ({ entries, size }: LogProgress): void => {
    progress.show(entries, size);
  };
  const options = { store, key, bodies, onProgress };
  try {
    const anchor = await openAnchor(directory).catch(damageOf);
    if ("damage" in anchor) return withDamage(await checkLog(options), anchor.damage);
    try {
      const report = await checkLog({ ...options, anchor });
      if (report.verdict === "sound") await store.discardKept();
      return report;
    } finally {
      await anchor.close();
    }
  } finally {
    await store.close();
  }
}

function damageOf(error: unknown): { readonly damage: string } {
  if (!(error instanceof Error) || codeOf(error) !== "LOG_CORRUPT") throw error;
  return { damage: error.message };
}

// The anchor is to blame, and the log is checked all the same.
function withDamage(report: LogReport, detail: string): LogReport {
  const problem = { kind: "unreadable", where: "anchor", detail } as const;
  const problems = [...report.problems, problem];
  return { ...report, verdict: "corrupt", problems, problemCount: report.problemCount + 1 };
}

// A log that is lost or damaged as a whole is a finding like any other.
function unopened(error: unknown): LogReport {
  const code = codeOf(error);
  const isMissing = code === "LOG_NOT_FOUND";
  if (!(error instanceof Error) || (!isMissing && code !== "LOG_CORRUPT")) throw error;
  const kind = isMissing ? "missing" : "unreadable";
  return {
    verdict: isMissing ? "incomplete" : "corrupt",
    size: 0,
    root: undefined,
    checked: { entries: 0, tiles: 0, bodies: 0, checkpoints: 0 },
    problems: [{ kind, where: "log", detail: error.message }],
    problemCount: 1,
  };
}

function jsonOf({ root, ...report }: LogReport): Readonly<Record<string, unknown>> {
  return { ...report, root: root === undefined ? null : encodeHex(root) };
}

function printReport(report: LogReport, output: Output): void {
  const { verdict, size, root, frozen, checked, problems, problemCount } = report;
  const tone = verdict === "sound" ? "good" : "bad";
  const head = root === undefined ? "" : `, root ${encodeHex(root)}`;
  output.printMarked(tone, verdict, `: ${size} entries${head}`);
  if (frozen !== undefined) {
    const when = new Date(1000 * frozen.time).toISOString();
    output.print(`closed to new entries for good: ${when}: ${frozen.why}`);
  }
  const counts = Object.entries(checked).map(([what, count]) => `${what} ${count}`);
  output.print(`checked: ${counts.join(", ")}`);
  for (const { kind, where, detail } of problems) output.print(`${kind}: ${where}: ${detail}`);
  if (problemCount > problems.length) {
    output.print(`and ${problemCount - problems.length} problems more`);
  }
}
