import { expect } from "@jest/globals";
import { recogniseContent, VerifiedReport, type SfrReport } from "@tallystick/content";

import { keysOf, KIDS, PROVIDERS, signersOf, verdictOn } from "./reports.js";
import { TIME, type Row, type SharedData } from "./row.js";

async function verifiedOf(data: SharedData, file: string): Promise<SfrReport> {
  const trust = { keys: keysOf(data, ...PROVIDERS), time: TIME };
  const [report] = (await VerifiedReport.verify(data.bytes(file), trust)).reports;
  if (report === undefined) throw new Error("no report");
  return report;
}

function unsignedOf(data: SharedData, file: string): SfrReport {
  const content = recogniseContent(data.bytes(file));
  if (content.kind !== "sfr" || content.form !== "json") throw new Error(content.kind);
  const [report] = content.reports;
  if (report === undefined) throw new Error("no report");
  return report;
}

const HSM = "sfr/corim/microsoft-2026-hsm-layer-0";

async function checkCorim(data: SharedData): Promise<void> {
  const bytes = data.bytes(`${HSM}.cbor`);
  expect(bytes).toHaveLength(630);
  const form = { kind: "sfr-corim", form: "cose-sign", kid: KIDS.tetrel };
  expect(recogniseContent(bytes)).toMatchObject(form);
  expect(await signersOf(data, bytes)).toEqual(["tetrel"]);
  const report = await verifiedOf(data, `${HSM}.cbor`);
  expect(report).toMatchObject({
    ...{ frameworkVersion: "2.0", reportVersion: "1.0", scope: 1, issues: [] },
    device: {
      vendor: "Microsoft Corporation",
      product: "Microsoft HSM Cryptographic Module (Layer 0 RoT)",
      firmwareVersion: "3.4.2.4-50922174",
    },
    completed: { written: "2026-04-20T04:00:00.000Z", day: "2026-04-20" },
    measured: [{ alg: "sha-384", value: expect.stringMatching(/^000103ed/) }],
  });
  expect(verdictOn(report, false)).toBe("allow");
}

async function checkCorimTwin(data: SharedData): Promise<void> {
  const twin = unsignedOf(data, `${HSM}.json`);
  const report = await verifiedOf(data, `${HSM}.cbor`);
  expect(twin.completed.written).toBe("2026-04-20");
  expect(twin.digests).toEqual(report.digests);
  expect(twin.device).toMatchObject({
    vendor: report.device.vendor,
    product: report.device.product,
  });
}

async function checkGoogleTwin(data: SharedData): Promise<void> {
  const twin = unsignedOf(data, "sfr/unsigned-twins/google-2026-piec-zephyr.json");
  const report = await verifiedOf(data, "sfr/reports/google-2026-piec-zephyr.jws");
  const { product, category } = report.device;
  expect([twin.device.product, twin.device.category]).not.toContain(product);
  expect(twin.device.category).not.toBe(category);
  expect({ ...twin, device: { ...twin.device, product, category } }).toEqual(report);
}

async function checkNvidiaTwin(data: SharedData): Promise<void> {
  const twin = unsignedOf(data, "sfr/unsigned-twins/nvidia-2025-blackwell-cc.json");
  const report = await verifiedOf(data, "sfr/reports/nvidia-2025-blackwell-cc.jws");
  expect(twin.issuedAt).toBeUndefined();
  expect({ ...twin, issuedAt: 1_754_594_588 }).toEqual(report);
}

/** The report in a CoRIM, and what stands unsigned beside reports. */
export const TWIN_ROWS: readonly Row[] = [
  { file: `${HSM}.cbor`, outcome: "verifies as ES512 under one key: allow", check: checkCorim },
  { file: `${HSM}.json`, outcome: "says what the CoRIM says", check: checkCorimTwin },
  {
    file: "sfr/unsigned-twins/google-2026-piec-zephyr.json",
    outcome: "differs from what was signed in product and category",
    check: checkGoogleTwin,
  },
  {
    file: "sfr/unsigned-twins/nvidia-2025-blackwell-cc.json",
    outcome: "is what was signed, but for the time of signing",
    check: checkNvidiaTwin,
  },
];
