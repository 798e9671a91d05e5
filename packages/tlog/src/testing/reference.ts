import * as crypto from "node:crypto";

// What the specifications say, once more, over Node's own cryptography and base64: the tests hold
// the package against it.

/** A key pair of Ed25519 with its 32 public bytes. */
export function ed25519(): { readonly raw: Buffer; readonly secret: crypto.KeyObject } {
  const { publicKey, privateKey } = crypto.generateKeyPairSync("ed25519");
  const { x = "" } = publicKey.export({ format: "jwk" });
  return { raw: Buffer.from(x, "base64url"), secret: privateKey };
}

/** SHA-256(name ‖ newline ‖ type ‖ key), its first four bytes. */
export function keyId(name: string, type: number, raw: Uint8Array): Buffer {
  const parts = [Buffer.from(`${name}\n`, "utf8"), Buffer.of(type), raw];
  return crypto.createHash("sha256").update(Buffer.concat(parts)).digest().subarray(0, 4);
}

export function vkey(name: string, type: number, raw: Uint8Array): string {
  const key = Buffer.concat([Buffer.of(type), raw]).toString("base64");
  return `${name}+${keyId(name, type, raw).toString("hex")}+${key}`;
}

export function signatureLine(name: string, id: Uint8Array, signature: Uint8Array): string {
  return `— ${name} ${Buffer.concat([id, signature]).toString("base64")}\n`;
}
