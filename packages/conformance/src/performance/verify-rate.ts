// Verifies the signatures of a file of statements on one core, and reports how many in a second: V of
// the limit is the sum over all cores. Nothing but the signatures is looked at while the clock runs.
import { constants, createPublicKey, verify } from "node:crypto";
import type { JsonWebKey, KeyObject } from "node:crypto";

import { decodeSign1, encodeSigStructure } from "@tallystick/cose";
import type { AlgorithmName, Jwk } from "@tallystick/cose";

import { readFrames } from "./frames.js";

/** What is to be verified. */
export interface RateOrder {
  readonly file: string;
  readonly key: Jwk;
  readonly algorithm: AlgorithmName;
  readonly forMs: number;
}

/** What one process came to. */
export interface Rate {
  readonly perSecond: number;
  /** CPU time of each, in microseconds; what others do on the machine does not show in it. */
  readonly cpuUs: number;
}

type Check = (message: Uint8Array, signature: Uint8Array) => boolean;

/** Between two looks at the clock. */
const AT_ONCE = 16;

function checkOf(algorithm: AlgorithmName, key: KeyObject): Check {
  const ecdsa = { key, dsaEncoding: "ieee-p1363" } as const;
  const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  switch (algorithm) {
    case "ES256":
      return (message, signature) => verify("sha256", message, ecdsa, signature);
    case "ES384":
      return (message, signature) => verify("sha384", message, ecdsa, signature);
    case "EdDSA":
      return (message, signature) => verify(null, message, key, signature);
    case "PS256":
      return (message, signature) => verify("sha256", message, pss, signature);
    default:
      throw new Error(`no measure of ${algorithm}`);
  }
}

function measure({ file, key, algorithm, forMs }: RateOrder): Rate {
  const check = checkOf(
    algorithm,
    createPublicKey({ key: { ...key } as JsonWebKey, format: "jwk" }),
  );
  const signed = readFrames(file).map((bytes) => {
    const { protectedBytes, payload, signature } = decodeSign1(bytes);
    const message = encodeSigStructure(
      protectedBytes,
      new Uint8Array(),
      payload ?? new Uint8Array(),
    );
    return { message, signature };
  });
  const verifyOne = (i: number): void => {
    const one = signed[i % signed.length];
    if (one === undefined || !check(one.message, one.signature)) throw new Error("does not verify");
  };
  for (let i = 0; i < AT_ONCE; i++) verifyOne(i);
  const cpu = process.cpuUsage();
  const began = performance.now();
  let done = 0;
  let now = began;
  while (now - began < forMs) {
    for (let i = 0; i < AT_ONCE; i++) verifyOne(done++);
    now = performance.now();
  }
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: (done * 1000) / (now - began), cpuUs: (user + system) / done };
}

process.once("message", (order: RateOrder) => {
  process.send?.("ready");
  process.once("message", () => {
    process.send?.(measure(order), () => {
      process.disconnect();
    });
  });
});
