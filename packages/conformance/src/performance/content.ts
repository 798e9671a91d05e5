import { encodeBase64url, PrivateKey } from "@tallystick/cose";
import { Admission, firstPolicy, PolicyState, signPolicy } from "@tallystick/policy";
import type { PolicyDocument } from "@tallystick/policy";
import { SignedStatement, signStatement, VerifiedStatement } from "@tallystick/statement";

import type { Bench } from "./registration.js";

/** How fast statements with a review report are decided on, on one core. */
export interface ContentFigures {
  /** Decisions in a second where the policy has no rules. */
  readonly plainPerSecond: number;
  /** The same where the report is read, its signature verified, and rules look at it. */
  readonly perSecond: number;
  /** CPU time of each of these, in microseconds. */
  readonly cpuUs: number;
}

const ISSUER = "https://vendor.example";
const OPERATOR = "https://operator.example";
const STATEMENTS = 64;
const JOSE = "application/jose";

/** Measures what reading content and verifying the signature inside add to a decision. */
export async function measureContent({ options }: Bench): Promise<ContentFigures> {
  const [vendor, operator, lab] = await Promise.all([
    PrivateKey.generate("ES256"),
    PrivateKey.generate("ES256"),
    PrivateKey.generate("ES512"),
  ]);
  const statements: Uint8Array[] = [];
  for (let i = 0; i < STATEMENTS; i++) {
    const payload = await signedReport(lab, i);
    const claims = { issuer: ISSUER, subject: `fw-${i}`, contentType: JOSE };
    statements.push(await signStatement({ ...claims, payload }, vendor));
  }
  const keys = [{ provider: "Example Lab", key: { ...lab.publicKey.toJwk() } }];
  const base: PolicyDocument = {
    ...firstPolicy({ iss: OPERATOR, key: operator.publicKey }),
    issuers: [{ iss: ISSUER, keys: [vendor.publicKey.toJwk()] }],
  };
  const asking = {
    ...base,
    rules: [
      { name: "reviewed", use: "reviewSignature", with: { keys, contentTypes: [JOSE] } },
      { name: "vendor", use: "reportVendor", with: { vendors: { [ISSUER]: ["Example Silicon"] } } },
      { name: "mild", cel: "content.sfr.all(r, r.worst != 'critical')", reason: "critical issue" },
    ],
  } as PolicyDocument;
  const forMs = options.seconds * 1000;
  const plain = await decide(await stateOf(base, operator), statements, forMs);
  const read = await decide(await stateOf(asking, operator), statements, forMs);
  return { plainPerSecond: plain.perSecond, ...read };
}

async function stateOf(document: PolicyDocument, operator: PrivateKey): Promise<PolicyState> {
  const now = Math.floor(Date.now() / 1000);
  const signed = await signPolicy(document, { issuer: OPERATOR, issuedAt: now }, operator);
  return PolicyState.genesis(await Admission.bootstrap(SignedStatement.decode(signed), now));
}

async function decide(
  state: PolicyState,
  statements: readonly Uint8Array[],
  forMs: number,
): Promise<Pick<ContentFigures, "perSecond" | "cpuUs">> {
  const { policy } = state.inForce;
  const time = Math.floor(Date.now() / 1000);
  const cpu = process.cpuUsage();
  const began = performance.now();
  let done = 0;
  do {
    const bytes = statements[done++ % statements.length] ?? new Uint8Array();
    const verified = await VerifiedStatement.verify(SignedStatement.decode(bytes), policy, {
      time,
    });
    Admission.admit(verified, state, time);
  } while (performance.now() - began < forMs);
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: (done * 1000) / (performance.now() - began), cpuUs: (user + system) / done };
}

/** Yields a report about some firmware, signed as providers do. */
async function signedReport(lab: PrivateKey, number: number): Promise<Uint8Array> {
  const encoder = new TextEncoder();
  const digest = number.toString(16).padStart(96, "0");
  const issue = {
    title: "[LOW] Console stays open",
    cvss_score: "2.2",
    cwe: "CWE-1299",
    cve: null,
  };
  const report = {
    review_framework_version: "2.1",
    device: {
      ...{ vendor: "Example Silicon", product: "Root of Trust", category: "RoT", repo_tag: "r" },
      ...{ fw_version: String(number), fw_hash_sha2_384: digest, fw_hash_sha2_512: "" },
    },
    audit: {
      ...{ srp: "Example Lab", methodology: "whitebox", completion_date: "2026-03-09" },
      ...{ report_version: "1.0", scope_number: 1, cvss_version: "3.1" },
      issues: [
        { ...issue, cvss_vector: "CVSS:3.1/AV:P/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:N", description: "" },
      ],
    },
  };
  const part = (value: object): string => encodeBase64url(encoder.encode(JSON.stringify(value)));
  const covered = `${part({ alg: "ES512", kid: "lab" })}.${part(report)}`;
  const signature = await lab.sign(encoder.encode(covered));
  return encoder.encode(`${covered}.${encodeBase64url(signature)}`);
}
