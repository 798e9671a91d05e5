import { CoseError, decodeBase64url, PublicKey } from "@tallystick/cose";
import type { IsAuthority } from "@tallystick/evidence";

import type { Known } from "./gather.js";

/** A list of more keys is held against nothing: parsing keys takes its time. */
const MAX_KEYS = 16;

/**
 * Yields whether keys are all the one that a manifest is signed with. Keys in tag 554, PEM or base64
 * of a SubjectPublicKeyInfo, can be compared; others are nobody's here.
 */
export function isSignerOf({ signedBy }: Pick<Known, "signedBy">): IsAuthority {
  const seen = new Map<string, boolean>();
  const isSigner = (key: string): boolean => {
    const before = seen.get(key);
    if (before !== undefined) return before;
    if (seen.size >= MAX_KEYS) return false;
    const found = thumbprintOf(key) === signedBy;
    seen.set(key, found);
    return found;
  };
  return (keys) => signedBy !== undefined && keys.length > 0 && keys.every(isSigner);
}

function thumbprintOf(key: string): string | undefined {
  const [, quoted] = /^554\((".*")\)$/s.exec(key) ?? [];
  if (quoted === undefined) return undefined;
  const text = JSON.parse(quoted) as string;
  try {
    return (text.includes("-----BEGIN") ? PublicKey.fromPem(text) : fromBase64(text)).thumbprintHex;
  } catch (error) {
    if (error instanceof CoseError) return undefined;
    throw error;
  }
}

function fromBase64(text: string): PublicKey {
  const bare = text.replaceAll(/\s/g, "").replace(/={1,2}$/, "");
  return PublicKey.fromSpki(decodeBase64url(bare.replaceAll("+", "-").replaceAll("/", "_")));
}
