import { beforeAll, describe, expect, test } from "@jest/globals";
import { recogniseContent, type Comid, type Measurement, type Triple } from "@tallystick/content";
import { concatBytes, encodeCbor } from "@tallystick/cose";

import { measurementOf, type EvidenceElement } from "./element.js";
import { applyEndorsements, type EndorsementResult } from "./match/endorse.js";
import { bytesOf, sharedFolder } from "./testing/shared.js";

const KEY = '554("base64_key_for-RIM-creator")';

const folder = sharedFolder("conditional endorsements", "data");
const describeIt = folder === undefined ? describe.skip : describe;

/** Yields a CoMID file inside the least CoRIM that it can stand in. */
function comidOf(file: string): Comid {
  const comid = bytesOf(folder, "rim", "corim-veraison", file);
  const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
  const corim = concatBytes([hex("d901f5a20061780181d901fa"), encodeCbor(comid)]);
  const content = recogniseContent(corim);
  const [found] = content.kind === "rim" ? content.rim.comids : [];
  if (found === undefined) throw new Error(content.kind);
  return found;
}

function shows(
  { environment: { attributes } }: Triple,
  values: Partial<Measurement>,
): EvidenceElement {
  const places = [{ environment: attributes, key: undefined }];
  return { name: "x", block: 1, kind: "firmware", places, measurement: measurementOf(values) };
}

describeIt("the published series", () => {
  let comid: Comid;
  beforeAll(() => {
    comid = comidOf("comid-cond-endorse-series.cbor");
  });

  function appraise(svn: bigint, authority = KEY, change = comid): readonly EndorsementResult[] {
    const [series] = comid.series;
    if (series === undefined) throw new Error("no series");
    const { digests } = series.condition.measurements[0] ?? {};
    const element = shows(series.condition, { digests, svn: { value: svn, isMinimum: false } });
    return applyEndorsements([element], change, (keys) => keys.every((key) => key === authority));
  }
  const versionsIn = (results: readonly EndorsementResult[]): readonly unknown[] =>
    results.flatMap(({ endorsed }) =>
      endorsed.flatMap(({ measurements }) => measurements.map(({ version }) => version?.text)),
    );

  test.each([
    [1n, ["1.0.0"]],
    [2n, ["2.0.0"]],
    [3n, ["3.0.0"]],
    [4n, []],
  ])("gives for SVN %s the version %j", (svn, versions) => {
    expect(versionsIn(appraise(svn))).toStrictEqual(versions);
  });

  test("is undecided where another key has to have said so, and only where it is met else", () => {
    const results = appraise(2n, "other");
    expect(results).toMatchObject([{ status: "undecided", endorsed: [] }]);
    expect(results[0]?.detail).toContain("word of a key");
    expect(appraise(4n, "other")).toStrictEqual([]);
  });

  test("gives what the first of two selections adds that are shown", () => {
    const series = comid.series.map((one) => {
      const [first, second] = one.steps;
      if (first === undefined || second === undefined) throw new Error("no steps");
      return { ...one, steps: [first, { ...second, selection: first.selection }] };
    });
    expect(versionsIn(appraise(1n, KEY, { ...comid, series }))).toStrictEqual(["1.0.0"]);
  });

  test("goes no further than a selection that cannot be compared", () => {
    const series = comid.series.map((one) => ({
      ...one,
      steps: [{ selection: [measurementOf({ unknown: ["-1"] })], addition: [] }, ...one.steps],
    }));
    const results = appraise(1n, KEY, { ...comid, series });
    expect(results).toMatchObject([{ status: "undecided", endorsed: [] }]);
    expect(results[0]?.detail).toContain("-1");
  });
});

describeIt("the published conditional endorsement", () => {
  test("needs every condition, and the key that one of them names", () => {
    const comid = comidOf("comid-cend.cbor");
    const [{ conditions } = { conditions: [] }] = comid.conditional;
    const elements = conditions.map((one) => shows(one, { ...one.measurements[0] }));
    const asked: string[] = [];
    const yes = (keys: readonly string[]): boolean => asked.push(...keys) > 0;
    const [applied] = applyEndorsements(elements, comid, yes);
    expect(applied?.status).toBe("applied");
    expect(applied?.endorsed[0]?.measurements[0]?.raw?.mask).toHaveLength(8);
    expect(asked).toStrictEqual(['554("base64_key_X")']);
    expect(applyEndorsements(elements.slice(1), comid, yes)).toStrictEqual([]);
    expect(applyEndorsements(elements, comid, () => false)).toMatchObject([
      { status: "undecided", endorsed: [] },
    ]);
  });
});
