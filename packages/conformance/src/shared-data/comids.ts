import { expect } from "@jest/globals";
import { recogniseContent, type Comid } from "@tallystick/content";
import { decodeHex } from "@tallystick/cose";
import { matchReferences } from "@tallystick/evidence";

import { COCLI, comidOf, notation, VERAISON } from "./rim.js";
import type { Row, SharedData } from "./row.js";

/** The second of two layers has one algorithm twice, by which nothing matches. */
function checkRefval(data: SharedData): void {
  const { references } = comidOf(data, `${COCLI}/comid-dice-refval.cbor`);
  expect(references.map(({ measurements: [first] }) => first?.digests?.length)).toEqual([1, 2]);
  const matches = references.map((triple) => {
    const [measurement] = triple.measurements;
    if (measurement === undefined) throw new Error("nothing is measured");
    const places = [{ environment: triple.environment.attributes, key: measurement.key }];
    const element = { name: "x", block: undefined, kind: "firmware" as const, places, measurement };
    const values = { name: "x", version: undefined, triples: [triple], indexed: [] };
    return matchReferences([element], values).isMatch;
  });
  expect(matches).toEqual([true, false]);
}

function checkTemplate(data: SharedData): void {
  const text = data.text(`${COCLI}/comid-dice-refval.json`);
  expect(recogniseContent(data.bytes(`${COCLI}/comid-dice-refval.json`)).kind).toBe("opaque");
  expect(text).toContain('"op-flags"');
  const { references } = comidOf(data, `${COCLI}/comid-dice-refval.cbor`);
  const measured = references.flatMap(({ measurements }) => measurements);
  expect(measured.map(({ flags, others }) => [flags, others.size])).toEqual([
    [undefined, 0],
    [undefined, 0],
  ]);
  const stated = [...text.matchAll(/"sha-256:([^"]+)"/g)].map(([, value = ""]) =>
    Buffer.from(value, "base64").toString("hex"),
  );
  expect(stated).toEqual(measured.flatMap(({ digests = [] }) => digests.map(({ value }) => value)));
  expect([...text.matchAll(/"value": (\d+)/g)].map(([, svn]) => BigInt(svn ?? ""))).toEqual(
    measured.map(({ svn }) => svn?.value),
  );
}

const bare = (name: string, outcome: string, check: (comid: Comid, text: string) => void): Row => ({
  file: `${VERAISON}/${name}`,
  outcome,
  check: (data) => {
    const file = `${VERAISON}/${name}`;
    // By itself it has no tag that says what it is.
    expect(recogniseContent(data.bytes(file)).kind).toBe("opaque");
    check(comidOf(data, file), notation(data, file));
  },
});

function checkReference({ references }: Comid): void {
  expect(references).toMatchObject([
    {
      environment: { vendor: "ACME Inc.", model: "ACME RoadRunner" },
      measurements: [{ version: { text: "1.0.0" }, digests: [{ alg: "sha-256" }] }],
    },
  ]);
}

function checkKeyTriples({ keyTriples, references }: Comid, text: string): void {
  expect([keyTriples, references.length]).toEqual([8, 1]);
  const tags = new Set([...text.matchAll(/(5[56]\d)\(/g)].map(([, tag]) => Number(tag)));
  expect([...tags].sort()).toEqual([554, 555, 556, 557, 558, 559, 561]);
  // With conditions: an element, keys that sign for it, or both.
  expect(text).toMatch(/\], \{ ?0: "thing 1" ?\} ?\]/);
}

function checkConditional({ conditional }: Comid, text: string): void {
  expect(conditional).toMatchObject([
    {
      conditions: [
        { measurements: [{ version: { text: "1.0.0" } }] },
        { environment: { model: "ACME RoadRunner" } },
      ],
      endorsements: [{ environment: { model: "ACME RoadRunner Firmware" } }],
    },
  ]);
  expect(text).toContain('2: [554("base64_key_X")]');
}

function checkSeries({ series }: Comid): void {
  const steps = series[0]?.steps ?? [];
  const read = steps.map(({ selection: [from], addition: [to] }) => [
    from?.svn?.value,
    to?.version?.text,
  ]);
  expect(read).toEqual([
    [1n, "1.0.0"],
    [2n, "2.0.0"],
    [3n, "3.0.0"],
  ]);
}

function checkFlags({ endorsed }: Comid, text: string): void {
  const [triple] = endorsed;
  expect([...(triple?.measurements[0]?.flags ?? [])]).toEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((flag) => [flag, flag !== 3]),
  );
  expect(text).toContain("111(h'060c6086480186f84d010f046301')");
  expect(triple?.environment.attributes.get("class-id")).toBe("111(h'6086480186f84d010f046301')");
}

function checkRegisters({ references }: Comid): void {
  const registers = references[0]?.measurements[0]?.registers ?? new Map<string, unknown>();
  expect([...registers.keys()]).toEqual(["0", '"my-ir"']);
  for (const digests of registers.values()) {
    expect(digests).toMatchObject([{ alg: "sha-256" }, { alg: '"my-alg-id"' }]);
  }
}

function checkRaw({ references }: Comid): void {
  const raws = references.map(({ measurements: [first] }) => first?.raw);
  expect(raws).toEqual([
    { value: decodeHex("12345678"), mask: undefined },
    { value: decodeHex("12340000"), mask: decodeHex("ffff0000") },
    { value: decodeHex("12340000"), mask: decodeHex("ffff0000") },
  ]);
}

/** CoMIDs without a manifest around them. */
export const COMID_ROWS: readonly Row[] = [
  bare("comid-1.cbor", "a reference triple", checkReference),
  bare("comid-5.cbor", "keys of identities and attestations", checkKeyTriples),
  bare("comid-cend.cbor", "endorsed on conditions", checkConditional),
  bare("comid-cond-endorse-series.cbor", "endorsed by the first of a series", checkSeries),
  bare("comid-flags.cbor", "ten flags, and an object identifier in DER", checkFlags),
  bare("comid-integrity-registers.cbor", "two registers of two algorithms", checkRegisters),
  bare("comid-raw-value.cbor", "a mask in its tag and beside it are one", checkRaw),
  {
    file: `${COCLI}/comid-dice-refval.cbor`,
    outcome: "the second triple never matches",
    check: checkRefval,
  },
  {
    file: `${COCLI}/comid-dice-refval.json`,
    outcome: "the source, with flags that were not taken over",
    check: checkTemplate,
  },
];
