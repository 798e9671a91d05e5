import { PrivateKey, type Jwk } from "@tallystick/cose";
import { SignedStatement, signStatement } from "@tallystick/statement";
import { Admission } from "../admission.js";
import { firstPolicy } from "../change.js";
import { POLICY_MEDIA_TYPE, type PolicyDocument } from "../document.js";
import { Policy } from "../policy.js";
import { PolicyState } from "../state.js";
import { ROOT_BASE64 } from "./certificate.js";

/** The P-256 key of RFC 7515 A.3. */
export const OPERATOR: PrivateKey = PrivateKey.fromJwk({
  kty: "EC",
  crv: "P-256",
  x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
  y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
  d: "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
});

/** The Ed25519 key of RFC 8037 A.1. */
export const VENDOR: PrivateKey = PrivateKey.fromJwk({
  kty: "OKP",
  crv: "Ed25519",
  x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
  d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
});

/** The P-256 key of RFC 7517 A.2. */
export const STRANGER: PrivateKey = PrivateKey.fromJwk({
  kty: "EC",
  crv: "P-256",
  x: "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
  y: "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
  d: "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
});

/** The public key of RFC 8032 7.1, TEST 2. */
const FORMER: Jwk = {
  kty: "OKP",
  crv: "Ed25519",
  x: "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
};

/** The public key of RFC 8032 7.1, TEST 3. */
export const RECEIPT: Jwk = {
  kty: "OKP",
  crv: "Ed25519",
  x: "_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU",
};

export const SERVICE_ISS = "https://log.example";
export const VENDOR_ISS = "https://vendor.example";
export const TIME = 1_800_000_000;
export const IN_FORCE: Uint8Array = new Uint8Array(32).fill(0xab);
export const IN_FORCE_ID: string = "ab".repeat(32);

/** A policy with the operator, and the vendor as an issuer, with some members set otherwise. */
export function documentWith(changes: Partial<PolicyDocument> = {}): PolicyDocument {
  return {
    ...firstPolicy({ iss: SERVICE_ISS, key: OPERATOR.publicKey }),
    issuers: [{ iss: VENDOR_ISS, keys: [VENDOR.publicKey.toJwk()] }],
    ...changes,
  };
}

/** A policy with two operators and every member. */
export function fullDocument(): PolicyDocument {
  const operators = [
    { iss: SERVICE_ISS, keys: [{ ...OPERATOR.publicKey.toJwk(), exp: TIME * 2 }] },
    { iss: "https://second.example", keys: [STRANGER.publicKey.toJwk()] },
  ];
  const vendor = { ...VENDOR.publicKey.toJwk(), nbf: 1, exp: TIME * 2 };
  return documentWith({
    operators,
    approvals: 2,
    issuers: [
      { iss: VENDOR_ISS, keys: [vendor] },
      {
        iss: "former",
        keys: [{ ...FORMER, revoked: { from: 7, reason: "lost" } }],
      },
    ],
    anchors: [
      { certificate: ROOT_BASE64, issuers: ["urn:example:a", "b"], bindings: ["san", "did:x509"] },
    ],
    selfContained: ["did:jwk", "did:key"],
    contentTypes: ["application/json", 60],
    isSubjectOptional: true,
    acceptsSingleCertificateArray: true,
    rules: [{ name: "never", cel: "false", reason: "nothing is registered here" }],
    receiptKeys: [RECEIPT],
  });
}

export function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

export function policyWith(changes: Partial<PolicyDocument> = {}): Policy {
  return Policy.parse(bytesOf(documentWith(changes)));
}

/** The state of a log whose first policy it is, admitted at {@link TIME}. */
export async function stateWith(
  changes: Partial<PolicyDocument> = {},
  signer: PrivateKey = OPERATOR,
): Promise<PolicyState> {
  const first = await proposal(documentWith(changes), {}, signer);
  return PolicyState.genesis(await Admission.bootstrap(first, TIME));
}

/** What a test changes about a statement. */
export interface Changes {
  readonly issuer?: string;
  readonly payload?: Uint8Array;
  readonly contentType?: string;
  readonly subject?: string;
}

/** A statement by the vendor, unless a test says otherwise. */
export async function statement(
  changes: Changes = {},
  signer: PrivateKey = VENDOR,
): Promise<SignedStatement> {
  const bytes = await signStatement(
    {
      issuer: VENDOR_ISS,
      subject: "board 7",
      payload: bytesOf({ sbom: 1 }),
      contentType: "application/json",
      ...changes,
    },
    signer,
  );
  return SignedStatement.decode(bytes);
}

/** A statement by the operator that proposes whatever JSON it is given. */
export function proposal(
  document: unknown,
  changes: Changes = {},
  signer: PrivateKey = OPERATOR,
): Promise<SignedStatement> {
  const payload = bytesOf(document);
  const contentType = POLICY_MEDIA_TYPE;
  return statement({ issuer: SERVICE_ISS, payload, contentType, ...changes }, signer);
}

/** The key as JSON with a kid of the test's choice. */
export function namedKey(key: PrivateKey, kid: string): Jwk {
  return { ...key.publicKey.toJwk(), kid };
}
