import type { Command } from "commander";
import { formatInstant } from "@tallystick/statement";

import { decodeBundle } from "../appraisal/bundle.js";
import { decide, type Appraisal } from "../appraisal/decide.js";
import { gather, type Gathered } from "../appraisal/gather.js";
import { parseAppraisalPolicy } from "../appraisal/policy.js";
import type { Decision } from "../appraisal/reason.js";
import { subjectOf, type SubjectOptions } from "../appraisal/subject.js";
import { EXIT } from "../exit.js";
import { readWhole } from "../file.js";
import type { Output, Tone } from "../output.js";
import type { Session } from "../session.js";

interface AppraiseOptions extends SubjectOptions {
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
    .requiredOption("--bundle <file>", "statements about it, made by tally bundle")
    .requiredOption("--policy <policy.json>", "what is accepted, and the keys that count")
    .option("--json", "print the decision as one JSON object")
    .action(async (options: AppraiseOptions) => {
      const subject = await subjectOf(options);
      const policy = parseAppraisalPolicy(await readWhole(options.policy));
      const gathered = await gather(decodeBundle(await readWhole(options.bundle)), policy);
      const appraisal = decide(subject, gathered, policy);
      const { output, isJson } = session;
      if (isJson) output.printJson(told({ subject, appraisal, gathered }));
      else print(output, appraisal, gathered);
      session.exit = EXITS[appraisal.decision];
    });
}

interface Told {
  readonly subject: readonly object[];
  readonly appraisal: Appraisal;
  readonly gathered: Gathered;
}

function told({ subject, appraisal, gathered }: Told): Readonly<Record<string, unknown>> {
  const { decision, reasons, warnings, used } = appraisal;
  const { origin, size, checkpointTime, isComplete } = gathered;
  return {
    decision,
    subject,
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
  for (const { known, edge } of used) {
    const { entryId, content, issuer, provider } = known;
    const by = provider === undefined ? "" : `, signed inside by ${provider}`;
    output.print(`${content.kind.padEnd(9)} ${entryId} of ${issuer}${by}: ${edge}`);
  }
  for (const { decision: one, rule, statement, value } of reasons) {
    const of = statement === undefined ? "" : ` ${statement}`;
    output.printMarked(TONES[one], one.padEnd(9), ` ${rule}:${of} ${value}`);
  }
  for (const warning of warnings) output.print(`warning   ${warning}`);
  output.printMarked(TONES[decision], decision, `: ${reach(gathered)}`);
}

function reach({ origin, size, checkpointTime, isComplete }: Gathered): string {
  const of = `${origin} up to size ${size}, signed at ${formatInstant(checkpointTime)}`;
  return isComplete
    ? `every entry of ${of}, was looked at; what came later was not`
    : `as far as the bundle has ${of}; what it leaves out, or came later, was not looked at`;
}
