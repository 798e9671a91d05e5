import { CoseError, PublicKey, encodeHex } from "@tallystick/cose";
import { isObject } from "@tallystick/statement";
import type { TermedIssuer } from "@tallystick/statement";

import { malformed, reader } from "./member.js";

/** Most receipt keys that a policy may name: a rotation takes two. */
const MAX_RECEIPT_KEYS = 16;

const MEMBERS = {
  required: ["kty"],
  optional: ["crv", "x", "y", "n", "e", "pub", "kid", "alg", "use", "key_ops"],
} as const;

/**
 * Reads the receipt keys that a policy names, each a public JWK: without terms, for what ends a key is
 * a policy that names it no more.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function receiptKeysOf(value: unknown, where: string): readonly PublicKey[] {
  const items = reader.listOf(value, where);
  if (items.length < 1 || items.length > MAX_RECEIPT_KEYS) {
    throw malformed(`${where} are ${items.length} keys, want 1 to ${MAX_RECEIPT_KEYS}`);
  }
  const seen = new Set<string>();
  return reader.eachOf(items, (item, position) => {
    const place = `${where}[${position}]`;
    const key = keyOf(item, place);
    const name = encodeHex(key.thumbprint());
    if (seen.has(name)) throw malformed(`${place} is listed twice`);
    seen.add(name);
    return key;
  });
}

/**
 * Returns if no receipt key is listed for operators or issuers too: each key has one purpose (T23).
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function requireOnePurpose(
  receiptKeys: readonly PublicKey[],
  listed: readonly TermedIssuer[],
): void {
  const others = new Set(
    listed.flatMap(({ keys }) => keys.map(({ key }) => encodeHex(key.thumbprint()))),
  );
  const at = receiptKeys.findIndex((key) => others.has(encodeHex(key.thumbprint())));
  if (at < 0) return;
  throw malformed(`receiptKeys[${at}] is a key of an operator or an issuer too`);
}

function keyOf(item: unknown, place: string): PublicKey {
  if (isObject(item) && ["d", "k", "priv"].some((member) => Object.hasOwn(item, member))) {
    throw malformed(`${place} is a private key`);
  }
  reader.membersOf(item, place, MEMBERS);
  try {
    return PublicKey.fromJwk(item);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(`${place}: ${cause.message}`, { cause });
  }
}
