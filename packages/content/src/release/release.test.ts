import { describe, expect, test } from "@jest/globals";

import { factsOfContent } from "../facts.js";
import { recogniseContent } from "../recognise.js";
import { refusal } from "../testing/refusal.js";
import { jsonBytes } from "../testing/sample.js";
import { schemaOf } from "../testing/schema.js";
import { NOTICE_MEDIA_TYPES } from "./notice.js";
import { RELEASE_MEDIA_TYPE } from "./release.js";

const SHA384 = { alg: "sha-384", value: "ab".repeat(48) };
const TARGET = "11".repeat(32);
const RELEASE = {
  format: "tallystick-release/1",
  vendor: "Example Silicon",
  product: "Root of Trust",
  version: "7.0.1",
  files: [{ name: "rom.bin", digests: [SHA384] }],
  measurements: [{ element: "2", digests: [SHA384] }],
  rims: [{ entry: TARGET }],
  sboms: [{ digests: [SHA384] }],
};
const REVOKE = {
  format: "tallystick-revoke/1",
  target: TARGET,
  issuer: "https://vendor.example",
  reason: "signed by mistake",
};
const SUPERSEDE = {
  format: "tallystick-supersede/1",
  target: TARGET,
  issuer: "https://vendor.example",
  replacement: "22".repeat(32),
};

const SCHEMAS = ["release", "revoke", "supersede"].map(schemaOf);
// Through text, as a payload comes: members that are undefined are not there.
const isTaken = (value: object): boolean =>
  SCHEMAS.some((schema) => schema(JSON.parse(JSON.stringify(value))));
/** What JSON Schema has no words for. */
const UNSAID = ["a file that is there twice", "an algorithm twice", "a supersession by itself"];

describe("a statement type of Tallystick", () => {
  test.each([
    ["a release by its type", RELEASE, RELEASE_MEDIA_TYPE, "release"],
    ["a release by its format", RELEASE, "application/json", "release"],
    ["a release without a type", { ...RELEASE, rims: undefined }, undefined, "release"],
    ["a revocation", REVOKE, NOTICE_MEDIA_TYPES.revoke, "revoke"],
    ["a revocation by its format", REVOKE, 50, "revoke"],
    ["a supersession", SUPERSEDE, NOTICE_MEDIA_TYPES.supersede, "supersede"],
    [
      "another format",
      { ...RELEASE, format: "tallystick-release/2" },
      "application/json",
      "opaque",
    ],
  ] as const)("is recognised: %s", (...[, value, contentType, kind]) => {
    expect(recogniseContent(jsonBytes(value), { contentType }).kind).toBe(kind);
    expect(isTaken(value)).toBe(kind !== "opaque");
  });

  test("says what it says in its facts", () => {
    const rest: Partial<typeof RELEASE> = { ...RELEASE };
    delete rest.format;
    expect(factsOfContent(recogniseContent(jsonBytes(RELEASE)))).toStrictEqual({
      kind: "release",
      warnings: [],
      release: { ...rest, rims: [{ entry: TARGET, digests: [] }] },
    });
    const notice: Partial<typeof SUPERSEDE> = { ...SUPERSEDE };
    delete notice.format;
    expect(factsOfContent(recogniseContent(jsonBytes(SUPERSEDE)))).toStrictEqual({
      kind: "supersede",
      warnings: [],
      notice,
    });
  });

  const files = (...digests: readonly object[]): object => ({
    ...RELEASE,
    files: [{ name: "rom.bin", digests }],
  });
  test.each([
    ["no files", { ...RELEASE, files: [] }],
    ["no files at all", { ...RELEASE, files: undefined }],
    ["a file without a digest", files()],
    ["a file that is there twice", { ...RELEASE, files: [...RELEASE.files, ...RELEASE.files] }],
    ["an algorithm twice", files(SHA384, SHA384)],
    ["an algorithm that is not known", files({ alg: "md5", value: "00" })],
    ["a digest that is too short", files({ ...SHA384, value: "ab" })],
    ["a digest in upper case", files({ ...SHA384, value: "AB".repeat(48) })],
    ["a member that is not known", { ...RELEASE, more: 1 }],
    ["a member that is not known, below", files({ ...SHA384, more: 1 })],
    ["an empty vendor", { ...RELEASE, vendor: "" }],
    ["a reference to nothing", { ...RELEASE, rims: [{}] }],
    ["a reference to no entry", { ...RELEASE, rims: [{ entry: "AA" }] }],
    ["a measurement without an element", { ...RELEASE, measurements: [{ digests: [SHA384] }] }],
    ["a revocation without a reason", { ...REVOKE, reason: undefined }],
    ["a revocation with an empty reason", { ...REVOKE, reason: "" }],
    ["a revocation of nothing", { ...REVOKE, target: undefined }],
    ["a revocation of nobody's", { ...REVOKE, issuer: "" }],
    ["a revocation with a replacement", { ...REVOKE, replacement: "22".repeat(32) }],
    ["a supersession by nothing", { ...SUPERSEDE, replacement: undefined }],
    ["a supersession by itself", { ...SUPERSEDE, replacement: TARGET }],
  ])("is refused with %s, by the schema too", (name, value) => {
    expect(isTaken(value)).toBe(UNSAID.includes(name));
    expect(refusal(() => recogniseContent(jsonBytes(value)))).toBe("CONTENT_STRUCTURE_INVALID");
  });

  test("is refused under the type of another kind", () => {
    const claims = { contentType: NOTICE_MEDIA_TYPES.supersede };
    expect(refusal(() => recogniseContent(jsonBytes(REVOKE), claims))).toBe(
      "CONTENT_TYPE_MISMATCH",
    );
  });
});
