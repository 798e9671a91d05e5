import { createPrivateKey } from "node:crypto";

import { decodeHex, encodeHex, PrivateKey, type Signer } from "@tallystick/cose";
import { sha256 } from "@tallystick/merkle";

import { concat } from "../layout.js";
import { AnchorFiles } from "./image.js";
import type { Bench } from "./incarnation.js";

export { NOON } from "./bench.js";

// PKCS #8 of an Ed25519 key up to its 32 bytes (RFC 8410 §7).
const PKCS8_PREFIX = decodeHex("302e020100300506032b657004220420");

/** Yields the surroundings of a model; the same seed makes the same key, so runs can be repeated. */
export async function benchFor(seed: string, faults: Bench["faults"]): Promise<Bench> {
  return { signer: remembering(keyOf(seed)), files: await AnchorFiles.make(), faults };
}

function keyOf(seed: string): PrivateKey {
  const secret = sha256(new TextEncoder().encode(`explore ${seed}`));
  const key = Buffer.from(concat(PKCS8_PREFIX, secret));
  const pem = createPrivateKey({ key, format: "der", type: "pkcs8" });
  return PrivateKey.fromPem(pem.export({ format: "pem", type: "pkcs8" }).toString());
}

/** Signs each message once: Ed25519 gives the same signature every time, and replays ask for it often. */
function remembering(key: PrivateKey): Signer {
  const known = new Map<string, Promise<Uint8Array>>();
  return {
    algorithm: key.algorithm,
    publicKey: key.publicKey,
    sign: async (message) => {
      const name = encodeHex(message);
      const signature = known.get(name) ?? key.sign(message);
      known.set(name, signature);
      return (await signature).slice();
    },
  };
}
