import { join } from "node:path";

import { Child } from "./child.js";
import { putLoad } from "./load.js";
import type { SceneSigner } from "./scene.js";
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
  readonly signer: SceneSigner;
  readonly answerBytes: number;
  readonly atOnce: number;
  /** How long either is measured. */
  readonly forMs: number;
  readonly cores: number;
}

/** Measures the limit of registering these statements one by one. */
export async function measureLimit(options: LimitOptions): Promise<Limit> {
  const verifiesPerSecond = await measureVerification(options);
  const { file: bodies, answerBytes, atOnce, forMs } = options;
  const exchangesPerSecond = await measureExchange({ bodies, answerBytes, atOnce, forMs });
  return limitOf(verifiesPerSecond, exchangesPerSecond);
}

/** Yields the limit that V and H come to. */
export function limitOf(verifiesPerSecond: number, exchangesPerSecond: number): Limit {
  const perSecond = 1 / (1 / verifiesPerSecond + 1 / exchangesPerSecond);
  return { verifiesPerSecond, exchangesPerSecond, perSecond };
}

/** Yields what lies between measures before and after a load: a machine drifts. */
export function meanLimit(limits: readonly Limit[]): Limit {
  const mean = (read: (limit: Limit) => number): number =>
    limits.reduce((sum, limit) => sum + read(limit), 0) / limits.length;
  return limitOf(
    mean(({ verifiesPerSecond }) => verifiesPerSecond),
    mean(({ exchangesPerSecond }) => exchangesPerSecond),
  );
}

type VerificationOptions = Pick<LimitOptions, "file" | "signer" | "forMs" | "cores">;

/** Yields V, with a process on each core. */
export function measureVerification(options: VerificationOptions): Promise<number> {
  const { file, signer, forMs, cores } = options;
  const { publicKey, algorithm } = signer.key;
  const order: RateOrder = { file, key: publicKey.toJwk(), algorithm: algorithm.name, forMs };
  return sumOfRates("verify-rate.js", { order, cores });
}

/** Yields the sum of the rates that processes on all cores report, which begin together. */
export async function sumOfRates(
  module: string,
  { order, cores }: { readonly order: object; readonly cores: number },
): Promise<number> {
  const path = join(import.meta.dirname, module);
  const children = Array.from({ length: cores }, () => new Child(path));
  try {
    await Promise.all(
      children.map((child) => {
        child.send(order);
        return child.answer();
      }),
    );
    const rates = children.map((child) => child.answer<number>());
    for (const child of children) child.send("go");
    return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
  } finally {
    for (const child of children) child.kill();
  }
}

/** What the bare server is asked: bodies to be posted, or paths to be got, from a file of frames. */
export interface ExchangeOptions {
  readonly bodies?: string;
  readonly paths?: string;
  readonly answerBytes: number;
  readonly atOnce: number;
  readonly forMs: number;
}

/** Yields H: exchanges in a second with the plainest server there is. */
export async function measureExchange(options: ExchangeOptions): Promise<number> {
  const { answerBytes, forMs, ...asked } = options;
  const server = new Child(join(import.meta.dirname, "bare-server.js"), [String(answerBytes)]);
  try {
    const url = await server.answer<string>();
    const load = { url, path: "/entries", isRepeated: true, ...asked };
    // Once for the compiler, as the service has its time to warm up.
    await putLoad({ ...load, forMs: forMs / 2 });
    return (await putLoad({ ...load, forMs })).perSecond;
  } finally {
    server.kill();
  }
}
