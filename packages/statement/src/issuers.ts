import { encodeHex } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";

import type { SignedStatement } from "./statement.js";
import type { KeyResolver } from "./identity.js";

/** An issuer and the keys that it signs with. */
export interface Issuer {
  readonly iss: string;
  readonly keys: readonly PublicKey[];
}

/**
 * A fixed list of issuers that finds a statement's key by `iss` and `kid` together, so that a kid
 * of one issuer never vouches for another.
 *
 * A key answers to all its {@link PublicKey.names}: its kid in every form, and its thumbprint.
 */
export class IssuerKeys implements KeyResolver {
  readonly #keys = new Map<string, PublicKey>();

  /** @throws TypeError when two different keys of one issuer answer to one kid */
  constructor(issuers: readonly Issuer[]) {
    for (const { iss, keys } of issuers) {
      for (const key of keys) {
        for (const kid of key.names) this.#add(iss, kid, key);
      }
    }
  }

  resolve({ claims, kid }: SignedStatement): PublicKey | undefined {
    return kid === undefined ? undefined : this.#keys.get(nameOf(claims.issuer, kid));
  }

  #add(iss: string, kid: Uint8Array, key: PublicKey): void {
    const name = nameOf(iss, kid);
    const other = this.#keys.get(name);
    if (other !== undefined && other.thumbprintHex !== key.thumbprintHex) {
      throw new TypeError(`two keys of one issuer share the kid ${encodeHex(kid)}`);
    }
    this.#keys.set(name, key);
  }
}

function nameOf(iss: string, kid: Uint8Array): string {
  return `${encodeHex(kid)} ${iss}`;
}
