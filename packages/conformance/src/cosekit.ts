import { createPrivateKey, createPublicKey } from "node:crypto";
import {
  LABEL,
  PrivateKey,
  decodeSign1,
  encodeHex,
  encodeSign1,
  signSign1,
  verifySign1,
} from "@tallystick/cose";
import type { Jwk, PublicKey, Sign1 } from "@tallystick/cose";
import { Sign1 as OracleSign1 } from "cose-kit";

// Importing cose-kit changes every decoder of the main cbor-x build in the process, so this runs in
// a process of its own: `oracle.test.ts` starts it and reads one JSON object a line.

/** One comparison: what both libraries say of the same message. */
export interface Comparison {
  readonly name: string;
  readonly ours: boolean;
  readonly theirs: boolean;
}

const ALGORITHMS = ["ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512"] as const;

const PAYLOAD = new TextEncoder().encode("the payload");

async function ours(message: Sign1, key: PublicKey): Promise<boolean> {
  return verifySign1(message, key).then(
    () => true,
    () => false,
  );
}

/** Gives cose-kit the parts that the strict decoder yielded, never the bytes. */
async function theirs(message: Sign1, key: PublicKey): Promise<boolean> {
  const { protectedBytes, payload, signature } = message;
  const oracle = new OracleSign1(protectedBytes, new Map(), payload ?? new Uint8Array(), signature);
  const keyObject = createPublicKey({ key: { ...key.toJwk() }, format: "jwk" });
  return oracle.verify(keyObject).catch(() => false);
}

async function compare(name: string, message: Sign1, key: PublicKey): Promise<void> {
  const comparison: Comparison = {
    name,
    ours: await ours(message, key),
    theirs: await theirs(message, key),
  };
  console.log(JSON.stringify(comparison));
}

function flipped(bytes: Uint8Array, position: number): Uint8Array {
  const copy = bytes.slice();
  copy[position] = (copy[position] ?? 0) ^ 1;
  return copy;
}

/** Messages that we sign: good, and with one bit flipped in each signed part. */
async function fromUs(name: (typeof ALGORITHMS)[number]): Promise<void> {
  const signer = await PrivateKey.generate(name);
  const stranger = await PrivateKey.generate(name);
  const protectedHeader = new Map<number, string | Uint8Array>([
    [LABEL.contentType, "text/plain"],
    [LABEL.kid, signer.publicKey.kid],
  ]);
  const message = decodeSign1(await signSign1({ protectedHeader, payload: PAYLOAD }, signer));
  await compare(`${name} good`, message, signer.publicKey);
  await compare(`${name} under another key`, message, stranger.publicKey);
  for (const part of ["payload", "signature"] as const) {
    const bytes = message[part] ?? new Uint8Array();
    for (const position of [0, Math.floor(bytes.length / 2), bytes.length - 1]) {
      const changed = { ...message, [part]: flipped(bytes, position) };
      await compare(`${name} ${part} flipped at ${position}`, changed, signer.publicKey);
    }
  }
  const text = encodeHex(message.protectedBytes).replace("74657874", "74657875");
  const changed = { ...message, protectedBytes: new Uint8Array(Buffer.from(text, "hex")) };
  await compare(`${name} protected header changed`, changed, signer.publicKey);
}

/** Messages that cose-kit signs, spliced into the strict form. */
async function fromThem(name: (typeof ALGORITHMS)[number]): Promise<void> {
  const signer = await PrivateKey.generate(name);
  const jwk: Jwk = signer.toJwk();
  const key = createPrivateKey({ key: { ...jwk }, format: "jwk" });
  const signed = await OracleSign1.sign({ alg: name }, {}, PAYLOAD, key);
  const [protectedBytes] = signed.getContentForEncoding();
  if (!(protectedBytes instanceof Uint8Array)) throw new Error("no protected bytes");
  const parts = {
    protectedBytes: new Uint8Array(protectedBytes),
    unprotectedHeader: new Map(),
    payload: PAYLOAD,
    signature: new Uint8Array(signed.signature),
  };
  await compare(`${name} signed by cose-kit`, decodeSign1(encodeSign1(parts)), signer.publicKey);
}

for (const name of ALGORITHMS) {
  await fromUs(name);
  await fromThem(name);
}
