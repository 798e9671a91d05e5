import type { EvidenceRecordContent, FirmwareReleaseContent, NoticeContent } from "../content.js";
import { isJsonObject, memberOf, type Json } from "../json.js";
import { readEvidenceRecord, RECORD_FORMAT } from "./evidence-record.js";
import { NOTICE_FORMATS, readNotice, type NoticeKind } from "./notice.js";
import { readRelease, RELEASE_FORMAT } from "./release.js";

/**
 * Yields a release, a record or a notice by its `format`; `undefined` for anything else.
 *
 * @throws {@link ContentError} `CONTENT_STRUCTURE_INVALID`
 */
export function readOwn(
  value: Json,
): FirmwareReleaseContent | EvidenceRecordContent | NoticeContent | undefined {
  const format = isJsonObject(value) ? memberOf(value, "format") : undefined;
  if (format === RELEASE_FORMAT)
    return { kind: "release", release: readRelease(value), warnings: [] };
  if (format === RECORD_FORMAT)
    return { kind: "record", record: readEvidenceRecord(value), warnings: [] };
  const kinds: readonly NoticeKind[] = ["revoke", "supersede"];
  const kind = kinds.find((one) => NOTICE_FORMATS[one] === format);
  return kind === undefined ? undefined : { kind, notice: readNotice(value, kind), warnings: [] };
}
