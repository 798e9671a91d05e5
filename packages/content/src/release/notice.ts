import type { Json } from "../json.js";
import { invalid, JsonRecord } from "../record.js";
import { readEntry, requireMembers } from "./member.js";

/** Values of `format`; another value is another format. */
export const NOTICE_FORMATS = {
  revoke: "tallystick-revoke/1",
  supersede: "tallystick-supersede/1",
} as const;

/** Media types of notices as payloads of statements. */
export const NOTICE_MEDIA_TYPES = {
  revoke: "application/vnd.tallystick.revoke+json",
  supersede: "application/vnd.tallystick.supersede+json",
} as const;

/** What becomes of a statement: it is revoked, or replaced by another. */
export type NoticeKind = keyof typeof NOTICE_FORMATS;

/** A statement about another statement of the same log. */
export interface Notice {
  /** EntryID of the statement that it is about. */
  readonly target: string;
  /** `iss` of that statement. Nobody has compared it: who has the statement does that. */
  readonly issuer: string;
  readonly reason: string | undefined;
  /** EntryID of the statement that replaces it; of `supersede` alone. */
  readonly replacement: string | undefined;
}

/** @throws {@link ContentError} `CONTENT_STRUCTURE_INVALID` */
export function readNotice(value: Json, kind: NoticeKind): Notice {
  const root = JsonRecord.of(value, "");
  const own = kind === "supersede" ? ["replacement"] : [];
  requireMembers(root, ["format", "target", "issuer", "reason", ...own]);
  const target = readEntry(root, "target");
  const replacement = kind === "supersede" ? readEntry(root, "replacement") : undefined;
  if (target === replacement) throw invalid("replacement", "is the target");
  const reason = kind === "revoke" ? root.requiredText("reason", 1) : root.text("reason");
  return { target, issuer: root.requiredText("issuer", 1), reason, replacement };
}
