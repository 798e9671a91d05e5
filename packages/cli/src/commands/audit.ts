import type { Command } from "commander";
import { AuditState, AuditorError } from "@tallystick/auditor";
import type { Audit, AuditProgress, AuditReport } from "@tallystick/auditor";
import { encodeHex } from "@tallystick/cose";

import { withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { openAuditee } from "../auditee.js";
import type { AuditedKey, Auditee } from "../auditee.js";
import { CliError } from "../error.js";
import { LOOSE_EVIDENCE, keepEvidenceOf, withEvidence } from "../evidence-file.js";
import type { EvidencePlace } from "../evidence-file.js";
import { EXIT } from "../exit.js";
import { codeOf, readWhole, writeWhole } from "../file.js";
import type { Output } from "../output.js";
import { Progress } from "../progress.js";
import type { Session } from "../session.js";
import { withDemand } from "../witness-policy.js";
import type { DemandOptions } from "../witness-policy.js";

interface CommandOptions extends AccessOptions, DemandOptions {
  readonly service?: string;
  readonly trust?: string;
  readonly state?: string;
  readonly evidence?: string;
  readonly quiet?: true;
}

export function addAudit(program: Command, session: Session): void {
  const command = program
    .command("audit")
    .description("replay a whole log: exit 0 sound, 1 not as it should be, 2 without a verdict")
    .argument("[dir]", "made by tally init and not served meanwhile, or by export or mirror")
    .option("--service <url>", "a running service, in place of a directory")
    .option("--trust <trust.json>", "pinned keys; with a directory, its own unless given")
    .option("--state <file>", "where an earlier run stopped, and where this one is saved")
    .option(
      "--evidence <file>",
      "what to write if the log contradicts itself (default: the --state file, or tally, .evidence)",
    )
    .option("--quiet", "no progress line")
    .option("--json", "print the report as one JSON object");
  withAccess(withDemand(command)).action(
    async (dir: string | undefined, options: CommandOptions) => {
      await withEvidence(evidencePlace(options), session.output, async () => {
        const auditee = await openAuditee({ dir, ...options });
        try {
          await run(auditee, options, session);
        } finally {
          await auditee.close();
        }
      });
    },
  );
}

function evidencePlace({ evidence: path, state }: CommandOptions): EvidencePlace {
  return { path, otherwise: state === undefined ? LOOSE_EVIDENCE : `${state}.evidence` };
}

async function run(auditee: Auditee, options: CommandOptions, session: Session): Promise<void> {
  const { output, isJson } = session;
  const { state: path, quiet } = options;
  const state = path === undefined ? undefined : await readState(path);
  const before = state?.parts.size ?? 0;
  // First, for it is the quicker one, and what it refuses needs no replay.
  await auditee.check(before);
  const progress = new Progress(output, { before, isQuiet: isJson || quiet === true });
  // For when the source fails: what was checked by then is not lost.
  let reached: AuditProgress | undefined;
  const onProgress = (made: AuditProgress): void => {
    reached = made;
    progress.show(made.checked, made.size);
  };
  if (!isJson) for (const key of auditee.keys) output.print(`key: ${describeKey(key)}`);
  try {
    const done = await interruptible(auditee, { onProgress, ...(state && { state }) });
    progress.clear();
    await saveState(path, done.state);
    const rate = progress.rate(done.report.checked - before);
    tell(done.report, { auditee, rate }, session);
  } catch (error) {
    progress.clear();
    if (error instanceof AuditorError && error.code !== "AUDITOR_STATE_INVALID") {
      tellDisagreement(error, session);
      return;
    }
    await saveState(path, reached?.save());
    await keepEvidenceOf(error, evidencePlace(options), output);
    session.fail(error);
    // Whatever a service refuses: without what it did not give there is no verdict.
    session.exit = EXIT.failed;
  }
}

async function interruptible(
  { source, trust }: Auditee,
  options: {
    readonly onProgress: (made: AuditProgress) => void;
    readonly state?: AuditState;
  },
): Promise<Audit> {
  const { audit } = await import("@tallystick/auditor");
  const controller = new AbortController();
  const stop = (): void => {
    controller.abort();
  };
  process.on("SIGINT", stop);
  try {
    return await audit(source, trust, { ...options, signal: controller.signal });
  } finally {
    process.off("SIGINT", stop);
  }
}

async function readState(path: string): Promise<AuditState | undefined> {
  try {
    return AuditState.decode(await readWhole(path));
  } catch (error) {
    if (error instanceof CliError && codeOf(error.cause) === "ENOENT") return undefined;
    throw error;
  }
}

async function saveState(path: string | undefined, state: AuditState | undefined): Promise<void> {
  if (path !== undefined && state !== undefined) await writeWhole(path, state.encode());
}

function describeKey({ thumbprint, pinnedIn }: AuditedKey): string {
  return pinnedIn === undefined
    ? `${thumbprint}, the directory's own: nothing vouches for it, pin it with --trust`
    : `${thumbprint}, pinned in ${pinnedIn}`;
}

function tell(
  report: AuditReport,
  { auditee, rate }: { readonly auditee: Auditee; readonly rate: number },
  session: Session,
): void {
  const { isComplete, checked, size, root } = report;
  const { keys, witnessed } = auditee;
  if (!isComplete) session.exit = EXIT.failed;
  if (session.isJson) {
    const verdict = isComplete ? "sound" : null;
    const hex = root === undefined ? null : encodeHex(root);
    const thumbprints = keys.map(({ thumbprint }) => thumbprint);
    const cosigned = witnessed === undefined ? {} : { publishedSize: witnessed };
    session.output.printJson({ ...report, verdict, root: hex, thumbprints, rate, ...cosigned });
    return;
  }
  if (isComplete && root !== undefined) {
    session.output.printMarked("good", "sound", `: ${size} entries, root ${encodeHex(root)}`);
  } else {
    session.output.print(`not finished: checked up to ${checked} of ${size}, no verdict`);
  }
  if (witnessed !== undefined) session.output.print(`witnessed: ${witnessed} entries`);
  printCounts(report, rate, session.output);
}

function printCounts({ counts, longestWait }: AuditReport, rate: number, output: Output): void {
  const parts = Object.entries(counts).map(([what, count]) => `${what} ${count}`);
  output.print(`checked: ${parts.join(", ")}`);
  output.print(`longest wait for a checkpoint: ${longestWait} s`);
  output.print(`rate: ${rate} entries/s`);
}

function tellDisagreement(error: AuditorError, session: Session): void {
  session.exit = EXIT.no;
  const { code, index, entryId, message } = error;
  // Nothing was found wrong with the log: whether it is depends on what is to be pinned.
  const verdict = code === "AUDITOR_KEY_UNPINNED" ? "unpinned" : "disagreement";
  if (session.isJson) {
    const where = { index: index ?? null, entryId: entryId ?? null };
    session.output.printJson({ verdict, ...where, error: { code, message } });
  } else {
    session.output.printMarked("bad", verdict, `: ${code}: ${message}`);
  }
}
