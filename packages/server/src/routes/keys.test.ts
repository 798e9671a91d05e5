import { afterEach, describe, expect, test } from "@jest/globals";
import {
  PrivateKey,
  decodeCbor,
  decodeCborMap,
  encodeBase64url,
  isCborArray,
} from "@tallystick/cose";
import type { AlgorithmName, CborMap } from "@tallystick/cose";
import { MemoryAnchor, MemoryStore } from "@tallystick/log";

import { serve } from "../listen.js";
import type { RunningServer } from "../listen.js";
import { TransparencyService } from "../service.js";
import { ISSUER, ORIGIN, TIME } from "../testing/service.js";

let service: TransparencyService;
let server: RunningServer;

afterEach(async () => {
  await server.close();
  await service.close();
});

/** Starts a service that signs receipts with a key for this algorithm. */
async function start(algorithm: AlgorithmName): Promise<PrivateKey> {
  const signer = await PrivateKey.generate(algorithm);
  const kept = { store: new MemoryStore(), anchor: new MemoryAnchor() };
  const options = { ...kept, issuer: ISSUER, origin: ORIGIN, signer };
  const operator = await PrivateKey.generate("ES256");
  service = await TransparencyService.create({ ...options, now: () => TIME }, operator);
  server = await serve(service, { host: "127.0.0.1", port: 0 });
  return signer;
}

function read(kid = ""): Promise<Response> {
  return fetch(`${server.url}/.well-known/scitt-keys${kid}`);
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

describe.each(["ES256", "ES384", "EdDSA", "PS256"] as const)("a receipt key for %s", (name) => {
  test("S13, S15, S16: is the only one, and the base64url of its thumbprint names it", async () => {
    const { publicKey } = await start(name);
    const set = decodeCbor(await bytesOf(await read()));
    const keys = isCborArray(set) ? (set as readonly CborMap[]) : [];
    expect(keys.map((key) => key.get(2))).toEqual([publicKey.thumbprint()]);
    const one = await read(`/${encodeBase64url(publicKey.thumbprint())}`);
    expect(one.status).toBe(200);
    expect(decodeCborMap(await bytesOf(one))).toEqual(keys[0]);
  });
});

test("S8: keys may be kept for minutes, a refusal may not", async () => {
  const { publicKey } = await start("ES256");
  const kid = encodeBase64url(publicKey.kid);
  const kept = await Promise.all([read(), read(`/${kid}`), read("/none")]);
  expect(kept.map((response) => response.headers.get("cache-control"))).toEqual([
    "public, max-age=300, must-revalidate",
    "public, max-age=300, must-revalidate",
    "no-store",
  ]);
});
