import { readFileSync } from "node:fs";
import { join } from "node:path";

import { PrivateKey, PublicKey } from "@tallystick/cose";
import type { SignedStatement } from "@tallystick/statement";

import { sharedFolder } from "../../../../scripts/shared-data.mjs";
import { SignedLog, statementOf } from "./signed-log.js";

/** When the certificates of the published manifests were in force. */
export const IN_TERM = 1_742_000_000;
/** Who registers what the vendor published. */
export const ISSUER = "https://nvidia.example";
export const GPU_VENDOR = "NVIDIA Corporation";
/** What the GPU was asked with. */
export const GPU_NONCE = "27a328247bf7935c993341cf587be6f05986ccce4fe7ba2c54100bd616a58f66";
export const MATCHING = "1010_0200_882_96005E0001_PROD.swidtag";
export const MISMATCHING = "NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml";

const folder = sharedFolder("appraisals of a GPU", "data");

/** Whether there is published data. */
export const isPublished: boolean = folder !== undefined;

/** Yields a published file. */
export const read = (...below: readonly string[]): Uint8Array =>
  new Uint8Array(readFileSync(join(folder ?? "", ...below)));

/** Yields a published file as text. */
export const readText = (...below: readonly string[]): string =>
  new TextDecoder().decode(read(...below));

/** Yields the report that a GPU gave of itself, in hexadecimal, and its certificates in PEM. */
export const gpuReport = (): Uint8Array =>
  read("evidence", "nvidia-spdm", "hopperAttestationReport.txt");
export const gpuChain = (): Uint8Array => read("evidence", "nvidia-spdm", "hopperCertChain.pem");

/** Changes to a scene. */
export interface SceneChanges {
  readonly time?: number;
  /** What is registered in place of the published manifest. */
  readonly payload?: (text: string) => string;
  /** Names of published review reports that are registered, too. */
  readonly reports?: readonly string[];
  readonly policy?: object;
  readonly evidence?: object;
}

/** A bundle of a log with a published manifest, and a policy that trusts its vendor and the log. */
export interface Scene {
  readonly bundle: Uint8Array;
  readonly policy: Uint8Array;
}

/** Registers a published manifest, and reports, in a log of this process. */
export async function sceneOf(file: string, changes: SceneChanges = {}): Promise<Scene> {
  const { time = IN_TERM, payload = (text: string): string => text, reports = [] } = changes;
  const vendor = await PrivateKey.generate("ES256");
  const signer = { iss: ISSUER, key: vendor };
  const manifest = payload(readText("rim", "nvidia-swid", file));
  const entries: Promise<SignedStatement>[] = [
    statementOf(signer, manifest, "application/swid+xml"),
    statementOf(signer, "beside", "text/plain"),
    ...reports.map((name) => statementOf(signer, read("sfr", "reports", name), "application/jose")),
  ];
  const log = await SignedLog.make("log", await Promise.all(entries), time);
  const lab = PublicKey.fromPem(readText("sfr", "keys", "ocp_safe_ncc_group_ecdsa_p521.pub"));
  const policy = {
    format: "tallystick-appraisal/1",
    trust: {
      services: [log.pinned],
      issuers: [{ iss: ISSUER, keys: [vendor.publicKey.toJwk()] }],
    },
    reviewKeys: [{ provider: "NCC Group", key: lab.toJwk() }],
    vendors: { [ISSUER]: [GPU_VENDOR] },
    rimAnchors: [readText("rim", "nvidia-swid", "verifier_RIM_root.pem")],
    evidence: {
      anchors: [readText("evidence", "nvidia-spdm", "verifier_device_root.pem")],
      device: { vendor: GPU_VENDOR },
      ...changes.evidence,
    },
    ...changes.policy,
  };
  return { bundle: await log.bundle(), policy: new TextEncoder().encode(JSON.stringify(policy)) };
}
