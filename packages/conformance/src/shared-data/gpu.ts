import { expect } from "@jest/globals";
import { readSwidRim, recogniseContent, referencesOfSwid } from "@tallystick/content";
import { verifySwidRim } from "@tallystick/content/swid-signature";
import { decodeHex, encodeHex } from "@tallystick/cose";
import {
  decodeEvidence,
  EvidenceError,
  matchReferences,
  VerifiedEvidence,
  type VerifyEvidenceOptions,
} from "@tallystick/evidence";
import { isSameName, parseCertificates, type Certificate } from "@tallystick/statement";

import { TIME, type Row, type SharedData } from "./row.js";

const SPDM = "evidence/nvidia-spdm";
const REPORT = `${SPDM}/hopperAttestationReport.txt`;
const CHAIN = `${SPDM}/hopperCertChain.pem`;
const ROOT = `${SPDM}/verifier_device_root.pem`;
const SWID = "rim/nvidia-swid";
const MATCHING = `${SWID}/1010_0200_882_96005E0001_PROD.swidtag`;
const OTHER = `${SWID}/NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml`;
const RIM_ROOT = `${SWID}/verifier_RIM_root.pem`;
const NONCE = "27a328247bf7935c993341cf587be6f05986ccce4fe7ba2c54100bd616a58f66";
/** When the certificates of the signers of manifests were in force. */
const IN_TERM = 1_742_000_000;

const certificates = (data: SharedData, file: string): readonly Certificate[] =>
  parseCertificates(data.text(file));
const optionsOf = (data: SharedData): VerifyEvidenceOptions => ({
  ...{ chain: certificates(data, CHAIN), anchors: certificates(data, ROOT) },
  ...{ time: TIME, nonce: decodeHex(NONCE) },
});

async function checkReport(data: SharedData): Promise<void> {
  const hex = data.text(REPORT).trim();
  expect(hex).toHaveLength(8104);
  const evidence = decodeEvidence(data.bytes(REPORT));
  const { proof, elements, gpu } = evidence;
  if (proof.form !== "spdm") throw new Error(proof.form);
  const { message, signature, blocks, opaque, nonce, version, isWhole } = proof.transcript;
  expect([version, isWhole, encodeHex(nonce)]).toEqual([0x11, true, NONCE]);
  expect([blocks.length, elements.length, opaque.length, signature.length]).toEqual([
    64, 64, 357, 96,
  ]);
  expect(encodeHex(message)).toBe(hex.slice(0, -192));
  // Seven bytes of head for each block.
  expect(blocks.reduce((sum, { value }) => sum + 7 + value.length, 0)).toBe(3520);
  expect(gpu).toEqual({
    ...{ driver: "535.86.09", vbios: "96.00.5E.00.01" },
    ...{ project: "1010", projectSku: "0200", chipSku: "882" },
    vbiosManifest: "NV_GPU_VBIOS_1010_0200_882_96005E0001",
  });
  const options = optionsOf(data);
  expect((await VerifiedEvidence.verify(evidence, options)).isFresh).toBe(true);
  const bytes = decodeHex(hex);
  for (let at = 0; at < bytes.length; at += 97) {
    const changed = new Uint8Array(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const verify = async (): Promise<unknown> =>
      VerifiedEvidence.verify(decodeEvidence(changed), options);
    await expect(verify()).rejects.toThrow(EvidenceError);
  }
}

async function checkChain(data: SharedData): Promise<void> {
  const chain = certificates(data, CHAIN);
  const [root] = certificates(data, ROOT);
  expect(chain).toHaveLength(5);
  expect(chain[0]?.label).toContain("GH100 A01 GSP FMC LF");
  for (const [place, certificate] of chain.entries()) {
    const issuer = chain[Math.min(place + 1, 4)];
    if (issuer === undefined) throw new Error("no issuer");
    await certificate.verifySignature(issuer);
  }
  expect(chain[4]?.der).toEqual(root?.der);
}

async function checkRoot(data: SharedData, file: string, name: string): Promise<void> {
  const [root, ...more] = certificates(data, file);
  if (root === undefined) throw new Error("no root");
  expect(more).toEqual([]);
  expect(root.label).toContain(name);
  expect(isSameName(root.issuer, root.subject)).toBe(true);
  await root.verifySignature(root);
  const year = new Date(root.notAfter * 1000).getUTCFullYear();
  if (file === RIM_ROOT) expect(year).toBe(2053);
}

interface Manifest {
  readonly file: string;
  readonly expired: string;
  readonly matched: number;
  readonly failing: readonly number[];
}

async function checkManifest(data: SharedData, row: Manifest): Promise<void> {
  const bytes = data.bytes(row.file);
  expect(recogniseContent(bytes)).toMatchObject({ kind: "swid", swid: { isSigned: true } });
  const anchors = certificates(data, RIM_ROOT);
  const { rim, certificates: chain } = await verifySwidRim(bytes, { anchors, time: IN_TERM });
  expect(chain).toHaveLength(4);
  const day = new Date((chain[0]?.notAfter ?? 0) * 1000).toISOString().slice(0, 10);
  expect(day).toBe(row.expired);
  await expect(verifySwidRim(bytes, { anchors, time: TIME })).rejects.toMatchObject({
    code: "CONTENT_KEY_OUT_OF_TERM",
  });
  expect(data.text(row.file)).toContain("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384");
  expect(rim).toMatchObject({ firmware: "96.00.5E.00.01" });
  const other = readSwidRim(data.bytes(row.file === MATCHING ? OTHER : MATCHING));
  expect([rim.tagId, rim.version]).toEqual([other.tagId, other.version]);
  expect(rim.measurements).toHaveLength(64);
  const match = matchReferences(
    decodeEvidence(data.bytes(REPORT)).elements,
    referencesOfSwid(readSwidRim(bytes)),
  );
  expect([match.required, match.matched]).toEqual([12, row.matched]);
  expect(match.isMatch).toBe(row.failing.length === 0);
  const differing = match.results.filter(({ status }) => status === "mismatch");
  expect(differing.map(({ evidence }) => evidence?.block)).toEqual(row.failing);
}

/** The report of a GPU, and what it is verified by and held against. */
export const GPU_ROWS: readonly Row[] = [
  { file: REPORT, outcome: "verifies, and with any byte changed does not", check: checkReport },
  { file: CHAIN, outcome: "each verifies under the next, up to the root", check: checkChain },
  {
    file: ROOT,
    outcome: "verifies under itself",
    check: (data) => checkRoot(data, ROOT, "NVIDIA Device Identity CA"),
  },
  {
    file: MATCHING,
    outcome: "verifies in its term, and the report matches 12 of 12",
    check: (data) =>
      checkManifest(data, { file: MATCHING, expired: "2025-06-22", matched: 12, failing: [] }),
  },
  {
    file: OTHER,
    outcome: "verifies in its term, and the report fails at index 9, which is block 10",
    check: (data) =>
      checkManifest(data, { file: OTHER, expired: "2025-12-12", matched: 11, failing: [10] }),
  },
  {
    file: RIM_ROOT,
    outcome: "verifies under itself, until 2053",
    check: (data) => checkRoot(data, RIM_ROOT, "NVIDIA CoRIM signing Root CA"),
  },
];
