import type { Command } from "commander";
import { encodeHex } from "@tallystick/cose";
import { Receipt, ReceiptError } from "@tallystick/receipt";
import { TlogError } from "@tallystick/tlog";
import {
  VerifierError,
  verifyCompleteness,
  verifyConsistency,
  verifyTransparentStatement,
} from "@tallystick/verifier";
import type {
  CountedReceipt,
  Step,
  TrustStore,
  VerifiedTransparentStatement,
  VerifyOptions,
} from "@tallystick/verifier";

import { looksLikeBundle, wordsOnGiven } from "../appraisal/given.js";
import { CliError } from "../error.js";
import { EXIT } from "../exit.js";
import { codeOf, readWhole } from "../file.js";
import type { Output, Tone } from "../output.js";
import type { Session } from "../session.js";
import { completenessResult, questionOf, requireLogNamed } from "../completeness.js";
import { identityJson } from "../identity.js";
import { checkpointResult, noteIn, proofResult } from "../note-verdict.js";
import type { NoteTrust } from "../note-verdict.js";
import { readTrust } from "../trustfile.js";
import { readWitnessPolicy } from "../witness-policy.js";
import { parseWhole } from "../whole.js";

interface CommandOptions {
  readonly trust: string;
  readonly payload?: string;
  readonly since?: string;
  readonly witnessPolicy?: string;
  readonly tlogProof?: string;
  readonly complete?: true;
  readonly sub?: string;
  readonly iss?: string;
  readonly origin?: string;
  readonly atLeast?: number;
  readonly json?: true;
}

export function addVerify(program: Command, session: Session): void {
  program
    .command("verify")
    .description("verify a transparent statement offline, against pinned keys")
    .argument(
      "<file>",
      "transparent statement, or note; --since: receipt of consistency; --complete: proof",
    )
    .requiredOption("--trust <trust.json>", "keys that count, see tally trust export")
    .option("--payload <file>", "the file that the statement is about, to be compared")
    .option("--since <file>", "older transparent statement that the log has to extend")
    .option("--witness-policy <file>", "witnesses whose cosignatures receipts need (tlog-policy)")
    .option(
      "--tlog-proof <file>",
      "C2SP tlog-proof that the statement is on a log, in place of a receipt",
    )
    .option("--complete", "verify that a proof of tally search has all entries of --sub or --iss")
    .option("--sub <sub>", "with --complete: the subject that the proof has to be about")
    .option("--iss <iss>", "with --complete: the issuer that the proof has to be about")
    .option("--origin <origin>", "with --complete: the log that the proof has to be of")
    .option("--at-least <n>", "with --complete: the least number of entries covered", parseWhole)
    .option("--json", "print the result as one JSON object")
    .action(async (file: string, options: CommandOptions) => {
      const { payload, since, witnessPolicy } = options;
      if (payload !== undefined && since !== undefined) {
        throw new CliError("CLI_USAGE", "--payload and --since do not go together");
      }
      if (witnessPolicy !== undefined && since !== undefined) {
        throw new CliError("CLI_USAGE", "--witness-policy and --since do not go together");
      }
      const question = questionOf(options);
      const trust = await readTrust(options.trust);
      requireLogNamed(question, trust);
      const bytes = await readWhole(file);
      if (looksLikeBundle(bytes)) {
        throw new CliError("CLI_USAGE", `${file} is no statement, ${wordsOnGiven(bytes)}`);
      }
      const given = {
        ...(payload !== undefined && { artifact: await readWhole(payload) }),
        ...(witnessPolicy !== undefined && { witnesses: await readWitnessPolicy(witnessPolicy) }),
      };
      if (question !== undefined) {
        await reporting(session, async () =>
          completenessResult(await verifyCompleteness(bytes, trust, { ...question, ...given })),
        );
        if (question.atLeast === undefined) session.output.note(LATER);
        return;
      }
      if (await isNoteVerified(bytes, options, { trust, session, ...given })) return;
      await reporting(session, async () =>
        since === undefined
          ? statementResult(await verifyStatement(bytes, trust, given))
          : await consistencyResult(bytes, trust, await readWhole(since)),
      );
    });
}

const LATER = "nothing is said of later entries: --at-least N demands a proof that covers more";

/** Verifies what is vouched for by a note, a tlog-proof among it; yields whether it was that. */
async function isNoteVerified(
  bytes: Uint8Array,
  { payload, since, tlogProof }: CommandOptions,
  { session, ...pins }: NoteTrust & { readonly session: Session },
): Promise<boolean> {
  if (tlogProof !== undefined) {
    if (payload !== undefined || since !== undefined) {
      throw new CliError("CLI_USAGE", "--tlog-proof goes with neither --payload nor --since");
    }
    const proof = await readWhole(tlogProof);
    await reporting(session, () => proofResult(proof, bytes, pins));
    return true;
  }
  const note = payload === undefined && since === undefined ? noteIn(bytes) : undefined;
  if (note === undefined) return false;
  await reporting(session, () => checkpointResult(note, pins));
  return true;
}

/** What a verification came to, for people and for scripts. */
export interface Result {
  readonly steps: readonly Step[];
  /** What is listed before the conclusion. */
  readonly lines?: readonly string[];
  readonly conclusion: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** Why it came to no, with what was looked at before. */
interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly cause?: unknown;
  readonly steps: readonly Step[];
}

async function reporting(session: Session, verify: () => Promise<Result | Refusal>): Promise<void> {
  const { output, isJson } = session;
  const result = await verify().catch(refusalOf);
  if ("conclusion" in result) {
    const { steps, lines = [], conclusion, json } = result;
    if (isJson) {
      output.printJson({ verified: true, ...json, steps });
    } else {
      printSteps(steps, output);
      for (const line of lines) output.print(line);
      output.printMarked("good", "yes", `: ${conclusion}`);
    }
    return;
  }
  const { code, message, steps } = result;
  if (isJson) output.printJson({ verified: false, error: { code, message }, steps });
  else printSteps(steps, output);
  output.note(`tally: ${code}: does not verify: ${message}`);
  session.exit = EXIT.no;
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof TlogError) return { code: error.code, message: error.message, steps: [] };
  if (error instanceof VerifierError) return error;
  if (error instanceof CliError && error.code === "CLI_SINCE_UNUSABLE") {
    const { code, message, cause } = error;
    return { code, message, cause, steps: [] };
  }
  throw error;
}

const TONES: Readonly<Record<Step["outcome"], Tone>> = {
  verified: "good",
  skipped: "plain",
  failed: "bad",
};

function printSteps(steps: readonly Step[], output: Output): void {
  for (const { step, outcome, detail } of steps) {
    output.printMarked(TONES[outcome], outcome.padEnd(9), `${step}: ${detail}`);
  }
}

function statementResult(verified: VerifiedTransparentStatement): Result {
  const { statement, receipts, isIssuerVerified, identity, judgedAt, steps } = verified;
  const { issuer, subject, issuedAt } = statement.claims;
  const own = isIssuerVerified
    ? "and the issuer's signature holds"
    : "the issuer's own signature was not verified";
  return {
    steps,
    conclusion: `statement of ${issuer} about ${subject ?? "no subject"}: trusted services that vouch ${receipts.length}; ${own}`,
    json: {
      entryId: statement.entryId,
      issuer,
      subject: subject ?? null,
      issuedAt: issuedAt ?? null,
      isIssuerVerified,
      identity: identity === undefined ? null : identityJson(identity),
      judgedAt: identity === undefined ? null : (judgedAt ?? null),
      receipts: receipts.map(({ service, inclusion, cosigners }) => ({
        issuer: service.issuer,
        origin: service.origin,
        index: inclusion.index ?? null,
        size: inclusion.size ?? null,
        isSizeSigned: inclusion.receipt.signedSize !== undefined,
        root: encodeHex(inclusion.root),
        time: inclusion.receipt.issuedAt ?? null,
        witnesses: cosigners.map(({ witness, time }) => ({ name: witness.name, time })),
      })),
    },
  };
}

// A receipt has the headers of a statement, so what is said of it as a statement would mislead.
async function verifyStatement(
  bytes: Uint8Array,
  trust: TrustStore,
  given: VerifyOptions,
): Promise<VerifiedTransparentStatement> {
  try {
    return await verifyTransparentStatement(bytes, trust, given);
  } catch (cause) {
    const kind = kindOf(bytes);
    if (!(cause instanceof VerifierError) || kind === undefined) throw cause;
    const message = `this is a receipt of ${kind}, not a statement; ${ADVICE[kind]}`;
    throw new VerifierError(cause.code, message, { cause, steps: cause.steps });
  }
}

const ADVICE: Readonly<Record<Receipt["kind"], string>> = {
  inclusion: "verify the statement that carries it, as tally register writes it",
  consistency: "verify it with --since and an older statement",
};

function kindOf(bytes: Uint8Array): Receipt["kind"] | undefined {
  try {
    return Receipt.decode(bytes).kind;
  } catch (error) {
    if (error instanceof ReceiptError) return undefined;
    throw error;
  }
}

async function consistencyResult(
  bytes: Uint8Array,
  trust: TrustStore,
  older: Uint8Array,
): Promise<Result | Refusal> {
  const { receipts, steps } = await verifyTransparentStatement(older, trust);
  try {
    const json = await extensionOf(bytes, trust, receipts);
    const { issuer, origin, oldSize, newSize, newRoot } = json;
    const detail = `${issuer} vouches: size ${newSize} extends size ${oldSize}, root ${newRoot}`;
    return {
      steps: [...steps, { step: "consistency", outcome: "verified", detail }],
      conclusion: `the log ${origin} of size ${newSize} extends the one of size ${oldSize}`,
      json: { ...json },
    };
  } catch (error) {
    const { code, message, cause } = refusalOf(error);
    const failed = { outcome: "failed", detail: message, code: codeOf(cause) ?? code } as const;
    return { code, message, steps: [...steps, { step: "consistency", ...failed }] };
  }
}

/** A log at two sizes, roots in hexadecimal. */
interface Extension {
  readonly issuer: string;
  readonly origin: string;
  readonly oldSize: number;
  readonly oldRoot: string;
  readonly newSize: number;
  readonly newRoot: string;
}

async function extensionOf(
  bytes: Uint8Array,
  trust: TrustStore,
  receipts: readonly CountedReceipt[],
): Promise<Extension> {
  const log = logOf(bytes);
  const known = receipts.find(
    ({ service }) => service.issuer === log.issuer && service.origin === log.subject,
  );
  if (known === undefined) {
    throw unusable("the older statement has no receipt of the log that this receipt is of");
  }
  const { size, root, receipt } = known.inclusion;
  // Without a signature over it the size is a claim of whoever handed the statement on.
  if (size === undefined || receipt.signedSize === undefined) {
    throw unusable("the receipt of the older statement does not sign its tree size");
  }
  const { newSize, newRoot } = await verifyConsistency(bytes, trust, { size, root });
  return {
    issuer: known.service.issuer,
    origin: known.service.origin,
    oldSize: size,
    oldRoot: encodeHex(root),
    newSize,
    newRoot: encodeHex(newRoot),
  };
}

function logOf(bytes: Uint8Array): Pick<Receipt, "issuer" | "subject"> {
  try {
    return Receipt.decode(bytes);
  } catch (cause) {
    if (!(cause instanceof ReceiptError)) throw cause;
    throw new VerifierError("VERIFIER_CONSISTENCY_UNVERIFIED", cause.message, { cause });
  }
}

function unusable(message: string): CliError {
  return new CliError("CLI_SINCE_UNUSABLE", message);
}
