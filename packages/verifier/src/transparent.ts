import { encodeHex, formatThumbprint } from "@tallystick/cose";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import {
  SignedStatement,
  VerifiedStatement,
  formatInstant,
  verifyArtifact,
} from "@tallystick/statement";
import type { Identity } from "@tallystick/statement";
import type { Cosigner, WitnessPolicy } from "@tallystick/tlog";

import { VerifierError } from "./error.js";
import type { VerifierErrorCode } from "./error.js";
import { failed, isRefusal } from "./step.js";
import type { Refusal, Step } from "./step.js";
import type { TrustedIssuers } from "./issuers.js";
import type { TrustStore, TrustedService } from "./trust.js";
import { verifyWitnesses } from "./witnesses.js";

/** What may be checked beside the statement and its receipts. */
export interface VerifyOptions {
  /** The file that the statement is about; compared with its payload or hashed for its envelope. */
  readonly artifact?: Uint8Array;
  /** Witnesses whose cosignatures every receipt that counts has to carry (C2SP tlog-policy). */
  readonly witnesses?: WitnessPolicy;
}

/** A receipt that holds, with the service that vouches by it. */
export interface CountedReceipt {
  readonly service: TrustedService;
  readonly inclusion: VerifiedInclusion;
  /** The witnesses that cosigned its checkpoint; none where no witnesses were asked for. */
  readonly cosigners: readonly Cosigner[];
}

/**
 * A statement that enough trusted services vouch for; {@link verifyTransparentStatement} is the
 * only way to get one.
 */
export class VerifiedTransparentStatement {
  readonly statement: SignedStatement;
  /** The first receipt that holds of each service that vouches. */
  readonly receipts: readonly CountedReceipt[];
  /** Every receipt that holds: a service may vouch more than once, and for more than one log. */
  readonly allReceipts: readonly CountedReceipt[];
  /** Whether the issuer's own signature was verified too; without pinned issuers it was not. */
  readonly isIssuerVerified: boolean;
  /** Who signed, and what says so; `undefined` where the issuer's signature was not verified. */
  readonly identity: Identity | undefined;
  /**
   * When `requireReceipts` services had vouched, by the earliest receipt of each that holds, in
   * seconds since the epoch; `undefined` where fewer say when. Certificates and the terms of keys
   * are judged at it, and never at the time of the verification.
   */
  readonly judgedAt: number | undefined;
  readonly steps: readonly Step[];
  readonly #verified = true;

  private constructor({ statement, vouched, issuer, steps }: VerifiedParts) {
    this.statement = statement;
    this.receipts = vouched.counted;
    this.allReceipts = vouched.all;
    this.steps = steps;
    this.isIssuerVerified = issuer !== undefined;
    this.identity = issuer?.identity;
    this.judgedAt = vouched.time;
    Object.freeze(this);
  }

  static is(value: object): value is VerifiedTransparentStatement {
    return #verified in value;
  }

  /** See {@link verifyTransparentStatement}. */
  static async verify(
    bytes: Uint8Array,
    trust: TrustStore,
    { artifact, witnesses }: VerifyOptions = {},
  ): Promise<VerifiedTransparentStatement> {
    const trail = new Trail();
    const statement = await trail.require("statement", "VERIFIER_STATEMENT_REFUSED", () =>
      // IS7: what a log took without sub, its policy let pass; a receipt says that it took it.
      SignedStatement.decode(bytes, { isSubjectOptional: true }),
    );
    trail.verified("statement", `well-formed, entry ${statement.entryId}`);
    const vouched = await countReceipts(statement, { trust, trail, witnesses });
    const issuer = await verifyIssuer(statement, trust.issuers, { vouched, trail });
    if (artifact !== undefined) {
      await trail.require("artifact", "VERIFIER_ARTIFACT_MISMATCH", () =>
        verifyArtifact(statement, artifact),
      );
      trail.verified("artifact", "the file is what the statement is about");
    }
    return new VerifiedTransparentStatement({ statement, vouched, issuer, steps: trail.steps });
  }
}

interface VerifiedParts {
  readonly statement: SignedStatement;
  readonly vouched: Vouched;
  readonly issuer: VerifiedStatement | undefined;
  readonly steps: readonly Step[];
}

/** What the receipts of a statement come to. */
interface Vouched {
  /** The first receipt that holds of each service. */
  readonly counted: readonly CountedReceipt[];
  /** Every receipt that holds. */
  readonly all: readonly CountedReceipt[];
  /** When enough services had vouched, `undefined` where too few say. */
  readonly time: number | undefined;
}

/**
 * Verifies a transparent statement against what the caller trusts (RFC 9943 §7.1): its receipts,
 * then the issuer's signature where issuers are pinned, then the artifact where one is given.
 *
 * Opens no socket and reads no clock (I10). A receipt that does not hold, or of a service that is
 * not pinned, does not count and is named in `steps`; `requireReceipts` distinct services must
 * vouch (V2, V3). Receipts state when they were issued; whether that is recent enough is for the
 * caller to judge. The issuer's certificates and the terms of its key are judged at the time when
 * that many services had vouched, which fewer of them cannot put back.
 *
 * @throws {@link VerifierError} `VERIFIER_STATEMENT_REFUSED`, `VERIFIER_RECEIPTS_MISSING`,
 * `VERIFIER_RECEIPTS_INSUFFICIENT`, `VERIFIER_ISSUER_UNVERIFIED`, `VERIFIER_KEY_OUT_OF_TERM`,
 * `VERIFIER_KEY_REVOKED`, `VERIFIER_ARTIFACT_MISMATCH`
 */
export function verifyTransparentStatement(
  bytes: Uint8Array,
  trust: TrustStore,
  options: VerifyOptions = {},
): Promise<VerifiedTransparentStatement> {
  return VerifiedTransparentStatement.verify(bytes, trust, options);
}

/** What receipts are held against, and where it is told. */
interface Counting {
  readonly trust: TrustStore;
  readonly trail: Trail;
  readonly witnesses: WitnessPolicy | undefined;
}

async function countReceipts(statement: SignedStatement, counting: Counting): Promise<Vouched> {
  const { trust, trail } = counting;
  if (statement.receipts.length === 0) {
    throw trail.stop("VERIFIER_RECEIPTS_MISSING", "the statement carries no receipt");
  }
  // C1: receipts of several services may stand side by side. They are counted by issuer: two logs,
  // or two keys, of one service are one witness.
  const counted = new Map<string, CountedReceipt>();
  const all: CountedReceipt[] = [];
  for (const [position, bytes] of statement.receipts.entries()) {
    try {
      const found = await verifyReceipt({ bytes, position }, statement, counting);
      if (found === undefined) continue;
      all.push(found);
      if (!counted.has(found.service.issuer)) counted.set(found.service.issuer, found);
    } catch (error) {
      if (!isRefusal(error) && !(error instanceof VerifierError)) throw error;
      trail.failed("receipt", error);
    }
  }
  if (counted.size < trust.requireReceipts) {
    throw trail.stop(
      "VERIFIER_RECEIPTS_INSUFFICIENT",
      `trusted services that vouch: ${counted.size}, want ${trust.requireReceipts}`,
    );
  }
  return { counted: [...counted.values()], all, time: timeOf(all, trust.requireReceipts) };
}

/** Yields the time at which `count` services had vouched, `undefined` where fewer state one. */
function timeOf(all: readonly CountedReceipt[], count: number): number | undefined {
  const earliest = new Map<string, number>();
  for (const { service, inclusion } of all) {
    const { issuedAt = Infinity } = inclusion.receipt;
    earliest.set(service.issuer, Math.min(issuedAt, earliest.get(service.issuer) ?? Infinity));
  }
  const time = [...earliest.values()].sort((a, b) => a - b)[count - 1];
  return time === Infinity ? undefined : time;
}

async function verifyIssuer(
  statement: SignedStatement,
  issuers: TrustedIssuers | undefined,
  { vouched, trail }: { readonly vouched: Vouched; readonly trail: Trail },
): Promise<VerifiedStatement | undefined> {
  if (issuers === undefined) {
    trail.skipped(
      "issuer",
      "no issuer keys are pinned, the statement's own signature is not checked",
    );
    return undefined;
  }
  const { all, time } = vouched;
  const verified = await trail.require("issuer", "VERIFIER_ISSUER_UNVERIFIED", () =>
    VerifiedStatement.verify(statement, issuers, time === undefined ? {} : { time }),
  );
  const placements = all.map(({ service, inclusion }) => ({
    origin: service.origin,
    index: signedIndex(inclusion),
  }));
  trail.requireOwn("issuer", () => issuers.requireTerms(verified, { time, placements }));
  trail.verified(
    "issuer",
    `signature of ${statement.claims.issuer} holds${describe(verified.identity, time)}`,
  );
  return verified;
}

function describe(identity: Identity, time: number | undefined): string {
  if (identity.kind === "key") {
    return `, by its key ${formatThumbprint(identity.key)}`;
  }
  if (identity.kind === "did") return `, by the key in its ${identity.method}`;
  const { leaf, anchor } = identity.path;
  const at = time === undefined ? "" : ` as of ${formatInstant(time)}`;
  return `, by certificate ${leaf.label} under ${anchor.label}${at}`;
}

// An index means something only under a signed size.
function signedIndex({ receipt, index }: VerifiedInclusion): number | undefined {
  return receipt.signedSize === undefined ? undefined : index;
}

async function verifyReceipt(
  { bytes, position }: { readonly bytes: Uint8Array; readonly position: number },
  statement: SignedStatement,
  { trust, trail, witnesses }: Counting,
): Promise<CountedReceipt | undefined> {
  const receipt = Receipt.decode(bytes);
  const found = trust.resolve(receipt.issuer, receipt.kid);
  if (found === undefined) {
    trail.skipped("receipt", `receipt ${position} is of a service or key that is not pinned`);
    return undefined;
  }
  const { service, key } = found;
  if (receipt.subject !== service.origin) {
    trail.skipped("receipt", `receipt ${position} is of another log than ${service.origin}`);
    return undefined;
  }
  const { entry } = statement;
  const inclusion = await VerifiedInclusion.verify(receipt, { entry, key, vds: service.vds });
  const { signedSize: size, issuedAt: time } = receipt;
  trust.requireWithin(service.issuer, key, { size, root: inclusion.root, time });
  const cosigners = witnesses === undefined ? [] : await verifyWitnesses(inclusion, witnesses);
  const root = encodeHex(inclusion.root);
  const index = signedIndex(inclusion);
  const place =
    receipt.signedSize === undefined
      ? "entry of a tree"
      : `entry at index ${String(index)} of a tree of size ${receipt.signedSize}`;
  trail.verified("receipt", `${service.issuer} vouches: ${place}, root ${root}`);
  if (witnesses !== undefined) trail.verified("witnesses", describeCosigners(cosigners));
  return { service, inclusion, cosigners };
}

function describeCosigners(cosigners: readonly Cosigner[]): string {
  const names = cosigners.map(({ witness, time }) => `${witness.name} at ${formatInstant(time)}`);
  return names.length === 0 ? "none is asked for" : `cosigned by ${names.join(", ")}`;
}

/** Records the steps of one verification as it goes. */
class Trail {
  readonly steps: Step[] = [];

  verified(step: Step["step"], detail: string): void {
    this.steps.push({ step, outcome: "verified", detail });
  }

  skipped(step: Step["step"], detail: string): void {
    this.steps.push({ step, outcome: "skipped", detail });
  }

  failed(step: Step["step"], error: Refusal | VerifierError): void {
    this.steps.push(failed(step, error));
  }

  stop(code: VerifierErrorCode, message: string, cause?: Refusal): VerifierError {
    return new VerifierError(code, message, { cause, steps: [...this.steps] });
  }

  /** Yields what `verify` yields; a refusal of this package passes on, with the steps. */
  requireOwn<T>(step: Step["step"], verify: () => T): T {
    try {
      return verify();
    } catch (error) {
      if (!(error instanceof VerifierError)) throw error;
      const { code, message } = error;
      this.steps.push({ step, outcome: "failed", detail: message, code });
      throw new VerifierError(code, message, { steps: [...this.steps] });
    }
  }

  /** Yields what `verify` yields; its refusal ends the verification with `code`. */
  async require<T>(
    step: Step["step"],
    code: VerifierErrorCode,
    verify: () => T | Promise<T>,
  ): Promise<T> {
    try {
      return await verify();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.failed(step, error);
      throw this.stop(code, error.message, error);
    }
  }
}
