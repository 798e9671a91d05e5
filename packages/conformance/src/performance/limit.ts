import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import type { PublicKey } from "@tallystick/cose";

import { putLoad } from "./load.js";
import type { LoadFigures } from "./tally.js";
import type { RateOrder } from "./verify-rate.js";

/** How fast the machine could be, measured in the same run as the service. */
export interface Limit {
  /** V: signature verifications in a second, on all cores, with the key in hand. */
  readonly verifiesPerSecond: number;
  /** H: exchanges in a second of a bare server with bodies and answers of the same sizes. */
  readonly exchangesPerSecond: number;
  /** L = 1 / (1/V + 1/H). */
  readonly perSecond: number;
}

/** The statements that a limit is for, and how the load on the service is made. */
export interface LimitOptions {
  readonly file: string;
  readonly key: PublicKey;
  readonly issuer: string;
  readonly answerBytes: number;
  readonly processes: number;
  readonly atOnce: number;
}

const VERIFY_MS = 3000;
const EXCHANGE_MS = 3000;

/** Measures the limit of registering these statements one by one. */
export async function measureLimit(options: LimitOptions): Promise<Limit> {
  const verifiesPerSecond = await verifyRate(options);
  const { perSecond: exchangesPerSecond } = await exchangeRate(options);
  const perSecond = 1 / (1 / verifiesPerSecond + 1 / exchangesPerSecond);
  return { verifiesPerSecond, exchangesPerSecond, perSecond };
}

async function verifyRate({ file, key, issuer }: LimitOptions): Promise<number> {
  const child = fork(join(import.meta.dirname, "verify-rate.js"), [], {
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  const order: RateOrder = { file, key: key.toJwk(), issuer, forMs: VERIFY_MS };
  child.send(order);
  const answer = once(child, "message").then(([rate]) => Number(rate));
  const gone = once(child, "exit").then(([code]) => {
    throw new Error(`the measure of verification ended with ${String(code)}`);
  });
  return Promise.race([answer, gone]);
}

async function exchangeRate(options: LimitOptions): Promise<LoadFigures> {
  const { file, answerBytes, processes, atOnce } = options;
  const child = fork(join(import.meta.dirname, "bare-server.js"), [String(answerBytes)], {
    execArgv: [],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  try {
    const [url] = (await once(child, "message")) as [string];
    const load = { url, path: "/entries", bodies: file, processes, atOnce };
    return await putLoad({ ...load, repeatForMs: EXCHANGE_MS });
  } finally {
    child.kill("SIGKILL");
  }
}
