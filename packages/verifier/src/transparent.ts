import { encodeHex } from "@tallystick/cose";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { SignedStatement, VerifiedStatement, verifyArtifact } from "@tallystick/statement";

import { VerifierError } from "./error.js";
import type { VerifierErrorCode } from "./error.js";
import { failed, isRefusal } from "./step.js";
import type { Refusal, Step } from "./step.js";
import type { TrustStore, TrustedService } from "./trust.js";

/** What may be checked beside the statement and its receipts. */
export interface VerifyOptions {
  /** The file that the statement is about; compared with its payload or hashed for its envelope. */
  readonly artifact?: Uint8Array;
}

/** A receipt that holds, with the service that vouches by it. */
export interface CountedReceipt {
  readonly service: TrustedService;
  readonly inclusion: VerifiedInclusion;
}

/**
 * A statement that enough trusted services vouch for; {@link verifyTransparentStatement} is the
 * only way to get one.
 */
export class VerifiedTransparentStatement {
  readonly statement: SignedStatement;
  /** The first receipt that holds of each service that vouches. */
  readonly receipts: readonly CountedReceipt[];
  /** Whether the issuer's own signature was verified too; without pinned issuers it was not. */
  readonly isIssuerVerified: boolean;
  readonly steps: readonly Step[];
  readonly #verified = true;

  private constructor(
    statement: SignedStatement,
    receipts: readonly CountedReceipt[],
    steps: readonly Step[],
  ) {
    this.statement = statement;
    this.receipts = receipts;
    this.steps = steps;
    this.isIssuerVerified = steps.some(
      ({ step, outcome }) => step === "issuer" && outcome === "verified",
    );
    Object.freeze(this);
  }

  static is(value: object): value is VerifiedTransparentStatement {
    return #verified in value;
  }

  /** See {@link verifyTransparentStatement}. */
  static async verify(
    bytes: Uint8Array,
    trust: TrustStore,
    { artifact }: VerifyOptions = {},
  ): Promise<VerifiedTransparentStatement> {
    const trail = new Trail();
    const statement = await trail.require("statement", "VERIFIER_STATEMENT_REFUSED", () =>
      SignedStatement.decode(bytes),
    );
    trail.verified("statement", `well-formed, entry ${statement.entryId}`);
    const receipts = await countReceipts(statement, trust, trail);
    if (trust.issuers === undefined) {
      trail.skipped(
        "issuer",
        "no issuer keys are pinned, the statement's own signature is not checked",
      );
    } else {
      const keys = trust.issuers;
      await trail.require("issuer", "VERIFIER_ISSUER_UNVERIFIED", () =>
        VerifiedStatement.verify(statement, keys),
      );
      trail.verified("issuer", `signature of ${statement.claims.issuer} holds`);
    }
    if (artifact !== undefined) {
      await trail.require("artifact", "VERIFIER_ARTIFACT_MISMATCH", () =>
        verifyArtifact(statement, artifact),
      );
      trail.verified("artifact", "the file is what the statement is about");
    }
    return new VerifiedTransparentStatement(statement, receipts, trail.steps);
  }
}

/**
 * Verifies a transparent statement against what the caller trusts (RFC 9943 §7.1): its receipts,
 * then the issuer's signature where issuers are pinned, then the artifact where one is given.
 *
 * Opens no socket and reads no clock (I10). A receipt that does not hold, or of a service that is
 * not pinned, does not count and is named in `steps`; `requireReceipts` distinct services must
 * vouch (V2, V3). Receipts state when they were issued; whether that is recent enough is for the
 * caller to judge.
 *
 * @throws {@link VerifierError} `VERIFIER_STATEMENT_REFUSED`, `VERIFIER_RECEIPTS_MISSING`,
 * `VERIFIER_RECEIPTS_INSUFFICIENT`, `VERIFIER_ISSUER_UNVERIFIED`, `VERIFIER_ARTIFACT_MISMATCH`
 */
export function verifyTransparentStatement(
  bytes: Uint8Array,
  trust: TrustStore,
  options: VerifyOptions = {},
): Promise<VerifiedTransparentStatement> {
  return VerifiedTransparentStatement.verify(bytes, trust, options);
}

async function countReceipts(
  statement: SignedStatement,
  trust: TrustStore,
  trail: Trail,
): Promise<readonly CountedReceipt[]> {
  if (statement.receipts.length === 0) {
    throw trail.stop("VERIFIER_RECEIPTS_MISSING", "the statement carries no receipt");
  }
  // C1: receipts of several services may stand side by side. They are counted by issuer: two logs,
  // or two keys, of one service are one witness.
  const counted = new Map<string, CountedReceipt>();
  for (const [position, bytes] of statement.receipts.entries()) {
    try {
      const found = await verifyReceipt({ bytes, position }, statement, { trust, trail });
      if (found !== undefined && !counted.has(found.service.issuer)) {
        counted.set(found.service.issuer, found);
      }
    } catch (error) {
      if (!isRefusal(error)) throw error;
      trail.failed("receipt", error);
    }
  }
  if (counted.size < trust.requireReceipts) {
    throw trail.stop(
      "VERIFIER_RECEIPTS_INSUFFICIENT",
      `trusted services that vouch: ${counted.size}, want ${trust.requireReceipts}`,
    );
  }
  return [...counted.values()];
}

async function verifyReceipt(
  { bytes, position }: { readonly bytes: Uint8Array; readonly position: number },
  statement: SignedStatement,
  { trust, trail }: { readonly trust: TrustStore; readonly trail: Trail },
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
  const root = encodeHex(inclusion.root);
  // An index means something only under a signed size.
  const place =
    receipt.signedSize === undefined
      ? "entry of a tree"
      : `entry at index ${String(inclusion.index)} of a tree of size ${receipt.signedSize}`;
  trail.verified("receipt", `${service.issuer} vouches: ${place}, root ${root}`);
  return { service, inclusion };
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

  failed(step: Step["step"], error: Refusal): void {
    this.steps.push(failed(step, error));
  }

  stop(code: VerifierErrorCode, message: string, cause?: Refusal): VerifierError {
    return new VerifierError(code, message, { cause, steps: [...this.steps] });
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
