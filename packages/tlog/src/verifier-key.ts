import {
  concatBytes,
  decodeBase64url,
  encodeBase64url,
  encodeHex,
  PublicKey,
} from "@tallystick/cose";
import type { Jwk, Signer } from "@tallystick/cose";
import { sha256 } from "@tallystick/merkle";

import { decodeBase64, encodeBase64 } from "./base64.js";
import { TlogError } from "./error.js";
import { idBytes, isKeyName } from "./note.js";
import { encodeText } from "./text.js";

/** What a key signs, by the names of C2SP signed-note. */
export type SignatureType = "ed25519" | "ed25519-cosignature" | "ml-dsa-44-cosignature";

interface TypeRow {
  /** The byte before the public key. */
  readonly id: number;
  readonly keyBytes: number;
  /** Length of a signature, with its time where it has one. */
  readonly signatureBytes: number;
  readonly hasTime: boolean;
}

/** W3: the signature types that are made and verified here. */
export const SIGNATURE_TYPES: Readonly<Record<SignatureType, TypeRow>> = {
  ed25519: { id: 0x01, keyBytes: 32, signatureBytes: 64, hasTime: false },
  "ed25519-cosignature": { id: 0x04, keyBytes: 32, signatureBytes: 72, hasTime: true },
  "ml-dsa-44-cosignature": { id: 0x06, keyBytes: 1312, signatureBytes: 2428, hasTime: true },
};

/** Longest name of a key or log in the message that ML-DSA-44 signs (W9). */
export const MAX_COSIGNED_NAME_BYTES = 255;

/** Longest text of a key that is read; one of ML-DSA-44 with a name of 255 bytes has 2,017. */
const MAX_VKEY_LENGTH = 4096;

/** A public key with its name and the one type of signature that it verifies. */
export class VerifierKey {
  readonly name: string;
  readonly type: SignatureType;
  readonly publicKey: PublicKey;
  /** Tells keys of one name apart. Short: whoever tries finds another key with the same id. */
  readonly keyId: number;

  private constructor(name: string, type: SignatureType, publicKey: PublicKey) {
    this.name = name;
    this.type = type;
    this.publicKey = publicKey;
    this.keyId = keyIdOf(name, encodeKey(type, publicKey));
    Object.freeze(this);
  }

  /**
   * Yields the key with a name and a type.
   *
   * @throws {@link TlogError} `TLOG_KEY_MALFORMED` (the name), `TLOG_KEY_UNSUPPORTED` (a key that
   * cannot sign in this type)
   */
  static of(name: string, type: SignatureType, publicKey: PublicKey): VerifierKey {
    if (!isKeyName(name)) throw malformed("key name is empty or has a space or plus");
    if (type === "ml-dsa-44-cosignature" && encodeText(name).length > MAX_COSIGNED_NAME_BYTES) {
      throw malformed(`key name is longer than ${MAX_COSIGNED_NAME_BYTES} bytes`);
    }
    return new VerifierKey(name, type, publicKey);
  }

  /**
   * Yields the key of a vkey text (W4).
   *
   * @throws {@link TlogError} `TLOG_KEY_MALFORMED`, `TLOG_KEY_UNSUPPORTED`
   */
  static parse(text: string): VerifierKey {
    const [, name = "", id, encoded] = text.length > MAX_VKEY_LENGTH ? [] : (VKEY.exec(text) ?? []);
    const bytes = encoded === undefined ? undefined : decodeBase64(encoded);
    if (bytes === undefined || bytes.length === 0 || !isKeyName(name)) {
      throw malformed("not a vkey, want <name>+<8 hex digits>+<base64>");
    }
    if (encodeHex(idBytes(keyIdOf(name, bytes))) !== id) {
      throw malformed("key id does not belong to the vkey's name and key");
    }
    const type = typeOf(bytes);
    return VerifierKey.of(name, type, decodeKey(type, bytes.subarray(1)));
  }

  /** Yields the vkey text, `<name>+<key id>+<type and key>` (W4). */
  format(): string {
    const id = encodeHex(idBytes(this.keyId));
    return `${this.name}+${id}+${encodeBase64(encodeKey(this.type, this.publicKey))}`;
  }

  /** Yields whether this is the same key under the same name and type. */
  equals(other: VerifierKey): boolean {
    return this.format() === other.format();
  }
}

/** A key that can sign notes: what others know of it, and what signs. */
export interface NoteSigner {
  readonly key: VerifierKey;
  readonly signer: Signer;
}

/**
 * Yields a signer with a name and a type.
 *
 * @throws {@link TlogError} `TLOG_KEY_MALFORMED`, `TLOG_KEY_UNSUPPORTED`
 */
export function noteSigner(name: string, type: SignatureType, signer: Signer): NoteSigner {
  return { key: VerifierKey.of(name, type, signer.publicKey), signer };
}

const VKEY = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/;

// W3: SHA-256(name ‖ 0x0A ‖ type ‖ public key), its first four bytes.
function keyIdOf(name: string, typeAndKey: Uint8Array): number {
  const digest = sha256(concatBytes([encodeText(`${name}\n`), typeAndKey]));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0);
}

function typeOf(bytes: Uint8Array): SignatureType {
  for (const type of Object.keys(SIGNATURE_TYPES) as SignatureType[]) {
    const { id, keyBytes } = SIGNATURE_TYPES[type];
    if (bytes[0] !== id) continue;
    if (bytes.length !== 1 + keyBytes) throw malformed(`wrong length of a key of type ${type}`);
    return type;
  }
  throw new TlogError("TLOG_KEY_UNSUPPORTED", "unsupported signature type, want 1, 4 or 6");
}

function decodeKey(type: SignatureType, bytes: Uint8Array): PublicKey {
  const text = encodeBase64url(bytes);
  const jwk: Jwk =
    type === "ml-dsa-44-cosignature"
      ? { kty: "AKP", alg: "ML-DSA-44", pub: text }
      : { kty: "OKP", crv: "Ed25519", x: text };
  try {
    return PublicKey.fromJwk(jwk);
  } catch (cause) {
    throw new TlogError("TLOG_KEY_MALFORMED", "public key of the vkey is unusable", { cause });
  }
}

function encodeKey(type: SignatureType, key: PublicKey): Uint8Array {
  const { alg, kty, crv, pub, x } = key.toJwk();
  const isPostQuantum = type === "ml-dsa-44-cosignature";
  const text = isPostQuantum ? pub : x;
  const fits = isPostQuantum ? alg === "ML-DSA-44" : kty === "OKP" && crv === "Ed25519";
  if (!fits || text === undefined) {
    throw new TlogError("TLOG_KEY_UNSUPPORTED", `a ${alg ?? crv ?? kty} key cannot make ${type}`);
  }
  return concatBytes([Uint8Array.of(SIGNATURE_TYPES[type].id), decodeBase64url(text)]);
}

function malformed(message: string): TlogError {
  return new TlogError("TLOG_KEY_MALFORMED", message);
}
