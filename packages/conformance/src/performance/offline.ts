import { PrivateKey } from "@tallystick/cose";
import { SignedStatement } from "@tallystick/statement";

import { readFrames, writeFrames } from "./frames.js";
import { measureVerification, sumOfRates } from "./limit.js";
import { putLoad } from "./load.js";
import type { OfflineOrder } from "./offline-rate.js";
import type { Bench } from "./registration.js";
import { Scene } from "./scene.js";
import type { SceneSigner } from "./scene.js";
import { makeStatements } from "./statements.js";

/** How fast transparent statements are verified, offline, on all cores. */
export interface OfflineFigures {
  readonly perSecond: number;
  /** V: bare signature verifications in a second. */
  readonly verifiesPerSecond: number;
  /** Of V / 2, for each takes two of them: the issuer's and the receipt's. */
  readonly ofLimit: number;
}

const STATEMENTS = 256;

/** Registers some statements, and measures how fast they are verified without the service. */
export async function measureOffline(bench: Bench): Promise<OfflineFigures> {
  const { options, signers } = bench;
  const scene = await Scene.make(signers, options.parent);
  const signer = signers.of("ES256");
  try {
    const { url } = await scene.serve({ options: options.serve });
    const [made, transparent] = [scene.at("statements"), scene.at("transparent")];
    await makeStatements(made, { signer, count: STATEMENTS, payloadBytes: 1024 });
    const load = { url, path: "/entries", bodies: made, atOnce: options.concurrency };
    const { done, refusal } = await putLoad(load);
    if (done !== STATEMENTS) throw new Error(`not all registered: ${refusal ?? "connection lost"}`);
    writeFrames(transparent, await transparentOf(url, made));
    await scene.stop();
    const trust = JSON.stringify(await trustIn(scene, signer));
    const order: OfflineOrder = { file: transparent, trust, forMs: options.seconds * 1000 };
    const { limitMs: forMs, cores } = options;
    const { perSecond: verifiesPerSecond } = await measureVerification({
      file: made,
      signer,
      forMs,
      cores,
    });
    const { perSecond } = await sumOfRates("offline-rate.js", { order, cores });
    return { perSecond, verifiesPerSecond, ofLimit: perSecond / (verifiesPerSecond / 2) };
  } finally {
    await scene.clear();
  }
}

async function transparentOf(url: string, file: string): Promise<readonly Uint8Array[]> {
  const found: Uint8Array[] = [];
  for (const bytes of readFrames(file)) {
    const { entryId } = SignedStatement.decode(bytes);
    const answer = await fetch(`${url}/entries/${entryId}/statement`);
    if (answer.status !== 200) throw new Error(`GET ${answer.url}: ${answer.status}`);
    found.push(new Uint8Array(await answer.arrayBuffer()));
  }
  return found;
}

async function trustIn(scene: Scene, { issuer, key }: SceneSigner): Promise<object> {
  const config = (await scene.json("config.json")) as { issuer: string; origin: string };
  const receiptKey = PrivateKey.fromJwk(await scene.json("keys", "receipt.jwk"));
  const keys = [receiptKey.publicKey.toJwk()];
  return {
    services: [{ issuer: config.issuer, origin: config.origin, keys }],
    issuers: [{ iss: issuer, keys: [key.publicKey.toJwk()] }],
    requireReceipts: 1,
  };
}
