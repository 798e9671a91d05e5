import { describe, expect, test } from "@jest/globals";
import { digest, encodeHex } from "@tallystick/cose";
import { decodeEvidence, EvidenceError } from "@tallystick/evidence";
import { CelProgram } from "@tallystick/policy";

import {
  block,
  corim,
  record,
  releaseOf,
  stage,
  type Manifest,
  type Measured,
} from "./testing/device.js";
import { gatheredOf, knownOf, TIME } from "./testing/known.js";
import { report, rom, VENDOR } from "./testing/review.js";
import { decide, type Appraisal } from "./decide.js";
import { parseEvidencePolicy } from "./evidence-policy.js";
import type { Known } from "./gather.js";
import { manifestReasons } from "./manifest.js";
import { RULE_VARIABLES, type AppraisalPolicy } from "./policy.js";
import { subjectOfDevice } from "./subject.js";

const OTHER = "https://other.example";
const DEVICE = { vendor: "Example Silicon" };
const LENIENT = { device: DEVICE, allowsUnsigned: true, allowsStale: true };

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const id = (name: string): string => encodeHex(digest("sha-256", text(name)));
const rim = (manifest: Manifest = {}, more: Partial<Known> = {}): Known =>
  knownOf(id("rim"), corim(manifest), more);
const release = knownOf(id("release"), text(releaseOf(id("rim"))));
const reviewed = knownOf(id("sfr"), text(report(7, "none")));
/** A report about the stage that is measured. */
const direct = (version: number): Known => {
  const value = encodeHex(stage(version));
  const named = report(7, "none").replace(encodeHex(digest("sha-384", rom(7))), value);
  return knownOf(id("direct"), text(named));
};
const revoked = knownOf(
  id("revoke"),
  text(
    JSON.stringify({
      ...{ format: "tallystick-revoke/1", target: id("rim"), issuer: VENDOR, reason: "wrong" },
    }),
  ),
);

interface Case {
  readonly measured?: Measured;
  readonly evidence?: object;
  readonly policy?: Partial<AppraisalPolicy>;
  readonly fault?: EvidenceError;
}

const UNSIGNED = new EvidenceError("EVIDENCE_UNSIGNED", "signed by nobody");

function appraise(
  known: readonly Known[],
  { measured = { version: 7 }, evidence = {}, policy = {}, fault = UNSIGNED }: Case = {},
): Appraisal {
  const accepted = parseEvidencePolicy({ ...LENIENT, ...evidence });
  const decoded = decodeEvidence(record(measured), { device: accepted?.device ?? DEVICE });
  const subject = subjectOfDevice({ evidence: decoded, verified: undefined, fault });
  return decide(subject, gatheredOf(known), {
    operators: new Set(),
    vendors: new Map([[VENDOR, new Set(["Example Silicon"])]]),
    threshold: "medium",
    unknownSeverity: "deny",
    allowsIncomplete: false,
    evidence: accepted,
    rules: [],
    ...policy,
  } as unknown as AppraisalPolicy);
}

const against = ({ reasons }: Appraisal): readonly string[] =>
  reasons.filter(({ decision }) => decision !== "allow").map(({ rule }) => rule);
const said = ({ reasons, warnings }: Appraisal): string => JSON.stringify([reasons, warnings]);

describe("a device", () => {
  test("is allowed by manifest, release and report", () => {
    const appraisal = appraise([rim(), release, reviewed]);
    expect(appraisal.decision).toBe("allow");
    expect(appraisal.used.map(({ known, edge }) => [known.content.kind, edge])).toStrictEqual([
      ["rim", "measured"],
      ["release", `rim ${id("rim")}`],
      ["sfr", `release ${id("release")}`],
    ]);
    expect(appraisal.reasons.map(({ rule }) => rule)).toStrictEqual([
      ...["evidence", "fresh", "manifest", "reviewed"],
    ]);
    expect(said(appraisal)).toContain("3 of 3");
    expect(said(appraisal)).toContain("signed by nobody, which the policy allows");
  });

  test("is allowed by a manifest that names the file which was reviewed", () => {
    const files = [digest("sha-384", rom(7))];
    const appraisal = appraise([rim({ files }), reviewed]);
    expect(appraisal.decision).toBe("allow");
    expect(appraisal.used.at(-1)?.edge).toBe(`rim ${id("rim")}`);
  });

  test("is allowed by a report about what it measures, with its manifest or where that is asked for", () => {
    const rimless = appraise([direct(7)]);
    expect([rimless.decision, ...against(rimless)]).toStrictEqual(["manual", "uncovered"]);
    expect(said(rimless)).toContain("block 1: is in no manifest that matches");
    expect(appraise([direct(7)], { evidence: { uncovered: "allow" } }).decision).toBe("allow");
    expect(appraise([direct(7)], { evidence: { uncovered: "deny" } }).decision).toBe("deny");
    const matched = appraise([rim(), direct(7)]);
    expect([matched.decision, said(matched)]).toStrictEqual([
      "manual",
      expect.stringContaining("block 1: is led from to no report"),
    ]);
  });

  test("is led to a report by its version only where the policy allows it", () => {
    const files = [{ name: "x", digests: [{ alg: "sha-384", value: "00".repeat(48) }] }];
    const of = { ...(JSON.parse(releaseOf(id("rim"))) as object), files };
    const other = knownOf(id("release"), text(JSON.stringify(of)));
    const known = [rim(), other, reviewed];
    expect(appraise(known).decision).toBe("deny");
    const allowed = appraise(known, { evidence: { allowsVersions: true } });
    expect(allowed.used.at(-1)?.edge).toBe(`version ${id("release")}`);
    expect(allowed.decision).toBe("allow");
    const foreign = { evidence: { allowsVersions: true }, policy: { vendors: new Map() } };
    expect(appraise(known, foreign).decision).toBe("deny");
  });

  test.each([
    ["another firmware", { version: 8 }, "key 2 has sha-384"],
    ["an SVN below the minimum", { version: 7, svn: 4 }, "SVN 4, want at least 5"],
  ])("is denied with %s", (_name, measured, says) => {
    const appraisal = appraise([rim(), release, reviewed], { measured });
    expect(appraisal.decision).toBe("deny");
    expect(against(appraisal)).toContain("manifest");
    expect(said(appraisal)).toContain(says);
    expect(appraisal.held.map(({ match }) => match.matched)).toStrictEqual([2]);
  });

  test("is let be by the manifest of another version beside that of its own", () => {
    const next = knownOf(id("next"), corim({ version: 8 }));
    expect(appraise([rim(), next, release, reviewed]).decision).toBe("allow");
    expect(appraise([next, release, reviewed]).decision).toBe("deny");
  });

  test("is denied under debugging, unless the policy allows it", () => {
    const known = [rim(), release, reviewed];
    const measured = { version: 7, mode: 0x11 };
    const denied = appraise(known, { measured });
    expect([denied.decision, ...against(denied)]).toStrictEqual(["deny", "state", "state"]);
    const allowed = appraise(known, { measured, evidence: { allowsDebug: true } });
    expect([allowed.decision, said(allowed)]).toStrictEqual([
      "allow",
      expect.stringContaining("non-invasive debug is active, which the policy allows"),
    ]);
  });

  test("is for a person where its evidence may be old", () => {
    const appraisal = appraise([rim(), release, reviewed], { evidence: { allowsStale: false } });
    expect([appraisal.decision, ...against(appraisal)]).toStrictEqual(["manual", "fresh"]);
  });

  test.each([
    ["unsigned", UNSIGNED, { allowsUnsigned: false }],
    [
      "under a signature that does not hold",
      new EvidenceError("EVIDENCE_SIGNATURE_INVALID", "x"),
      {},
    ],
    ["for another challenge", new EvidenceError("EVIDENCE_NONCE_MISMATCH", "x"), {}],
  ])("is denied by nothing but its evidence where that is %s", (_name, fault, evidence) => {
    const appraisal = appraise([rim(), release, reviewed], { fault, evidence });
    expect(appraisal.decision).toBe("deny");
    expect(appraisal.reasons).toMatchObject([{ rule: "evidence" }]);
    expect(said(appraisal)).toContain(fault.code);
  });

  test("is denied by a manifest that was revoked", () => {
    const appraisal = appraise([rim(), release, reviewed, revoked]);
    expect([appraisal.decision, ...against(appraisal)]).toContain("revoked");
  });

  test("is appraised by rules over what it measured", () => {
    const program = CelProgram.compile(
      "elements.exists(e, has(e.svn) && e.svn >= 8) && rims.size() == 1",
      RULE_VARIABLES,
    );
    const rule = { name: "svn", program, reason: "an old SVN", otherwise: "deny" as const };
    const known = [rim(), release, reviewed];
    const policy = { rules: [rule] };
    expect(against(appraise(known, { policy }))).toStrictEqual(["svn"]);
    expect(appraise(known, { policy, measured: { version: 7, svn: 9 } }).decision).toBe("allow");
  });
});

describe("a manifest", () => {
  test.each([
    ["of an issuer who signs for no vendor", rim({}, { issuer: OTHER }), "signs for no vendor"],
    ["about another vendor's device", rim({ vendor: "Other" }), 'does not sign for \\"Other\\"'],
    [
      "of a profile that is not known",
      rim({ profile: "http://x.example" }),
      "profile is not known",
    ],
    ["that had lapsed", rim({ notAfter: TIME - 1 }), "was not valid when it was registered"],
    ["of no time with an end", rim({ notAfter: TIME + 1 }, { time: undefined }), "was not valid"],
    [
      "that was not checked inside",
      rim({}, { unchecked: "CONTENT_KEY_UNKNOWN: x" }),
      "KEY_UNKNOWN",
    ],
  ])("does not count %s, and that is told", (_name, known, says) => {
    const appraisal = appraise([known, release, reviewed]);
    expect(appraisal.decision).toBe("deny");
    expect(appraisal.held).toStrictEqual([]);
    expect(said(appraisal)).toContain(says);
  });

  test("counts within its term, and unchecked inside where the policy allows it", () => {
    const known = rim({ notAfter: TIME + 1 }, { unchecked: "CONTENT_KEY_UNKNOWN: x" });
    const evidence = { allowsUncheckedManifests: true };
    const appraisal = appraise([known, release, reviewed], { evidence });
    expect([appraisal.decision, said(appraisal)]).toStrictEqual([
      "allow",
      expect.stringContaining("was not checked, which the policy allows: CONTENT_KEY_UNKNOWN"),
    ]);
  });

  test("that is too large does not count, and keeps no other from counting", () => {
    const { content } = rim();
    if (content.kind !== "rim") throw new Error(content.kind);
    const comids = content.rim.comids.map((comid) => ({
      ...comid,
      references: comid.references.flatMap((one) => new Array<typeof one>(200_000).fill(one)),
    }));
    const large = rim(
      {},
      { entryId: id("large"), content: { ...content, rim: { ...content.rim, comids } } },
    );
    const appraisal = appraise([large, rim(), release, reviewed]);
    expect(appraisal.decision).toBe("allow");
    expect(said(appraisal)).toContain(`${id("large")} does not count as a manifest`);
  });

  test("does not lead on from evidence that it does not match", () => {
    const appraisal = appraise([rim({ version: 8 }), release, reviewed]);
    expect(appraisal.used).toStrictEqual([]);
  });
});

describe("the word of another vendor", () => {
  const vendors = (own: string, others: string): Case => ({
    policy: {
      vendors: new Map([
        [VENDOR, new Set([own])],
        [OTHER, new Set([others])],
      ]),
    },
  });
  const apart = vendors("Example Silicon", "Other Silicon");
  const ofOther = (payload: string): string => payload.replace("Example Silicon", "Other Silicon");
  const reviewedOther = knownOf(id("sfr"), text(ofOther(report(7, "none"))));

  test.each([
    ["the vendor of the device where it names none", { vendor: "Example Silicon" }, "allow", ""],
    ["no other vendor", { vendor: "Other Silicon" }, "deny", "does not sign for"],
    ["nobody where the policy names none", {}, "deny", "names no vendor"],
  ])("is not taken from a manifest, which is of %s", (...[, device, decision, says]) => {
    const evidence = { device: { ...device, model: "RoT" } };
    const appraisal = appraise([rim({ model: "RoT" }), release, reviewed], { evidence });
    expect([appraisal.decision, said(appraisal)]).toStrictEqual([
      decision,
      expect.stringContaining(says),
    ]);
  });

  test("does not forgive what a manifest denies", () => {
    const next = knownOf(id("next"), corim({ version: 8 }), { issuer: OTHER });
    const { held } = appraise([rim(), next], vendors("Example Silicon", "Example Silicon"));
    const decisionsOf = (own: string): readonly string[] =>
      manifestReasons(
        { held, undecided: [], warnings: [] },
        new Map([
          [VENDOR, new Set(["Example Silicon"])],
          [OTHER, new Set([own])],
        ]),
      ).map(({ decision }) => decision);
    expect(decisionsOf("Example Silicon")).toStrictEqual(["allow"]);
    expect(decisionsOf("Other Silicon")).toStrictEqual(["allow", "deny"]);
  });

  test("does not lead by a release of a vendor for whom its issuer does not sign", () => {
    const foreign = knownOf(id("release"), text(ofOther(releaseOf(id("rim")))));
    expect(appraise([rim(), foreign, reviewed]).decision).toBe("deny");
    expect(appraise([rim(), release, reviewed]).decision).toBe("allow");
  });

  test("does not lead by a release that names a manifest", () => {
    const foreign = knownOf(id("release"), text(ofOther(releaseOf(id("rim")))), { issuer: OTHER });
    const appraisal = appraise([rim(), foreign, reviewedOther], apart);
    expect(appraisal.decision).toBe("deny");
    expect(appraisal.used.map(({ known }) => known.content.kind)).toStrictEqual(["rim"]);
    const shared = { policy: { vendors: new Map([...(apart.policy?.vendors ?? [])]) } };
    shared.policy.vendors.set(VENDOR, new Set(["Example Silicon", "Other Silicon"]));
    expect(appraise([rim(), foreign, reviewedOther], shared).decision).toBe("allow");
  });

  test.each([
    ["of its own device", VENDOR, (payload: string) => payload, "allow"],
    ["of another's device", OTHER, ofOther, "deny"],
  ])("leads by what a release says is measured %s alone", (...[, issuer, change, decision]) => {
    const digests = [1, 7].map((one) => ({ alg: "sha-384", value: encodeHex(stage(one)) }));
    const measurements = digests.map((one) => ({ element: "1", digests: [one] }));
    const rest = JSON.parse(releaseOf(id("rim"))) as object;
    const payload = text(change(JSON.stringify({ ...rest, rims: [], measurements })));
    const measuring = knownOf(id("release"), payload, { issuer });
    const sfr = issuer === VENDOR ? reviewed : reviewedOther;
    expect(appraise([measuring, sfr], apart).decision).toBe(decision);
  });
});

describe("firmware that no statement accounts for", () => {
  test.each([
    ["as it is", block(3, 0x81, Uint8Array.of(1, 2, 3)), "manual"],
    ["of ROM as it is", block(3, 0x80, new Uint8Array(48)), "manual"],
    ["by an empty digest", block(3, 1, new Uint8Array()), "manual"],
    ["by a digest", block(3, 1, stage(9)), "manual"],
    ["by zeros, as where there is none", block(3, 1, new Uint8Array(48)), "allow"],
  ])("is told where it is measured %s", (_name, more, decision) => {
    const measured = { version: 7, more: [more] };
    const appraisal = appraise([rim(), release, reviewed], { measured });
    expect(appraisal.decision).toBe(decision);
    if (decision === "allow") return;
    expect(against(appraisal)).toStrictEqual(["uncovered"]);
    expect(said(appraisal)).toContain("block 3: is in no manifest that matches");
  });

  test("is told where one file of a manifest was reviewed, and another was not", () => {
    const files = [digest("sha-384", rom(7)), digest("sha-384", rom(8))];
    const appraisal = appraise([rim({ files }), reviewed]);
    expect([appraisal.decision, ...against(appraisal)]).toStrictEqual(["manual", "files"]);
    expect(said(appraisal)).toContain("1 of 2 files of a manifest");
    const both = knownOf(id("sfr 8"), text(report(8, "none")));
    expect(appraise([rim({ files }), reviewed, both]).decision).toBe("allow");
  });
});
