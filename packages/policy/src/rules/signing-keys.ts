import type { ReviewKey } from "@tallystick/content";
import { algorithmByName, CoseError, PublicKey, type AlgorithmName } from "@tallystick/cose";
import { parseCertificates, StatementError, type Certificate } from "@tallystick/statement";

import { thumbprintOf } from "../report-signature.js";
import { anchorName } from "../rim-signature.js";
import { isRecord, Parameters } from "./parameters.js";

/** Most keys in one rule; each may be tried on every payload of its kind. */
const MAX_KEYS = 64;

/** Most anchors in one rule. */
const MAX_ANCHORS = 16;

/** A root above the signers of manifests. */
export interface RimAnchor {
  /** Whose root it is. */
  readonly provider: string;
  readonly certificate: Certificate;
}

/** What keys are for: one algorithm of these at least. */
export type KeyUse = readonly AlgorithmName[];

/** Algorithms of the signatures inside reports. */
export const REPORT_KEYS: KeyUse = ["ES384", "ES512", "PS384", "PS512"];

/** Algorithms of the signatures inside manifests. */
export const RIM_KEYS: KeyUse = ["ES256", ...REPORT_KEYS, "PS256", "EdDSA"];

/**
 * Yields the keys of review providers as they stand in JSON, a list of at most 64.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function parseReviewKeys(keys: unknown): readonly ReviewKey[] {
  return keysOf(new Parameters("reviewKeys", { keys }, ["keys"]), REPORT_KEYS);
}

/**
 * Yields the keys of signatures inside manifests as they stand in JSON, a list of at most 64.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function parseRimKeys(keys: unknown): readonly ReviewKey[] {
  return keysOf(new Parameters("rimKeys", { keys }, ["keys"]), RIM_KEYS);
}

/** Yields the parameter `keys` of a rule. */
export function keysOf(parameters: Parameters, use: KeyUse): readonly ReviewKey[] {
  const value = parameters.value("keys");
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  if (items.length === 0 || items.length > MAX_KEYS) {
    throw parameters.malformed("keys", `is not a list of 1 to ${MAX_KEYS} keys`);
  }
  const keys = items.map((item, position) =>
    keyOf(item, { parameters, use, where: `[${position}]` }),
  );
  if (new Set(keys.map(({ key }) => thumbprintOf(key))).size !== keys.length) {
    throw parameters.malformed("keys", "has one key twice");
  }
  return keys;
}

const MEMBERS: readonly string[] = ["provider", "key", "kids", "notBefore", "expires", "revoked"];

interface Place {
  readonly parameters: Parameters;
  readonly use: KeyUse;
  readonly where: string;
}

function keyOf(item: unknown, { parameters, use, where }: Place): ReviewKey {
  const refuse = (why: string): Error => parameters.malformed("keys", `${where} ${why}`);
  if (!isRecord(item)) throw refuse("is not an object");
  const unknown = Object.keys(item).find((name) => !MEMBERS.includes(name));
  if (unknown !== undefined) throw refuse(`has an unknown member, want ${MEMBERS.join(", ")}`);
  const { kids = [] } = item;
  const provider = providerOf(item["provider"], refuse);
  const names: readonly unknown[] = Array.isArray(kids) ? kids : [undefined];
  if (!names.every((kid) => typeof kid === "string") || names.length > 16) {
    throw refuse("has kids that are no list of up to 16 texts");
  }
  const times = ["notBefore", "expires", "revoked"].filter((name) => Object.hasOwn(item, name));
  for (const name of times) {
    if (!Number.isSafeInteger(item[name])) throw refuse(`has ${name} that is no whole number`);
  }
  return {
    provider,
    key: publicKeyOf(item["key"], use, refuse),
    kids: names,
    ...(Object.fromEntries(times.map((name) => [name, item[name]])) as Partial<ReviewKey>),
  };
}

function publicKeyOf(jwk: unknown, use: KeyUse, refuse: (why: string) => Error): PublicKey {
  if (!isRecord(jwk)) throw refuse("has no key, want a public JSON Web Key");
  try {
    const key = PublicKey.fromJwk(jwk);
    if (use.some((name) => key.fits(algorithmByName(name)))) return key;
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw refuse(`has a key that cannot be read: ${cause.message}`);
  }
  throw refuse(`has a key that is not for ${use.join(", ")}`);
}

/** Yields the parameter `anchors` of a rule: a list of at most 16, each with one certificate in PEM. */
export function anchorsOf(parameters: Parameters): readonly RimAnchor[] {
  const value = parameters.value("anchors");
  const items: readonly unknown[] = Array.isArray(value) ? value : [];
  if (items.length === 0 || items.length > MAX_ANCHORS) {
    throw parameters.malformed("anchors", `is not a list of 1 to ${MAX_ANCHORS} anchors`);
  }
  const anchors = items.map((item, position) => anchorOf(item, parameters, `[${position}]`));
  if (new Set(anchors.map(({ certificate }) => anchorName(certificate))).size === anchors.length) {
    return anchors;
  }
  throw parameters.malformed("anchors", "has one certificate twice");
}

function anchorOf(item: unknown, parameters: Parameters, where: string): RimAnchor {
  const refuse = (why: string): Error => parameters.malformed("anchors", `${where} ${why}`);
  if (!isRecord(item)) throw refuse("is not an object");
  const unknown = Object.keys(item).find((name) => name !== "provider" && name !== "certificate");
  if (unknown !== undefined) throw refuse("has an unknown member, want provider, certificate");
  const provider = providerOf(item["provider"], refuse);
  const { certificate: pem } = item;
  if (typeof pem !== "string" || pem.length > 16_384) throw refuse("has no certificate in PEM");
  try {
    const [certificate, ...more] = parseCertificates(pem);
    if (certificate !== undefined && more.length === 0) return { provider, certificate };
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw refuse(`has a certificate that cannot be read: ${cause.message}`);
  }
  throw refuse("has more than one certificate");
}

function providerOf(provider: unknown, refuse: (why: string) => Error): string {
  if (typeof provider === "string" && provider !== "" && provider.length <= 256) return provider;
  throw refuse("has no provider of 1 to 256 characters");
}
