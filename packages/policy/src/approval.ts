import type { Signer } from "@tallystick/cose";
import { signStatement } from "@tallystick/statement";

import { POLICY_SUBJECT } from "./change.js";
import { encodeJson, isEntryId, readJson } from "./document.js";
import { malformed, reader } from "./member.js";

/** Value of the `format` member of an approval. */
export const APPROVAL_FORMAT = "tallystick-approval/1";

/** Media type of an approval as the payload of a statement. */
export const APPROVAL_MEDIA_TYPE = "application/vnd.tallystick.policy-approval+json";

const MAX_APPROVAL_BYTES = 1024;

/** What an operator signs to approve a proposal. */
export interface ApprovalDocument {
  readonly format: typeof APPROVAL_FORMAT;
  /** EntryID of the proposal. */
  readonly proposal: string;
}

/**
 * Parses the payload of an approval.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function parseApproval(bytes: Uint8Array): ApprovalDocument {
  const members = reader.membersOf(readJson(bytes, MAX_APPROVAL_BYTES), "approval", {
    required: ["format", "proposal"],
  });
  const { format, proposal } = members;
  if (format !== APPROVAL_FORMAT) throw malformed(`format is not "${APPROVAL_FORMAT}"`);
  if (!isEntryId(proposal)) throw malformed("proposal is not an EntryID");
  return { format: APPROVAL_FORMAT, proposal };
}

/**
 * Formats an approval as the bytes of a payload, in canonical form.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function formatApproval(document: ApprovalDocument): Uint8Array {
  return encodeJson(parseApproval(encodeJson(document)));
}

/**
 * Signs the approval of a proposal as a statement, fit to be registered.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export async function signApproval(
  proposal: string,
  { issuer, issuedAt }: { readonly issuer: string; readonly issuedAt: number },
  operator: Signer,
): Promise<Uint8Array> {
  const payload = formatApproval({ format: APPROVAL_FORMAT, proposal });
  return signStatement(
    { payload, contentType: APPROVAL_MEDIA_TYPE, issuer, subject: POLICY_SUBJECT, issuedAt },
    operator,
  );
}
