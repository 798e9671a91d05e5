import { PrivateKey } from "@tallystick/cose";
import { Admission, firstPolicy, PolicyState, signPolicy } from "@tallystick/policy";
import type { PolicyDocument } from "@tallystick/policy";
import { SignedStatement, signStatement, VerifiedStatement } from "@tallystick/statement";

import { REPORT_TYPE, signedReport } from "./payload.js";
import { contentRules } from "./content-rules.js";
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

/** Measures what reading content and verifying the signature inside add to a decision. */
export async function measureContent({ options }: Bench): Promise<ContentFigures> {
  const [vendor, operator, lab] = await Promise.all([
    PrivateKey.generate("ES256"),
    PrivateKey.generate("ES256"),
    PrivateKey.generate("ES512"),
  ]);
  const statements: Uint8Array[] = [];
  for (let i = 0; i < STATEMENTS; i++) {
    const payload = await signedReport(lab, i.toString(16).padStart(96, "0"));
    const claims = { issuer: ISSUER, subject: `fw-${i}`, contentType: REPORT_TYPE };
    statements.push(await signStatement({ ...claims, payload }, vendor));
  }
  const base: PolicyDocument = {
    ...firstPolicy({ iss: OPERATOR, key: operator.publicKey }),
    issuers: [{ iss: ISSUER, keys: [vendor.publicKey.toJwk()] }],
  };
  const asking: PolicyDocument = { ...base, rules: contentRules(ISSUER, lab.publicKey) };
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
