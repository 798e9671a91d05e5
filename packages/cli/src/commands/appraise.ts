import type { Command } from "commander";
import {
  AppraisalError,
  decide,
  decodeBundle,
  gather,
  MAX_BUNDLE_BYTES,
  MAX_POLICY_BYTES,
  parseAppraisalPolicy,
  subjectOfDevice,
  type Appraisal,
  type AppraisalPolicy,
  type Decision,
  type Gathered,
  type Subject,
} from "@tallystick/appraisal";
import { formatInstant } from "@tallystick/statement";

import { readBounded } from "../appraisal/bounded.js";
import { readDevice } from "../appraisal/device.js";
import { evidenceTold, printEvidence } from "../appraisal/device-output.js";
import { wordsOnGiven } from "../appraisal/given.js";
import { PARTS } from "../appraisal/parts.js";
import { subjectOf, type SubjectOptions } from "../appraisal/subject.js";
import { CliError } from "../error.js";
import { EXIT } from "../exit.js";
import type { Output, Tone } from "../output.js";
import type { Session } from "../session.js";

interface AppraiseOptions extends SubjectOptions {
  readonly evidence?: string;
  readonly chain?: string;
  readonly nonce?: string;
  readonly bundle: string;
  readonly policy: string;
}

const EXITS = { allow: EXIT.yes, deny: EXIT.no, manual: EXIT.failed } as const;
const TONES: Readonly<Record<Decision, Tone>> = { allow: "good", deny: "bad", manual: "plain" };

export function addAppraise(program: Command, session: Session): void {
  program
    .command("appraise")
    .description("decide on firmware offline: exit 0 allow, 1 deny, 2 cannot decide")
    .option("--subject <file>", "the firmware")
    .option("--digest <alg:hex>", "its digest, as sha-384:…, in place of the file")
    .option("--evidence <file>", "what a device says that it runs, in place of the file")
    .option("--chain <pem>", "certificates of the device, leaf first, of SPDM evidence")
    .option("--nonce <hex>", "what the device was asked with")
    .requiredOption("--bundle <file>", "statements about it, made by tally bundle")
    .requiredOption("--policy <policy.json>", "what is accepted, and the keys that count")
    .option("--json", "print the decision as one JSON object")
    .action(async (options: AppraiseOptions) => {
      requireOneSubject(options);
      const policy = await decoded("--policy", options.policy, {
        maxBytes: MAX_POLICY_BYTES,
        decode: parseAppraisalPolicy,
      });
      const firmware = options.evidence === undefined ? await subjectOf(options) : undefined;
      const bundle = await decoded("--bundle", options.bundle, {
        maxBytes: MAX_BUNDLE_BYTES,
        decode: decodeBundle,
      });
      const gathered = await gather(bundle, policy, PARTS);
      const subject = firmware ?? (await deviceOf(options, policy, gathered));
      const appraisal = decide(subject, gathered, policy);
      const { output, isJson } = session;
      if (isJson) output.printJson(told({ subject, appraisal, gathered }));
      else print(output, appraisal, gathered);
      session.exit = EXITS[appraisal.decision];
    });
}

/** Reads a file of an option; what was given in its place is named. */
async function decoded<T>(
  option: string,
  path: string,
  { maxBytes, decode }: { readonly maxBytes: number; readonly decode: (bytes: Uint8Array) => T },
): Promise<T> {
  const bytes = await readBounded(path, maxBytes);
  try {
    return decode(bytes);
  } catch (cause) {
    if (!(cause instanceof AppraisalError)) throw cause;
    const words = wordsOnGiven(bytes);
    const why = words === "" ? cause.message : `${cause.message}; ${words}`;
    throw new AppraisalError(cause.code, `${option} ${path}: ${why}`, { cause });
  }
}

function requireOneSubject({ subject, digest, evidence, chain, nonce }: AppraiseOptions): void {
  const named = [subject, digest, evidence].filter((one) => one !== undefined);
  if (named.length !== 1) {
    throw new CliError("CLI_USAGE", "want one of --subject, --digest and --evidence");
  }
  if (evidence === undefined && (chain !== undefined || nonce !== undefined)) {
    throw new CliError("CLI_USAGE", "--chain and --nonce go with --evidence");
  }
}

/** Certificates of devices are judged at the newest time that the bundle knows. */
async function deviceOf(
  { evidence = "", chain, nonce }: AppraiseOptions,
  policy: AppraisalPolicy,
  { checkpointTime }: Gathered,
): Promise<Subject> {
  const options = {
    ...{ evidence },
    ...(chain === undefined ? {} : { chain }),
    ...(nonce === undefined ? {} : { nonce }),
  };
  return subjectOfDevice(await readDevice(options, policy, checkpointTime));
}

interface Told {
  readonly subject: Subject;
  readonly appraisal: Appraisal;
  readonly gathered: Gathered;
}

function told({ subject, appraisal, gathered }: Told): Readonly<Record<string, unknown>> {
  const { decision, reasons, warnings, used } = appraisal;
  const { origin, size, checkpointTime, isComplete } = gathered;
  return {
    decision,
    subject: subject.digests,
    ...evidenceTold(subject, appraisal),
    log: { origin, size, time: checkpointTime, isComplete },
    reasons: reasons.map(({ statement, ...reason }) => ({
      ...reason,
      statement: statement ?? null,
    })),
    warnings,
    statements: used.map(({ known, edge }) => ({
      entryId: known.entryId,
      index: known.index ?? null,
      time: known.time ?? null,
      kind: known.content.kind,
      issuer: known.issuer,
      isIssuerVerified: known.isIssuerVerified,
      provider: known.provider ?? null,
      edge,
    })),
  };
}

function print(output: Output, appraisal: Appraisal, gathered: Gathered): void {
  const { decision, reasons, warnings, used } = appraisal;
  printEvidence(output, appraisal.held);
  for (const { known, edge } of used) {
    const { entryId, content, issuer, provider } = known;
    const by = provider === undefined ? "" : `, signed inside by ${provider}`;
    output.printRow("plain", `${content.kind.padEnd(9)} `, `${entryId} of ${issuer}${by}: ${edge}`);
  }
  for (const { decision: one, rule, statement, value } of reasons) {
    const of = statement === undefined ? "" : ` ${statement}`;
    output.printRow(TONES[one], `${one.padEnd(9)} `, `${rule}:${of} ${value}`);
  }
  for (const warning of warnings) output.printRow("plain", "warning   ", warning);
  output.printRow(TONES[decision], `${decision}: `, reach(gathered));
}

function reach({ origin, size, checkpointTime, isComplete }: Gathered): string {
  const of = `${origin} up to size ${size}, signed at ${formatInstant(checkpointTime)}`;
  return isComplete
    ? `every entry of ${of}, was looked at; what came later was not`
    : `as far as the bundle has ${of}; what it leaves out, or came later, was not looked at`;
}
