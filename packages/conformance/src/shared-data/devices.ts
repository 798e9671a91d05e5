import { expect } from "@jest/globals";
import { recogniseContent, type ReferenceValues } from "@tallystick/content";
import { encodeHex } from "@tallystick/cose";
import { decodeEvidence, matchReferences, VerifiedEvidence } from "@tallystick/evidence";

import { TIME, type Row, type SharedData } from "./row.js";

const RECORD = "evidence/spdm-emu/device_measurement.bin";
const AS_JSON = "evidence/spdm-emu/SpdmSampleMeasurement.json";
const MANIFEST = "rim/spdm-emu/SpdmSampleCoMid.json";
const CONCISE = "evidence/concise-evidence";
const DIGEST = "a314fc2dc663ae7a6b6bc6787594057396e6b3f569cd50fd5ddb4d1bbafd2b6a";

type Told = ReturnType<typeof decodeEvidence>;

/** How the manifest of the sample calls the device. */
const DEVICE = { vendor: "dmtf", model: "spdm sample", layer: 1 };
const recordOf = (data: SharedData): Told => decodeEvidence(data.bytes(RECORD), { device: DEVICE });

async function isUnsigned(evidence: Told): Promise<void> {
  const verify = VerifiedEvidence.verify(evidence, { anchors: [], time: TIME });
  await expect(verify).rejects.toMatchObject({ code: "EVIDENCE_UNSIGNED" });
}

async function checkRecord(data: SharedData): Promise<void> {
  expect(data.bytes(RECORD)).toHaveLength(457);
  const evidence = recordOf(data);
  expect(evidence.form).toBe("spdm-record");
  expect(
    evidence.elements.map(({ block, kind, measurement: { digests } }) => [
      ...[block, kind],
      digests?.map(({ alg }) => alg),
    ]),
  ).toEqual([
    [1, "rom", ["sha-512"]],
    [2, "firmware", ["sha-512"]],
    [3, "hardware-config", ["sha-512"]],
    [4, "firmware-config", ["sha-512"]],
    [16, "svn", undefined],
    [253, "manifest", undefined],
    [254, "mode", undefined],
  ]);
  const [, , , , svn, manifest, mode] = evidence.elements.map(({ measurement }) => measurement);
  expect(svn?.svn).toEqual({ value: 7n, isMinimum: false });
  expect(encodeHex(manifest?.raw?.value ?? new Uint8Array(0))).toBe("fd".repeat(128));
  expect(encodeHex(mode?.raw?.value ?? new Uint8Array(0))).toMatch(/^.{8}04000000.{8}11000000$/);
  // What a rule against debugging denies by.
  expect(evidence.concerns).toEqual([
    "non-invasive debug is active",
    "invasive debug was active after manufacturing",
  ]);
  await isUnsigned(evidence);
  const match = matchReferences(evidence.elements, sampleValues(data));
  expect(match).toMatchObject({ isMatch: true, required: 5, matched: 5 });
}

/** The same values under long names, which are no format of today. */
function checkAsJson(data: SharedData): void {
  expect(recogniseContent(data.bytes(AS_JSON)).kind).toBe("opaque");
  const { evidences } = JSON.parse(data.text(AS_JSON)) as {
    evidences: { evidence: { index: number; digest?: [number, string]; svn?: number } }[];
  };
  const stated = evidences.map(({ evidence: { index, digest, svn } }) => [
    ...[index, digest?.[1]],
    svn === undefined ? undefined : BigInt(svn),
  ]);
  const measured = recordOf(data).elements.map(({ block, measurement: { digests, svn } }) => [
    ...[block, digests?.[0]?.value, svn?.value],
  ]);
  expect(stated).toEqual(measured.slice(0, 5));
}

interface Sample {
  readonly corim_tags: {
    readonly comid_triples: {
      readonly comid_reference_triples: [
        { readonly comid_class: Readonly<Record<string, string | number>> },
        { readonly comid_mval: { comid_digests?: [number, string][]; comid_svn?: number } },
      ][];
    };
  }[];
}

const NOTHING = {
  ...{ key: undefined, version: undefined, raw: undefined, registers: undefined, range: undefined },
  ...{ name: undefined, flags: undefined, others: new Map<number, string>(), unknown: [] },
  authorizedBy: undefined,
};

function sampleValues(data: SharedData): ReferenceValues {
  const { corim_tags: tags } = JSON.parse(data.text(MANIFEST)) as Sample;
  const entries = tags.flatMap(({ comid_triples: one }) => one.comid_reference_triples);
  const triples = entries.map(([{ comid_class: device }, { comid_mval: value }]) => {
    const digests = value.comid_digests?.map(([alg, hex]) => {
      // 8 is SHA-512 in the registry of named information.
      expect(alg).toBe(8);
      return { alg: "sha-512", value: hex };
    });
    const svn =
      value.comid_svn === undefined
        ? undefined
        : { value: BigInt(value.comid_svn), isMinimum: false };
    const attributes = new Map([
      ["vendor", JSON.stringify(device["comid_vendor"])],
      ["model", JSON.stringify(device["comid_model"])],
      ["layer", String(device["comid_layer"])],
      ["index", String(device["comid_index"])],
    ]);
    return {
      environment: { attributes, vendor: undefined, model: undefined },
      measurements: [{ ...NOTHING, digests, svn }],
    };
  });
  return { name: "sample", version: undefined, triples, indexed: [] };
}

function checkSample(data: SharedData): void {
  expect(recogniseContent(data.bytes(MANIFEST)).kind).toBe("opaque");
  const values = sampleValues(data);
  const places = values.triples.map(({ environment }) => environment.attributes.get("index"));
  expect(places).toEqual(["1", "2", "3", "4", "16"]);
  const { elements } = recordOf(data);
  expect(matchReferences(elements, values)).toMatchObject({ isMatch: true, matched: 5 });
  expect(matchReferences(elements.slice(1), values)).toMatchObject({ isMatch: false, matched: 4 });
}

/** Yields the only element of concise evidence, which nobody signed. */
async function onlyElement(
  data: SharedData,
  file: string,
  size: number,
): Promise<Told["elements"]> {
  const bytes = data.bytes(`${CONCISE}/${file}`);
  expect(bytes).toHaveLength(size);
  // Tag 571.
  expect(encodeHex(bytes.subarray(0, 3))).toBe("d9023b");
  expect(recogniseContent(bytes).kind).toBe("opaque");
  const evidence = decodeEvidence(bytes);
  expect(evidence).toMatchObject({ form: "concise", concerns: [], ueids: [] });
  await isUnsigned(evidence);
  expect(evidence.elements).toHaveLength(1);
  return evidence.elements;
}

async function checkConcise(data: SharedData): Promise<void> {
  const [element] = await onlyElement(data, "ce-evidence.cbor", 268);
  expect(element?.measurement.digests).toEqual([{ alg: "sha-256", value: DIGEST }]);
  const environment = new Map([
    // 2.16.840.1.113741.1.15.4.99.1
    ["class-id", "111(h'6086480186f84d010f046301')"],
    ["vendor", '"xyzinc.example"'],
  ]);
  expect(element?.places).toEqual([{ environment, key: undefined }]);
  expect(data.text(`${CONCISE}/ce-evidence.cbor`)).toContain("-----BEGIN PUBLIC KEY-----");
}

async function checkConciseSwid(data: SharedData): Promise<void> {
  const [element] = await onlyElement(data, "ce-coswid.cbor", 194);
  expect(element).toMatchObject({
    name: "rrdetector.exe",
    measurement: { digests: [{ alg: "sha-256", value: DIGEST }] },
  });
  expect(element?.places.map(({ key }) => key)).toEqual(['"rrdetector.exe"']);
  const text = data.text(`${CONCISE}/ce-coswid.cbor`);
  expect(text).toContain("com.acme.rrd2013-ce-sp1-v4-1-5-0");
  // Its size (key 20) is there, and compared with nothing.
  expect(encodeHex(data.bytes(`${CONCISE}/ce-coswid.cbor`))).toContain("141a000820e8");
}

/** Measurements of a device, and concise evidence. */
export const DEVICE_ROWS: readonly Row[] = [
  {
    file: RECORD,
    outcome: "seven blocks that match their manifest, and a mode of debugging",
    check: checkRecord,
  },
  { file: AS_JSON, outcome: "says what the record says", check: checkAsJson },
  { file: MANIFEST, outcome: "the record matches in four digests and the SVN", check: checkSample },
  {
    file: `${CONCISE}/ce-evidence.cbor`,
    outcome: "one digest in its environment, unsigned",
    check: checkConcise,
  },
  {
    file: `${CONCISE}/ce-coswid.cbor`,
    outcome: "one file by its digest, unsigned",
    check: checkConciseSwid,
  },
];
