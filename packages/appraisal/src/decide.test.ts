import { describe, expect, test } from "@jest/globals";
import type { SfrReport } from "@tallystick/content";
import { digest, encodeHex } from "@tallystick/cose";
import { CelProgram } from "@tallystick/policy";

import { gatheredOf, knownOf, TIME } from "./testing/known.js";
import { report, rom, VENDOR } from "./testing/review.js";
import { decide, type Appraisal } from "./decide.js";
import type { Known } from "./gather.js";
import { RULE_VARIABLES, type AppraisalPolicy } from "./policy.js";

const OPERATOR = "https://operator.example";
const OTHER = "https://other.example";

const digestsOf = (version: number): SfrReport["digests"] => [
  { alg: "sha-384", value: encodeHex(digest("sha-384", rom(version))) },
];

const POLICY = {
  operators: new Set([OPERATOR]),
  vendors: new Map([[VENDOR, new Set(["Example Silicon"])]]),
  threshold: "medium",
  unknownSeverity: "manual",
  allowsIncomplete: false,
  allowsUnreadManifests: false,
  rules: [],
} as unknown as AppraisalPolicy;

/** Yields the EntryID that statements of these tests are called by. */
const idOf = (name: string): string => encodeHex(digest("sha-256", rom(0))).slice(0, 60) + name;

function namedOf(name: string, payload: string, more: Partial<Known> = {}): Known {
  return knownOf(idOf(name), new TextEncoder().encode(payload), more);
}

const good = (version: number, name = "000a", more: object = {}): Known =>
  namedOf(name, report(version, "none", more));
const bad = (version: number, name = "000b", more: object = {}): Known =>
  namedOf(name, report(version, "5.3", more));

function revoke(name: string, target: string, issuer = VENDOR): Known {
  const format = "tallystick-revoke/1";
  const text = { format, target: idOf(target), issuer: VENDOR, reason: "wrong" };
  return namedOf(name, JSON.stringify(text), { issuer });
}

function supersede(name: string, target: string, replacement: string): Known {
  const format = "tallystick-supersede/1";
  const named = { target: idOf(target), replacement: idOf(replacement) };
  return namedOf(name, JSON.stringify({ format, ...named, issuer: VENDOR }));
}

interface Parts {
  readonly files?: readonly number[];
  readonly measured?: readonly number[];
}

function release(name: string, { files = [7], measured = [] }: Parts): Known {
  const text = {
    format: "tallystick-release/1",
    ...{ vendor: "Example Silicon", product: "Root of Trust", version: "1" },
    files: files.map((version) => ({ name: `f${version}`, digests: digestsOf(version) })),
    measurements: measured.map((version) => ({ element: "1", digests: digestsOf(version) })),
  };
  return namedOf(name, JSON.stringify(text));
}

/** Yields a CoRIM with several reports, as far as a decision sees one. */
function several(name: string, ...reports: readonly SfrReport[]): Known {
  const one = good(7, name);
  const content = { kind: "sfr-corim", form: "corim", kid: undefined, warnings: [] } as const;
  return { ...one, content: { ...content, reports }, reports };
}

function reportOf({ reports: [one] }: Known, more: Partial<SfrReport> = {}): SfrReport {
  if (one === undefined) throw new Error("no report");
  return { ...one, ...more };
}

interface Case {
  readonly known: readonly Known[];
  readonly lapsed?: readonly Known[];
  readonly version?: number;
  readonly policy?: Partial<AppraisalPolicy>;
  readonly isComplete?: boolean;
}

function appraise({ known, lapsed = [], version = 7, policy = {}, ...more }: Case): Appraisal {
  const gathered = gatheredOf(known, {
    lapsed: lapsed.map((one) => ({ known: one, why: "VERIFIER_KEY_OUT_OF_TERM: it expired" })),
    ...more,
  });
  return decide(digestsOf(version), gathered, { ...POLICY, ...policy });
}

const rule = (cel: string): Partial<AppraisalPolicy> => ({
  rules: [
    {
      name: "r",
      program: CelProgram.compile(cel, RULE_VARIABLES),
      reason: "no",
      otherwise: "deny",
    },
  ],
});

type Row = readonly [string, Case, Appraisal["decision"], string];

const NOTICES: readonly Row[] = [
  ["a good report", { known: [good(7)] }, "allow", "reviewed"],
  [
    "a revocation beside a supersession",
    {
      known: [
        good(7),
        good(7, "000c", { report_version: "1.1" }),
        supersede("000d", "000a", "000c"),
        revoke("000e", "000a"),
      ],
    },
    "deny",
    "revoked",
  ],
  [
    "an operator's revocation beside a supersession",
    {
      known: [
        bad(7),
        good(7, "000c", { report_version: "1.1" }),
        supersede("000d", "000b", "000c"),
        revoke("000e", "000b", OPERATOR),
      ],
    },
    "deny",
    "revoked",
  ],
  ["a revocation by a stranger", { known: [good(7), revoke("000e", "000a", OTHER)] }, "allow", ""],
  [
    "a newer report of all that the older is about",
    {
      known: [
        bad(7),
        good(7, "000c", { report_version: "1.1" }),
        supersede("000d", "000b", "000c"),
      ],
    },
    "allow",
    "reviewed",
  ],
  [
    "a newer report of other firmware",
    {
      known: [bad(7), good(8, "000c", { report_version: "2" }), supersede("000d", "000b", "000c")],
    },
    "deny",
    "superseded",
  ],
  [
    "a newer report of less that is measured",
    {
      known: [
        several("000b", reportOf(good(8), { measured: digestsOf(7) })),
        several("000c", reportOf(good(8), { measured: [], reportVersion: "2" })),
        supersede("000d", "000b", "000c"),
      ],
    },
    "manual",
    "superseded",
  ],
  [
    "a report whose version is no number",
    {
      known: [
        bad(7),
        good(7, "000c", { report_version: "final" }),
        supersede("000d", "000b", "000c"),
      ],
    },
    "deny",
    "superseded",
  ],
  [
    "an older report",
    {
      known: [
        bad(7),
        good(7, "000c", { report_version: "0.9" }),
        supersede("000d", "000b", "000c"),
      ],
    },
    "deny",
    "superseded",
  ],
];

const LAPSED: readonly Row[] = [
  ["a revocation", { known: [good(7)], lapsed: [revoke("000e", "000a")] }, "manual", "lapsed"],
  [
    "a revocation by an operator",
    { known: [good(7)], lapsed: [revoke("000e", "000a", OPERATOR)] },
    "manual",
    "lapsed",
  ],
  [
    "a revocation by a stranger",
    { known: [good(7)], lapsed: [revoke("000e", "000a", OTHER)] },
    "allow",
    "",
  ],
  [
    "a revocation of other firmware",
    { known: [good(7), good(8, "000c")], lapsed: [revoke("000e", "000c")] },
    "allow",
    "",
  ],
  ["an adverse report", { known: [good(7)], lapsed: [bad(7)] }, "manual", "lapsed"],
  ["an adverse report of other firmware", { known: [good(7)], lapsed: [bad(8)] }, "allow", ""],
  [
    "an adverse report of a file of a release",
    {
      known: [release("000f", { measured: [70] }), good(7)],
      lapsed: [bad(7)],
      version: 70,
    },
    "manual",
    "lapsed",
  ],
  ["a good report, which allows nothing", { known: [], lapsed: [good(7)] }, "deny", "reviewed"],
];

const RELEASES: readonly Row[] = [
  [
    "a file that was not reviewed beside one that was",
    { known: [release("000f", { files: [6, 7] }), good(7)], version: 6 },
    "deny",
    "reviewed",
  ],
  [
    "what is measured, of a file that was reviewed",
    { known: [release("000f", { measured: [70] }), good(7)], version: 70 },
    "allow",
    "reviewed",
  ],
  [
    "what is measured, of one file that was not",
    { known: [release("000f", { files: [6, 7], measured: [70] }), good(7)], version: 70 },
    "manual",
    "files",
  ],
  [
    "what is measured, of two files that were",
    {
      known: [release("000f", { files: [6, 7], measured: [70] }), good(7), good(6, "000c")],
      version: 70,
    },
    "allow",
    "reviewed",
  ],
  [
    "a revoked report that a release leads to, beside another",
    {
      known: [
        release("000f", { measured: [70] }),
        good(7),
        good(7, "000c"),
        revoke("000e", "000c"),
      ],
      version: 70,
    },
    "deny",
    "revoked",
  ],
];

const REPORTS: readonly Row[] = [
  [
    "versions of which one is no number",
    {
      known: [
        good(7, "000a", { report_version: "2" }),
        bad(7, "000b", { report_version: "draft" }),
        good(7, "000c", { report_version: "3" }),
      ],
    },
    "deny",
    "severity",
  ],
  [
    "an older version with an issue",
    { known: [bad(7), good(7, "000a", { report_version: "1.0.1" })] },
    "allow",
    "reviewed",
  ],
  [
    "a newer version, in one statement, of other firmware alone",
    {
      known: [
        several("000a", reportOf(good(7)), reportOf(bad(8))),
        several("000c", reportOf(good(8), { reportVersion: "2", measured: [] })),
      ],
    },
    "allow",
    "reviewed",
  ],
  [
    "facts of reports about other firmware",
    {
      known: [several("000a", reportOf(good(7)), reportOf(good(8), { scope: 3 }))],
      policy: rule("reports.exists(r, r.sfr.exists(s, has(s.scope) && s.scope >= 3))"),
    },
    "deny",
    "r",
  ],
  [
    "an issue of a severity that is too much as far as it can be read",
    {
      known: [
        several(
          "000a",
          reportOf(bad(7), {
            issues: reportOf(bad(7)).issues.map((issue) => ({
              ...issue,
              severity: { band: "unknown", score: undefined },
            })),
          }),
        ),
      ],
    },
    "deny",
    "severity",
  ],
];

const BUNDLES: readonly Row[] = [
  ["an incomplete bundle", { known: [good(7)], isComplete: false }, "manual", "complete"],
  [
    "an incomplete bundle where that is enough",
    { known: [good(7)], isComplete: false, policy: { allowsIncomplete: true } },
    "allow",
    "reviewed",
  ],
  [
    "an incomplete bundle with an adverse report",
    { known: [bad(7)], isComplete: false },
    "deny",
    "severity",
  ],
  ["a bundle of that time", { known: [good(7)], policy: rule(`time == ${TIME}`) }, "allow", ""],
  ["an older bundle", { known: [good(7)], policy: rule(`time > ${TIME}`) }, "deny", "r"],
];

describe.each([
  ["notices", NOTICES],
  ["what lapsed", LAPSED],
  ["releases", RELEASES],
  ["reports", REPORTS],
  ["bundles", BUNDLES],
])("a decision by %s", (_name, rows) => {
  test.each(rows)(
    "is as it should be of %s, in whatever order",
    (...[, one, decision, because]) => {
      const found = appraise(one);
      expect({ decision: found.decision, reasons: found.reasons }).toMatchObject({ decision });
      if (because !== "") expect(found.reasons.map(({ rule: name }) => name)).toContain(because);
      const { known, lapsed = [] } = one;
      for (let turn = 0; turn < known.length; turn++) {
        const turned = [...known.slice(turn), ...known.slice(0, turn)];
        for (const order of [turned, [...turned].reverse()]) {
          expect(appraise({ ...one, known: order, lapsed: [...lapsed].reverse() })).toEqual(found);
        }
      }
    },
  );

  test("has rows", () => {
    expect(rows.length).toBeGreaterThan(3);
  });
});
