import { PrivateKey, digest } from "@tallystick/cose";
import type { Signer } from "@tallystick/cose";
import {
  SignedCheckpoint,
  issueConsistencyReceipt,
  issueInclusionReceipt,
} from "@tallystick/receipt";
import { SignedStatement, signStatement } from "@tallystick/statement";

/** What a service with a log of two entries would hold: an entry, another one, and their receipts. */
export interface Scene {
  readonly statement: Uint8Array;
  readonly entryId: string;
  readonly receipt: Uint8Array;
  readonly otherId: string;
  readonly otherReceipt: Uint8Array;
  readonly consistency: Uint8Array;
  readonly serviceKey: Signer;
  readonly strangerKey: Signer;
}

export const SERVICE = "https://ts.example";
export const ISSUER = "https://ts.example";
export const ORIGIN = "ts.example/log";

/** Makes the scene; `at` is the entry's index, 0 or 1. */
export async function makeScene(): Promise<Scene> {
  const issuerKey = await PrivateKey.generate("ES256");
  const serviceKey = await PrivateKey.generate("ES256");
  const strangerKey = await PrivateKey.generate("ES256");
  const [first, second] = await Promise.all([sign("one", issuerKey), sign("two", issuerKey)]);
  const { entry, entryId } = SignedStatement.decode(second);
  const other = SignedStatement.decode(first);
  const [left, right] = [leafHash(other.entry), leafHash(entry)];
  const root = sha256(Uint8Array.of(1), left, right);
  const checkpoint = { issuer: ISSUER, origin: ORIGIN, size: 2, root, time: 1_700_000_000 };
  const signed = await SignedCheckpoint.sign(checkpoint, serviceKey);
  return {
    statement: second,
    entryId,
    receipt: issueInclusionReceipt(signed, { size: 2, index: 1, path: [left] }),
    otherId: other.entryId,
    otherReceipt: issueInclusionReceipt(signed, { size: 2, index: 0, path: [right] }),
    consistency: issueConsistencyReceipt(signed, { oldSize: 1, newSize: 2, path: [right] }),
    serviceKey,
    strangerKey,
  };
}

function sign(text: string, key: Signer): Promise<Uint8Array> {
  const payload = new TextEncoder().encode(text);
  const claims = { issuer: "https://issuer.example", subject: "thing" };
  return signStatement({ ...claims, payload, contentType: "text/plain" }, key);
}

function leafHash(entry: Uint8Array): Uint8Array {
  return sha256(Uint8Array.of(0), entry);
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return digest("sha-256", Uint8Array.from(parts.flatMap((part) => [...part])));
}
