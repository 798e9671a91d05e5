import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import type { ContentType } from "./content.js";
import { ContentError } from "./error.js";
import { factsOfContent } from "./facts.js";
import { mentionForm } from "./mention/form.js";
import { mentionsOf } from "./mention/mention.js";
import { recogniseContent } from "./recognise.js";
import { jsonBytes, REPORT } from "./testing/sample.js";
import { sharedFolder } from "./testing/shared.js";
import { swidXml } from "./testing/swid.js";

const SHA384 = { alg: "sha-384", value: "ab".repeat(48) };
const FILES = [{ name: "rom.bin", digests: [SHA384] }];
const TARGET = "11".repeat(32);

/** One payload of each kind that is made here. */
const MADE: readonly (readonly [string, Uint8Array])[] = [
  ["a report", jsonBytes(REPORT)],
  [
    "a release",
    jsonBytes({
      ...{ format: "tallystick-release/1", vendor: "v", product: "p", version: "1", files: FILES },
      measurements: [{ element: "2", digests: [SHA384] }],
    }),
  ],
  [
    "a revocation",
    jsonBytes({ format: "tallystick-revoke/1", target: TARGET, issuer: "i", reason: "r" }),
  ],
  [
    "a supersession",
    jsonBytes({
      format: "tallystick-supersede/1",
      target: TARGET,
      issuer: "i",
      replacement: "22".repeat(32),
    }),
  ],
  [
    "a record",
    jsonBytes({ format: "tallystick-record/1", type: "review", subjects: FILES, by: "b", made: 1 }),
  ],
  ["a SWID tag", swidXml()],
];

/** Real payloads, none larger than would take the time of many. */
const PUBLISHED: readonly (readonly [string, ...string[]])[] = [
  ["data", "sfr", "reports"],
  ["data", "sfr", "corim"],
  ["data", "rim", "corim-veraison"],
  ["data", "rim", "corim-cover"],
  ["data", "rim", "nvidia-swid"],
  ["data", "sbom", "cyclonedx"],
  ["data", "sbom", "spdx"],
  ["data", "sbom", "uswid"],
];

function published(): readonly (readonly [string, Uint8Array])[] {
  return PUBLISHED.flatMap((below) => {
    const folder = sharedFolder("fuzzed payloads", ...below);
    if (folder === undefined) return [];
    return readdirSync(folder)
      .filter((name) => /\.(?:jws|jwt|cbor|json|swidtag|xml|bin)$/.test(name))
      .map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))] as const)
      .filter(([, bytes]) => bytes.length < 16_384)
      .slice(0, 4);
  });
}

const SAMPLES = [...MADE, ...published()];

const TYPES: readonly (ContentType | undefined)[] = [
  ...[undefined, "application/vnd.ocp.safe-sfr+json", "application/swid+xml", 258],
  ...["application/vnd.tallystick.record+json", "application/spdx+json"],
];

/** Yields the kind, or the code of the refusal; anything else that happens fails the test. */
function outcomeOf(payload: Uint8Array, contentType: ContentType | undefined): string {
  try {
    const content = recogniseContent(payload, { contentType });
    // What is told of a payload is plain JSON, whatever the payload.
    expect(JSON.parse(JSON.stringify(factsOfContent(content)))).toHaveProperty("kind");
    // Whatever was found is found by asking for it.
    for (const { kind, value } of mentionsOf(content).list) {
      expect(kind === "purl" || mentionForm(kind, value) === value).toBe(true);
    }
    return content.kind;
  } catch (error) {
    if (error instanceof ContentError) return error.code;
    throw error;
  }
}

describe("any payload that comes about by changing a good one", () => {
  test("has samples of every format", () => {
    expect(new Set(SAMPLES.map(([, bytes]) => outcomeOf(bytes, undefined))).size).toBeGreaterThan(
      4,
    );
  });

  test.each(SAMPLES)("is read or refused: %s", (_name, whole) => {
    const change = fc.record({
      at: fc.nat(whole.length - 1),
      cut: fc.oneof(fc.nat(16), fc.constant(whole.length)),
      put: fc.oneof(
        fc.uint8Array({ maxLength: 16 }),
        fc.constantFrom(
          ...['"__proto__":{},', '"a":1,"a":2,', "[".repeat(64), "&a;", "<!DOCTYPE a>"].map(
            (text) => new TextEncoder().encode(text),
          ),
          Uint8Array.of(0xbf, 0x9f, 0x5f),
          Uint8Array.of(0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
        ),
      ),
      type: fc.constantFrom(...TYPES),
    });
    fc.assert(
      fc.property(change, ({ at, cut, put, type }) => {
        const changed = Uint8Array.of(...whole.slice(0, at), ...put, ...whole.slice(at + cut));
        expect(outcomeOf(changed, type)).toMatch(/^[a-zA-Z_-]+$/);
      }),
      { numRuns: 25 },
    );
  });

  const EACH = ["application/json", "application/cbor", "application/swid+xml", 258, 60] as const;

  test.each([
    ["lists in lists of JSON", new Uint8Array(1_000_000).fill(0x5b)],
    ["objects in objects", new TextEncoder().encode('{"a":'.repeat(150_000))],
    ["lists in lists of CBOR", new Uint8Array(1_000_000).fill(0x81)],
    ["lists without end", new Uint8Array(1_000_000).fill(0x9f)],
    ["tags on tags", new Uint8Array(1_000_000).fill(0xd8)],
    ["elements in elements", new TextEncoder().encode("<a>".repeat(300_000))],
    ["a quote that does not end", new TextEncoder().encode(`<a b="${"x".repeat(1_000_000)}`)],
    ["nothing but entities", new TextEncoder().encode(`<a>${"&a;".repeat(300_000)}</a>`)],
    ["nothing but spaces", new Uint8Array(1_000_000).fill(0x20)],
    ["nothing but dots", new Uint8Array(1_000_000).fill(0x2e)],
  ])("ends, where it is a bomb: %s", (_name, payload) => {
    for (const contentType of EACH) {
      expect(outcomeOf(payload, contentType)).toMatch(/^(?:opaque|CONTENT_MALFORMED)$/);
    }
  });
});
