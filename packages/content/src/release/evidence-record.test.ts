import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { ContentError } from "../error.js";
import { factsOfContent } from "../facts.js";
import { recogniseContent } from "../recognise.js";
import { refusal } from "../testing/refusal.js";
import { jsonBytes } from "../testing/sample.js";
import { schemaOf } from "../testing/schema.js";
import { RECORD_MEDIA_TYPE } from "./evidence-record.js";

const DIGEST = { alg: "sha-384", value: "ab".repeat(48) };
const FILE = { name: "rom.bin", digests: [DIGEST] };
const BUILD = {
  ...{ format: "tallystick-record/1", type: "build-log", subjects: [FILE], by: "CI" },
  ...{ made: 1_790_000_000, outcome: "pass", documents: [{ ...FILE, name: "build.log" }] },
};
const EXCEPTION = {
  ...BUILD,
  type: "security-exception",
  exception: { gap: "g", mitigation: "m", expires: 1_800_000_000, issues: ["CWE-390"] },
};
const HISTORY = {
  ...BUILD,
  type: "revision-history",
  revisions: [{ version: "7", text: "first" }],
};
const SIGNING = { ...BUILD, type: "signing", signing: { purpose: "release", key: "hsm-1" } };
const withException = (changes: object): object => ({
  ...EXCEPTION,
  exception: { ...EXCEPTION.exception, ...changes },
});

const schema = schemaOf("record");
// Through text, as a payload comes: members that are undefined are not there.
const isTaken = (value: object): boolean => schema(JSON.parse(JSON.stringify(value)));
/** What JSON Schema has no words for. */
const UNSAID = ["a name twice", "an algorithm twice", "an exception that is over when it is made"];

describe("an evidence record", () => {
  test.each([
    ["build log", BUILD],
    ["test log", { ...BUILD, type: "test-log", outcome: "fail", summary: "two of 90" }],
    ["review", { ...BUILD, type: "review", outcome: undefined }],
    ["penetration test", { ...BUILD, type: "penetration-test", documents: undefined }],
    ["security exception", EXCEPTION],
    ["revision history", HISTORY],
    ["signing record", SIGNING],
  ])("is recognised by its type and by its format: %s", (_name, value) => {
    expect(isTaken(value)).toBe(true);
    for (const contentType of [RECORD_MEDIA_TYPE, "application/json", undefined]) {
      const { type } = value;
      const facts = factsOfContent(recogniseContent(jsonBytes(value), { contentType }));
      expect(facts).toMatchObject({ kind: "record", record: { type, subjects: [FILE] } });
    }
  });

  test("has its own members among its facts", () => {
    const factsOf = (value: object): unknown =>
      factsOfContent(recogniseContent(jsonBytes(value)))["record"];
    expect(factsOf(EXCEPTION)).toMatchObject({ exception: EXCEPTION.exception });
    expect(factsOf(HISTORY)).toMatchObject({ revisions: HISTORY.revisions });
    expect(factsOf(SIGNING)).toMatchObject({ signing: SIGNING.signing });
    expect(factsOf(BUILD)).not.toHaveProperty("exception");
  });

  test.each([
    ["another type", { ...BUILD, type: "poem" }],
    ["no type", { ...BUILD, type: undefined }],
    ["no subject", { ...BUILD, subjects: [] }],
    ["no subjects at all", { ...BUILD, subjects: undefined }],
    ["a subject without a digest", { ...BUILD, subjects: [{ ...FILE, digests: [] }] }],
    [
      "a digest that is too short",
      { ...BUILD, subjects: [{ ...FILE, digests: [{ ...DIGEST, value: "ab" }] }] },
    ],
    ["a name twice", { ...BUILD, documents: [FILE, FILE] }],
    ["an algorithm twice", { ...BUILD, subjects: [{ ...FILE, digests: [DIGEST, DIGEST] }] }],
    ["nobody who made it", { ...BUILD, by: "" }],
    ["no time", { ...BUILD, made: undefined }],
    ["a time that is a text", { ...BUILD, made: "2026-01-01" }],
    ["a time that is a fraction", { ...BUILD, made: 1.5 }],
    ["a time before all times", { ...BUILD, made: -1 }],
    ["another outcome", { ...BUILD, outcome: "maybe" }],
    ["a member that is unknown", { ...BUILD, more: 1 }],
    ["an exception without one", { ...BUILD, type: "security-exception" }],
    ["an exception without an end", withException({ expires: undefined })],
    ["an exception that is over when it is made", withException({ expires: 1_790_000_000 })],
    ["an exception without a mitigation", withException({ mitigation: "" })],
    ["an issue that is none", withException({ issues: ["BUG-1"] })],
    ["an exception in a build log", { ...EXCEPTION, type: "build-log" }],
    ["a history without revisions", { ...HISTORY, revisions: [] }],
    ["a revision without a version", { ...HISTORY, revisions: [{ text: "x" }] }],
    ["a signature for nothing", { ...SIGNING, signing: { purpose: "fun", key: "k" } }],
    ["a signature by nobody", { ...SIGNING, signing: { purpose: "release" } }],
    [
      "many documents",
      { ...BUILD, documents: Array.from({ length: 1025 }, (_, i) => ({ ...FILE, name: `${i}` })) },
    ],
  ])("is refused with %s, by the schema too", (name, value) => {
    expect(isTaken(value)).toBe(UNSAID.includes(name));
    const options = { contentType: RECORD_MEDIA_TYPE };
    expect(refusal(() => recogniseContent(jsonBytes(value), options))).toBe(
      "CONTENT_STRUCTURE_INVALID",
    );
  });

  test("is read or refused, with any bytes changed", () => {
    const whole = jsonBytes(EXCEPTION);
    const change = fc.record({
      at: fc.nat(whole.length - 1),
      put: fc.uint8Array({ maxLength: 8 }),
    });
    fc.assert(
      fc.property(change, ({ at, put }) => {
        const changed = Uint8Array.of(...whole.slice(0, at), ...put, ...whole.slice(at + 1));
        try {
          recogniseContent(changed, { contentType: RECORD_MEDIA_TYPE });
        } catch (error) {
          expect(error).toBeInstanceOf(ContentError);
        }
      }),
    );
  });
});
