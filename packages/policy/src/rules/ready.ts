import type { ReviewKey } from "@tallystick/content";

import type { Meter } from "../cel/meter.js";
import type { Facts } from "../facts.js";
import type { RimAuthorities } from "../rim-signature.js";
import { bomSchema } from "./bom.js";
import { certificatePin } from "./certificate.js";
import { hashEnvelopeOnly, maxBytes, contentTypes } from "./content.js";
import { algorithms, iatWindow, issuers, requiredClaims, subject } from "./header.js";
import type { Parameters } from "./parameters.js";
import { minimumSvn } from "./payload.js";
import { contentWarnings, noticeIssuer, reportVendor, soundContent } from "./report.js";
import { reviewSignature } from "./review.js";
import { rimSignature } from "./rim.js";
import { payloadSchema } from "./schema.js";

/**
 * Yields why a statement is refused, for the person refused; `undefined` when it is not. What costs
 * more than a pass over a few members is charged; a spent meter throws.
 */
export type Check = (facts: Facts, meter: Meter) => string | undefined;

/** A check that asks what takes more than reading the payload; see {@link Finding}. */
export interface AskingCheck {
  readonly check: Check;
  /** Whose key a report is signed with, of these. */
  readonly reviewKeys?: readonly ReviewKey[];
  /** Whether a manifest is signed inside by one of these. */
  readonly rimAuthorities?: RimAuthorities;
  /** Whether a bill of materials is as its schema has it. */
  readonly asksForSchema?: boolean;
}

/** A ready rule: which parameters there are, and what they make of it. */
export interface ReadyRule {
  readonly parameters: readonly string[];
  /** @throws {@link PolicyError} `POLICY_MALFORMED` */
  readonly compile: (parameters: Parameters) => Check | AskingCheck;
}

/** What a policy names a ready rule by. */
export type ReadyRuleName =
  | "issuers"
  | "subject"
  | "algorithms"
  | "contentTypes"
  | "maxBytes"
  | "hashEnvelopeOnly"
  | "certificatePin"
  | "minimumSvn"
  | "iatWindow"
  | "requiredClaims"
  | "payloadSchema"
  | "reviewSignature"
  | "rimSignature"
  | "reportVendor"
  | "soundContent"
  | "bomSchema"
  | "contentWarnings"
  | "noticeIssuer";

/** The ready rules by name; docs/formats/rules.md shows each. */
export const READY_RULES: Readonly<Record<ReadyRuleName, ReadyRule>> = {
  issuers,
  subject,
  algorithms,
  contentTypes,
  maxBytes,
  hashEnvelopeOnly,
  certificatePin,
  minimumSvn,
  iatWindow,
  requiredClaims,
  payloadSchema,
  reviewSignature,
  rimSignature,
  reportVendor,
  soundContent,
  bomSchema,
  contentWarnings,
  noticeIssuer,
};
