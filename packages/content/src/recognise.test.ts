import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import type { ContentType } from "./content.js";
import { ContentError } from "./error.js";
import { factsOfContent } from "./facts.js";
import { mayBeBom, recogniseContent } from "./recognise.js";
import { refusal } from "./testing/refusal.js";
import { jsonBytes, REPORT, reportWith, signJws } from "./testing/sample.js";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const jws = await signJws(jsonBytes(REPORT));
const inSpace = (bytes: Uint8Array): Uint8Array =>
  text(`\ufeff\u00a0\v${new TextDecoder().decode(bytes)}\u2003\n`);
const OTHER_JWS = await signJws(text("{}"));
const HS256_JWT = await signJws(text("{}"), { alg: "HS256" });
const HS256_REPORT = await signJws(jsonBytes(REPORT), { alg: "HS256" });
const CRIT_REPORT = await signJws(jsonBytes(REPORT), { alg: "ES512", crit: [] });
const SFR_TYPE = "application/vnd.ocp.safe-sfr+json";

describe("a payload", () => {
  test.each([
    ["a JWS without a type", jws, undefined, "sfr"],
    ["a JWS in white space of any kind", inSpace(jws), undefined, "sfr"],
    ["a JWS as JOSE", jws, "application/jose", "sfr"],
    ["a JWS as a JWT", jws, "Application/JWT; charset=utf-8", "sfr"],
    ["a JWS as bytes", jws, 42, "sfr"],
    ["a JWS of another type", jws, "application/vnd.example", "opaque"],
    ["a JWS under an unknown number", jws, 10_000, "opaque"],
    ["a bare report", jsonBytes(REPORT), "application/json", "sfr"],
    ["a bare report by its type", jsonBytes(REPORT), SFR_TYPE, "sfr"],
    ["a bare report behind white space", text(` \n${JSON.stringify(REPORT)}`), 50, "sfr"],
    ["other JSON", text("{}"), "application/json", "opaque"],
    ["a list", text("[]"), "application/json", "opaque"],
    ["a JWS of something else", OTHER_JWS, undefined, "opaque"],
    ["a JWT by HS256", HS256_JWT, undefined, "opaque"],
    ["nothing", new Uint8Array(0), undefined, "opaque"],
    ["text", text("hello"), "text/plain", "opaque"],
  ] as const)("is told by type and structure: %s", (...[, payload, contentType, kind]) => {
    const type: ContentType | undefined = contentType;
    expect(recogniseContent(payload, { contentType: type }).kind).toBe(kind);
  });

  test.each([
    ["JSON that is cut short", text('{"device":'), /not JSON/],
    ["JSON with a member twice", text('{"device":1,"device":2}'), /one member twice/],
    ["JSON with __proto__", text('{"__proto__":{}}'), /__proto__/],
    ["JSON nested deeply", text(`{"a":${"[".repeat(99)}${"]".repeat(99)}}`), /nested deeper/],
    ["a JWS of no JSON", text("e30.AAAA.AAAA"), /not JSON/],
    ["more bytes than are read", text("{".repeat(1024 * 1024 + 1)), /more than 1048576 bytes/],
  ])("of a general type is opaque where it cannot be read: %s", (_name, payload, problem) => {
    const content = recogniseContent(payload, { contentType: "application/json" });
    expect(content).toMatchObject({ kind: "opaque", warnings: [] });
    expect(content.kind === "opaque" ? content.problem : "").toMatch(problem);
  });

  test.each([
    ["JSON that is cut short", text('{"device":'), "CONTENT_MALFORMED"],
    ["JSON with a member twice", text('{"device":1,"device":2}'), "CONTENT_MALFORMED"],
    ["a JWS", jws, "CONTENT_MALFORMED"],
    ["more bytes than are read", text("{".repeat(1024 * 1024 + 1)), "CONTENT_TOO_LARGE"],
    ["other JSON", text("{}"), "CONTENT_TYPE_MISMATCH"],
    [
      "a report without a vendor",
      jsonBytes(reportWith("device", { vendor: "" })),
      "CONTENT_STRUCTURE_INVALID",
    ],
  ])("is refused where it is not what its type names: %s", (_name, payload, code) => {
    expect(refusal(() => recogniseContent(payload, { contentType: SFR_TYPE }))).toBe(code);
  });

  test.each([
    [
      "a bare report without issues",
      jsonBytes(reportWith("audit", { issues: undefined })),
      "CONTENT_STRUCTURE_INVALID",
    ],
    ["a report by HS256", HS256_REPORT, "CONTENT_ALG_UNSUPPORTED"],
    ["a report under crit", CRIT_REPORT, "CONTENT_HEADER_REFUSED"],
  ])("is refused where it is a kind that is known, and unsound: %s", (_name, payload, code) => {
    expect(refusal(() => recogniseContent(payload))).toBe(code);
  });

  test("is held to the limits of the caller", () => {
    const options = { contentType: SFR_TYPE, limits: { maxDepth: 2 } };
    expect(refusal(() => recogniseContent(jsonBytes(REPORT), options))).toBe("CONTENT_MALFORMED");
  });

  test.each([
    ["no bytes", { maxBytes: 0 }],
    ["a depth that would recurse too far", { maxDepth: 257 }],
    ["half an item", { maxItems: 0.5 }],
  ])("is not read under limits that make no sense: %s", (_name, limits) => {
    expect(() => recogniseContent(jws, { limits })).toThrow(TypeError);
  });

  test("is recognised or refused, whatever it is", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json({ maxDepth: 4 }).map(text),
      fc.nat(jws.length).map((length) => jws.subarray(0, length)),
    );
    const types = fc.constantFrom<ContentType | undefined>(undefined, "application/json", SFR_TYPE);
    fc.assert(
      fc.property(bytes, types, (payload, contentType) => {
        try {
          const facts = factsOfContent(recogniseContent(payload, { contentType }));
          expect(JSON.parse(JSON.stringify(facts))).toStrictEqual(facts);
        } catch (error) {
          expect(error).toBeInstanceOf(ContentError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("a bill of materials", () => {
  const bom = jsonBytes({ bomFormat: "CycloneDX", specVersion: "1.6", version: 1 });
  test.each<readonly [string, Uint8Array, ContentType | undefined, boolean]>([
    ["JSON", bom, "application/json", true],
    ["JSON behind white space", text(` \n${JSON.stringify(REPORT)}`), undefined, true],
    ["anything of its type", text("x"), "application/spdx+json; version=2.3", true],
    ["a signed report", jws, undefined, false],
    ["JSON of another type", bom, SFR_TYPE, false],
    ["JSON of an unknown type", bom, 10_000, false],
    ["nothing", new Uint8Array(0), undefined, false],
  ])("may be there or not at a glance: %s", (...row) => {
    const [, payload, contentType, isLikely] = row;
    expect(mayBeBom(payload, contentType)).toBe(isLikely);
  });
});

describe("facts", () => {
  test("of a report are plain values, and none is null", () => {
    expect(factsOfContent(recogniseContent(jws))).toStrictEqual({
      kind: "sfr",
      form: "jws",
      kid: "lab",
      warnings: [],
      sfr: [
        {
          frameworkVersion: "2.1",
          reportVersion: "1.0",
          vendor: "Example Silicon",
          product: "Root of Trust",
          category: "RoT (rom.bin)",
          repoTag: "release-7",
          firmwareVersion: "7.0.1",
          digests: [
            { alg: "sha-384", value: "ab".repeat(48) },
            { alg: "sha-512", value: "cd".repeat(64) },
          ],
          measured: [],
          isMatchable: true,
          manifest: [],
          provider: "Example Lab",
          methodology: "whitebox",
          scope: 1,
          completed: "2026-03-09",
          worst: "low",
          issues: [
            {
              title: "[LOW] Serial console stays open",
              band: "low",
              score: 3.7,
              statedScore: 3.7,
              vector: "CVSS:3.1/AV:P/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L",
              vectorScore: 3.7,
              cwe: "CWE-1191",
              description: "The console answers before the lock.",
            },
          ],
        },
      ],
    });
  });

  test("of what is not understood say why, if anything can be said", () => {
    expect(factsOfContent(recogniseContent(text("hello")))).toStrictEqual({
      kind: "opaque",
      warnings: [],
    });
    expect(factsOfContent(recogniseContent(text("{")))).toMatchObject({
      problem: expect.stringContaining("not JSON"),
    });
  });
});
