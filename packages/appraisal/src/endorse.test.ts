import { generateKeyPairSync } from "node:crypto";

import { describe, expect, test } from "@jest/globals";
import { recogniseContent, type Measurement } from "@tallystick/content";
import { digest, encodeHex, PublicKey } from "@tallystick/cose";
import { decodeEvidence, EvidenceError } from "@tallystick/evidence";
import { CelProgram } from "@tallystick/policy";

import { corim, record } from "./testing/device.js";
import { report, rom, VENDOR } from "./testing/review.js";
import { decide, type Appraisal } from "./decide.js";
import { parseEvidencePolicy } from "./evidence-policy.js";
import type { Known } from "./gather.js";
import { RULE_VARIABLES, type AppraisalPolicy } from "./policy.js";
import { subjectOfDevice } from "./subject.js";

const TIME = 1_790_000_000;
const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const PEM = publicKey.export({ format: "pem", type: "spki" }) as string;
const DER = publicKey.export({ format: "der", type: "spki" }).toString("base64");
const OWN = PublicKey.fromPem(PEM).thumbprintHex;

const knownOf = (name: string, payload: Uint8Array): Known => {
  const content = recogniseContent(payload);
  const isReport = "reports" in content;
  return {
    entryId: encodeHex(digest("sha-256", new TextEncoder().encode(name))),
    ...{ issuer: VENDOR, index: undefined, time: TIME, isIssuerVerified: true, content },
    provider: isReport ? "Example Lab" : undefined,
    reports: isReport ? content.reports : [],
  };
};

/** Yields a manifest that endorses files of versions where the evidence shows both stages. */
function endorsing(
  authorizedBy?: readonly string[],
  signedBy?: string,
  versions: readonly number[] = [7],
): Known {
  const known = knownOf("rim", corim());
  const { content } = known;
  if (content.kind !== "rim") throw new Error(content.kind);
  const [comid] = content.rim.comids;
  const [reference] = comid?.references ?? [];
  if (comid === undefined || reference === undefined) throw new Error("no reference");
  const { environment, measurements } = reference;
  const asked = measurements.slice(0, 2).map((one): Measurement => ({ ...one, authorizedBy }));
  const endorsed = versions.flatMap((version) => {
    const digests = [{ alg: "sha-384", value: encodeHex(digest("sha-384", rom(version))) }];
    return asked.slice(0, 1).map((one): Measurement => ({ ...one, digests }));
  });
  const conditional = [
    {
      conditions: [{ environment, measurements: asked }],
      endorsements: [{ environment, measurements: endorsed }],
    },
  ];
  const comids = [{ ...comid, references: [], conditional }];
  return { ...known, signedBy, content: { ...content, rim: { ...content.rim, comids } } };
}

const reviewed = knownOf("sfr", new TextEncoder().encode(report(7, "none")));
const sees = CelProgram.compile("endorsed.size() == 1", RULE_VARIABLES);

interface Surroundings {
  /** Whom the issuer of manifests signs for. */
  readonly vendor?: string;
  readonly reports?: Known;
}

function appraise(
  rim: Known | readonly Known[],
  version = 7,
  { vendor = "Example Silicon", reports = reviewed }: Surroundings = {},
): Appraisal {
  const device = { vendor: "Example Silicon" };
  const evidence = parseEvidencePolicy({ device, allowsUnsigned: true, allowsStale: true });
  const fault = new EvidenceError("EVIDENCE_UNSIGNED", "signed by nobody");
  const decoded = decodeEvidence(record({ version }), { device });
  const gathered = {
    ...{ known: [rim, reports].flat(), lapsed: [], unread: [], refused: [], origin: "log.example" },
    ...{ size: 2, checkpointTime: TIME, isComplete: true },
  };
  return decide(subjectOfDevice({ evidence: decoded, verified: undefined, fault }), gathered, {
    ...{ operators: new Set(), vendors: new Map([[VENDOR, new Set([vendor])]]), evidence },
    ...{ threshold: "medium", unknownSeverity: "deny", allowsIncomplete: false },
    rules: [{ name: "sees", program: sees, reason: "nothing endorsed", otherwise: "deny" }],
  } as unknown as AppraisalPolicy);
}

/** Yields a manifest with what it endorses written out so many times. */
function repeated(known: Known, times: number, part: "conditions" | "endorsements"): Known {
  const { content } = known;
  if (content.kind !== "rim") throw new Error(content.kind);
  const comids = content.rim.comids.map((comid) => ({
    ...comid,
    conditional: comid.conditional.map((one) => ({
      ...one,
      [part]: one[part].flatMap((triple) => Array.from({ length: times }, () => triple)),
    })),
  }));
  return { ...known, content: { ...content, rim: { ...content.rim, comids } } };
}

/** Yields a statement whose reports say how often they were looked at. */
function watched(known: Known): { readonly known: Known; readonly reads: () => number } {
  let reads = 0;
  const reports = known.reports.map((one) => ({
    ...one,
    get digests() {
      reads++;
      return one.digests;
    },
  }));
  return { known: { ...known, reports }, reads: () => reads };
}

const endorsedIn = ({ reasons }: Appraisal): readonly string[] =>
  reasons.filter(({ rule }) => rule === "endorsed").map(({ decision }) => decision);

describe("a conditional endorsement", () => {
  test.each([
    ["no authority", undefined],
    ["its signer in PEM", [`554(${JSON.stringify(PEM)})`]],
    ["its signer in base64", [`554(${JSON.stringify(DER)})`]],
  ])("leads to the report where evidence shows it, and it asks for %s", (_name, keys) => {
    const appraisal = appraise(endorsing(keys, OWN));
    expect([appraisal.decision, ...endorsedIn(appraisal)]).toStrictEqual(["allow", "allow"]);
  });

  test("covers nothing where one of its files is reviewed and another is not", () => {
    const appraisal = appraise(endorsing(undefined, undefined, [7, 9]));
    expect(appraisal.decision).toBe("deny");
    expect(appraisal.reasons.map(({ rule }) => rule)).toContain("uncovered");
    expect(appraisal.reasons.find(({ rule }) => rule === "files")).toMatchObject({
      decision: "manual",
      value: expect.stringContaining("1 of 2 files that a manifest endorses") as unknown,
    });
  });

  test("leads nowhere where evidence does not show it", () => {
    const appraisal = appraise(endorsing(), 8);
    expect([appraisal.decision, ...endorsedIn(appraisal)]).toStrictEqual(["deny"]);
  });

  test.each([
    ["of another signer", [`554(${JSON.stringify(PEM)})`], "other"],
    [
      "of a manifest that nobody is known to have signed",
      [`554(${JSON.stringify(PEM)})`],
      undefined,
    ],
    ["that is none", ['554("base64_key_X")'], OWN],
    ["in a form that is not compared", ["557([1, h'00'])"], OWN],
    ["beside another", [`554(${JSON.stringify(PEM)})`, "x"], OWN],
    ["of nobody", [], OWN],
  ])("is for a person where it asks for a key %s", (_name, keys, signedBy) => {
    expect(endorsedIn(appraise(endorsing(keys, signedBy)))).toStrictEqual(["manual"]);
  });

  test("of a stranger is not compared with the evidence, and is told where it names what is there", () => {
    // More conditions than are compared of one manifest.
    const large = repeated(endorsing(), 200_000, "conditions");
    expect(appraise(large).warnings.join()).toContain("limit 4000000 comparisons");
    const strange = { ...large, issuer: "https://stranger.example" };
    const { decision, warnings } = appraise(strange);
    expect([decision, warnings.length]).toStrictEqual(["deny", 1]);
    expect(warnings.join()).toContain("endorses nothing: https://stranger.example signs for no");
  });

  test("of strangers is told of 16 of them, and how many more there are", () => {
    const strange = Array.from({ length: 40 }, (_, i) => ({
      ...endorsing(),
      ...{ entryId: i.toString(16).padStart(64, "0"), issuer: "https://stranger.example" },
    }));
    const { warnings } = appraise(strange);
    expect(warnings).toHaveLength(17);
    expect(warnings.at(-1)).toBe("24 more manifests endorse nothing");
  });

  test("is followed to a report once, however often it names a digest", () => {
    const once = watched(reviewed);
    const often = watched(reviewed);
    const few = appraise(endorsing(), 7, { reports: once.known });
    const many = repeated(endorsing(), 200, "endorsements");
    const same = appraise(many, 7, { reports: often.known });
    expect([endorsedIn(few), endorsedIn(same)]).toStrictEqual([["allow"], ["allow"]]);
    expect(often.reads()).toBe(once.reads());
  });

  test("does not count of an issuer who does not sign for the vendor, and that is told", () => {
    const appraisal = appraise(endorsing(), 7, { vendor: "Other Silicon" });
    expect(endorsedIn(appraisal)).toStrictEqual([]);
    expect(appraisal.warnings.join()).toContain("endorses nothing: https://");
  });
});
