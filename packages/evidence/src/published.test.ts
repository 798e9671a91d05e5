import { describe, expect, test } from "@jest/globals";
import {
  readSwidRim,
  referencesOfSwid,
  type ReferenceValues,
  type Triple,
} from "@tallystick/content";
import { encodeHex, decodeHex } from "@tallystick/cose";
import { parseCertificates, type Certificate } from "@tallystick/statement";

import { readCertificates } from "./dice/certificates.js";
import { measurementOf } from "./element.js";
import { decodeEvidence, type Evidence } from "./evidence.js";
import { matchReferences } from "./match/match.js";
import { refusalOf } from "./testing/refusal.js";
import { bytesOf, sharedFolder } from "./testing/shared.js";
import { VerifiedEvidence } from "./verified.js";

const folder = sharedFolder("published evidence", "data");
const describeIt = folder === undefined ? describe.skip : describe;
const TIME = 1_790_000_000;
const NONCE = "27a328247bf7935c993341cf587be6f05986ccce4fe7ba2c54100bd616a58f66";

const text = (...below: readonly string[]): string =>
  new TextDecoder().decode(bytesOf(folder, ...below));
const gpu = (file: string): readonly string[] => ["evidence", "nvidia-spdm", file];
const report = (): Evidence =>
  decodeEvidence(bytesOf(folder, ...gpu("hopperAttestationReport.txt")));
const chain = (): readonly Certificate[] => parseCertificates(text(...gpu("hopperCertChain.pem")));
const root = (): readonly Certificate[] =>
  parseCertificates(text(...gpu("verifier_device_root.pem")));
const swid = (file: string): ReferenceValues =>
  referencesOfSwid(readSwidRim(bytesOf(folder, "rim", "nvidia-swid", file)));

const MATCHING = "1010_0200_882_96005E0001_PROD.swidtag";
const OTHER = "NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml";

describeIt("the report of a GPU", () => {
  test("has what its README states", () => {
    const { form, elements, gpu: facts, proof, concerns } = report();
    expect(form).toBe("spdm");
    expect(elements).toHaveLength(64);
    expect(new Set(elements.map(({ kind }) => kind))).toStrictEqual(new Set(["firmware"]));
    expect(concerns).toStrictEqual([]);
    expect(facts).toStrictEqual({
      ...{ driver: "535.86.09", vbios: "96.00.5E.00.01" },
      ...{ project: "1010", projectSku: "0200", chipSku: "882" },
      vbiosManifest: "NV_GPU_VBIOS_1010_0200_882_96005E0001",
    });
    if (proof.form !== "spdm") throw new Error(proof.form);
    const { nonce, opaque, signature, isWhole, version } = proof.transcript;
    expect([encodeHex(nonce), opaque.length, signature.length]).toStrictEqual([NONCE, 357, 96]);
    expect({ isWhole, version }).toStrictEqual({ isWhole: true, version: 0x11 });
  });

  test.each([
    ["without a challenge", undefined, false],
    ["with its challenge", decodeHex(NONCE), true],
  ])("is verified %s", async (_name, nonce, isFresh) => {
    const options = { chain: chain(), anchors: root(), time: TIME, nonce };
    const verified = await VerifiedEvidence.verify(report(), options);
    expect(verified.isFresh).toBe(isFresh);
    expect(verified.path.leaf.label).toContain("GH100 A01 GSP FMC LF");
    expect(verified.path.certificates).toHaveLength(5);
  });

  test("is refused wherever a byte of it is another", async () => {
    const hex = text(...gpu("hopperAttestationReport.txt")).trim();
    const bytes = decodeHex(hex);
    const options = { chain: chain(), anchors: root(), time: TIME };
    const codes = new Set<string>();
    for (let at = 0; at < bytes.length; at += 61) {
      const changed = new Uint8Array(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0x40;
      codes.add(await refusalOf(() => VerifiedEvidence.verify(decodeEvidence(changed), options)));
    }
    expect(codes).toContain("EVIDENCE_SIGNATURE_INVALID");
  });

  test.each([
    ["another challenge", { nonce: new Uint8Array(32) }, "EVIDENCE_NONCE_MISMATCH"],
    ["no certificates", { chain: undefined }, "EVIDENCE_CHAIN_INVALID"],
    ["no root", { anchors: [] }, "EVIDENCE_CHAIN_INVALID"],
    ["another root", { anchors: folder === undefined ? [] : rimRoot() }, "EVIDENCE_CHAIN_INVALID"],
    ["a time before", { time: 1_500_000_000 }, "EVIDENCE_CHAIN_INVALID"],
    [
      "a CA for a leaf",
      { chain: folder === undefined ? [] : chain().slice(1) },
      "EVIDENCE_CHAIN_INVALID",
    ],
  ] as const)("is refused with %s", async (_name, changes, code) => {
    const options = { chain: chain(), anchors: root(), time: TIME, ...changes };
    expect(await refusalOf(() => VerifiedEvidence.verify(report(), options))).toBe(code);
  });

  test("matches its manifest 12 of 12", () => {
    const match = matchReferences(report().elements, swid(MATCHING));
    expect(match).toMatchObject({ isMatch: true, required: 12, matched: 12 });
    expect(match.results).toHaveLength(64);
    expect(match.results.filter(({ status }) => status === "unreferenced")).toHaveLength(52);
    expect(swid(MATCHING).version).toBe(report().gpu?.vbios);
  });

  test("fails the other manifest at index 9, which is block 10, and nowhere else", () => {
    const match = matchReferences(report().elements, swid(OTHER));
    expect(match).toMatchObject({ isMatch: false, required: 12, matched: 11 });
    const failing = match.results.filter(({ status }) => status === "mismatch");
    expect(failing.map(({ evidence }) => evidence?.block)).toStrictEqual([10]);
    expect(failing[0]?.detail).toMatch(/^sha-384 7f3e9382785513c1[0-9a-f]+, want [0-9a-f]{96}$/);
  });
});

function rimRoot(): readonly Certificate[] {
  return parseCertificates(text("rim", "nvidia-swid", "verifier_RIM_root.pem"));
}

interface Sample {
  readonly corim_tags: readonly {
    readonly comid_triples: {
      readonly comid_reference_triples: readonly (readonly [
        { readonly comid_class: Readonly<Record<string, string | number>> },
        {
          readonly comid_mval: {
            readonly comid_digests?: readonly (readonly [number, string])[];
            readonly comid_svn?: number;
          };
        },
      ])[];
    };
  }[];
}

/** The sample is JSON with long names, which is no format of today. */
function sampleTriples(): readonly Triple[] {
  const { corim_tags: tags } = JSON.parse(
    text("rim", "spdm-emu", "SpdmSampleCoMid.json"),
  ) as Sample;
  return tags.flatMap(({ comid_triples: { comid_reference_triples: triples } }) =>
    triples.map(([{ comid_class: device }, { comid_mval: value }]) => ({
      environment: {
        attributes: new Map([
          ["vendor", JSON.stringify(device["comid_vendor"])],
          ["model", JSON.stringify(device["comid_model"])],
          ["layer", String(device["comid_layer"])],
          ["index", String(device["comid_index"])],
        ]),
        vendor: undefined,
        model: undefined,
      },
      measurements: [
        measurementOf({
          digests: value.comid_digests?.map(([, hex]) => ({ alg: "sha-512", value: hex })),
          svn:
            value.comid_svn === undefined
              ? undefined
              : { value: BigInt(value.comid_svn), isMinimum: true },
        }),
      ],
    })),
  );
}

describeIt("the measurement record of spdm-emu", () => {
  const device = { vendor: "dmtf", model: "spdm sample", layer: 1 };
  const record = (): Evidence =>
    decodeEvidence(bytesOf(folder, "evidence", "spdm-emu", "device_measurement.bin"), { device });

  test("has what its README states, and what a rule against debugging objects to", () => {
    const { form, elements, concerns } = record();
    expect(form).toBe("spdm-record");
    expect(elements.map(({ block, kind }) => [block, kind])).toStrictEqual([
      [1, "rom"],
      [2, "firmware"],
      [3, "hardware-config"],
      [4, "firmware-config"],
      [16, "svn"],
      [253, "manifest"],
      [254, "mode"],
    ]);
    expect(elements[4]?.measurement.svn).toStrictEqual({ value: 7n, isMinimum: false });
    expect(concerns).toStrictEqual([
      "non-invasive debug is active",
      "invasive debug was active after manufacturing",
    ]);
  });

  test("says the same as the JSON beside it", () => {
    const { evidences } = JSON.parse(
      text("evidence", "spdm-emu", "SpdmSampleMeasurement.json"),
    ) as { evidences: { evidence: { index: number; digest?: [number, string]; svn?: number } }[] };
    const elements = new Map(record().elements.map((element) => [element.block, element]));
    for (const { evidence } of evidences) {
      const measurement = elements.get(evidence.index)?.measurement;
      expect(measurement?.digests?.[0]?.value).toBe(evidence.digest?.[1]);
      expect(Number(measurement?.svn?.value ?? NaN)).toBe(evidence.svn ?? NaN);
    }
    expect(evidences).toHaveLength(5);
  });

  test("matches its manifest in all four digests and the SVN", () => {
    const triples = sampleTriples();
    const references = { name: "sample", version: undefined, triples, indexed: [] };
    const match = matchReferences(record().elements, references);
    expect(match).toMatchObject({ isMatch: true, required: 5, matched: 5 });
  });

  test("is signed by nobody", async () => {
    const options = { anchors: root(), time: TIME };
    expect(await refusalOf(() => VerifiedEvidence.verify(record(), options))).toBe(
      "EVIDENCE_UNSIGNED",
    );
  });
});

const beside = (...below: readonly string[]): Evidence =>
  decodeEvidence(bytesOf(folder, "evidence", ...below));

describeIt("concise evidence and reports by configfs-tsm", () => {
  const DIGEST = "a314fc2dc663ae7a6b6bc6787594057396e6b3f569cd50fd5ddb4d1bbafd2b6a";

  test.each([
    ["ce-evidence.cbor", "111(h'6086480186f84d010f046301')", undefined],
    ["ce-coswid.cbor", "111(h'517b010f046308')", '"rrdetector.exe"'],
  ])("say where something was measured, and its digest: %s", async (file, classId, key) => {
    const evidence = beside("concise-evidence", file);
    const environment = new Map([
      ["class-id", classId],
      ["vendor", '"xyzinc.example"'],
    ]);
    expect(evidence).toMatchObject({ form: "concise", concerns: [], ueids: [] });
    expect(evidence.elements).toMatchObject([
      {
        kind: "firmware",
        places: [{ environment, key }],
        measurement: { digests: [{ alg: "sha-256", value: DIGEST }] },
      },
    ]);
    expect(await refusalOf(() => VerifiedEvidence.verify(evidence, { anchors: [], time: 0 }))).toBe(
      "EVIDENCE_UNSIGNED",
    );
  });

  test("are told by name where they are not read", () => {
    expect(() => beside("tsm", "sevsnp-tsm-report.cbor")).toThrow(
      expect.objectContaining({
        code: "EVIDENCE_UNSUPPORTED",
        message: "a TSM report of sev_guest is not read here",
      }),
    );
  });
});

const caliptra = (file: string): Uint8Array => bytesOf(folder, "identity", "caliptra", file);

describeIt("certificates of Caliptra", () => {
  test("have the layers that their README states", () => {
    const { form, elements, concerns, ueids } = decodeEvidence(caliptra("fmc_alias_cert_ecc.der"));
    expect({ form, concerns, ueids }).toStrictEqual({
      ...{ form: "dice", concerns: [] },
      ueids: ["00".repeat(17)],
    });
    expect(elements.map(({ name, kind }) => [name, kind])).toStrictEqual([
      ["DEVICE_INFO", "hardware-config"],
      ["FMC_INFO", "firmware"],
    ]);
    const [device, fmc] = elements.map(({ measurement }) => measurement);
    expect([device?.svn?.value, fmc?.svn?.value]).toStrictEqual([0x107n, 0x109n]);
    expect(device?.digests?.[0]).toMatchObject({ alg: "sha-384" });
    expect(device?.digests?.[0]?.value).toMatch(/^89174d3232/);
    expect(fmc?.digests?.[0]?.value).toMatch(/^83ffe18476/);
    expect([...(device?.flags ?? [])]).toStrictEqual([
      [0, true],
      [1, true],
      [3, false],
    ]);
    expect(fmc?.flags).toBeUndefined();
  });

  test("are refused under a code of their own where names alone do not chain", async () => {
    const evidence = decodeEvidence(caliptra("fmc_alias_cert_ecc.der"));
    const anchors = readCertificates(caliptra("ldevid_cert_ecc.der"));
    expect(await refusalOf(() => VerifiedEvidence.verify(evidence, { anchors, time: TIME }))).toBe(
      "EVIDENCE_NAMES_UNCHAINED",
    );
    expect(
      await refusalOf(() => VerifiedEvidence.verify(evidence, { anchors: root(), time: TIME })),
    ).toBe("EVIDENCE_CHAIN_INVALID");
  });

  test.each([
    ["rt_alias_cert_redacted.der", "EVIDENCE_MALFORMED"],
    ["ldevid_cert_ecc.der", "EVIDENCE_MALFORMED"],
    ["idevid_csr_ecc.der", "EVIDENCE_MALFORMED"],
    ["idevid_csr_mldsa.der", "EVIDENCE_MALFORMED"],
  ])("are refused where they say nothing of layers: %s", async (file, code) => {
    expect(await refusalOf(() => decodeEvidence(caliptra(file)))).toBe(code);
  });
});
