import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { algorithmByName, type Algorithm, type AlgorithmName } from "../algorithm.js";
import { parsePrivateNumbers } from "../jwk.js";
import type { PrivateMaterial } from "../material.js";

/** A key pair made by node:crypto alone, in the forms that tests need. */
export interface TestKey {
  readonly algorithm: Algorithm;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly material: PrivateMaterial;
}

/** Yields a new key for the algorithm; RSA keys have 2048 bits, which is enough to test with. */
export function makeTestKey(name: AlgorithmName): TestKey {
  const algorithm = algorithmByName(name);
  const { privateKey, publicKey } = makePair(algorithm);
  const material = parsePrivateNumbers({ ...privateKey.export({ format: "jwk" }) });
  return { algorithm, privateKey, publicKey, material };
}

function makePair(algorithm: Algorithm): { privateKey: KeyObject; publicKey: KeyObject } {
  if (algorithm.kty === "RSA") return generateKeyPairSync("rsa", { modulusLength: 2048 });
  if (algorithm.kty === "OKP") return generateKeyPairSync("ed25519");
  return generateKeyPairSync("ec", { namedCurve: algorithm.curve ?? "" });
}
