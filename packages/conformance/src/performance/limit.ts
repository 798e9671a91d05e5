import { join } from "node:path";

import { Child } from "./child.js";
import { putLoad } from "./load.js";
import { usageOf } from "./meter.js";
import type { SceneSigner } from "./scene.js";
import type { Rate, RateOrder } from "./verify-rate.js";

/** How fast the machine could be, measured in the same run as the service. */
export interface Limit {
  /** V: signature verifications in a second, on all cores, with the key in hand. */
  readonly verifiesPerSecond: number;
  /** H: exchanges in a second of a bare server with bodies and answers of the same sizes. */
  readonly exchangesPerSecond: number;
  /** L = 1 / (1/V + 1/H). */
  readonly perSecond: number;
  /** CPU time of one verification and of the bare server for one exchange, in microseconds. */
  readonly cpuUs: number;
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
  const verification = await measureVerification(options);
  const { file: bodies, answerBytes, atOnce, forMs } = options;
  const exchange = await measureExchange({ bodies, answerBytes, atOnce, forMs });
  return limitOf(verification, exchange);
}

/** Yields the limit that V and H come to. */
export function limitOf(verification: Rate, exchange: Rate): Limit {
  const { perSecond: verifiesPerSecond } = verification;
  const { perSecond: exchangesPerSecond } = exchange;
  const perSecond = 1 / (1 / verifiesPerSecond + 1 / exchangesPerSecond);
  const cpuUs = verification.cpuUs + exchange.cpuUs;
  return { verifiesPerSecond, exchangesPerSecond, perSecond, cpuUs };
}

/** Yields what lies between measures before and after a load: a machine drifts. */
export function meanLimit(limits: readonly Limit[]): Limit {
  const mean = (read: (limit: Limit) => number): number =>
    limits.reduce((sum, limit) => sum + read(limit), 0) / limits.length;
  const verifiesPerSecond = mean((limit) => limit.verifiesPerSecond);
  const exchangesPerSecond = mean((limit) => limit.exchangesPerSecond);
  const perSecond = 1 / (1 / verifiesPerSecond + 1 / exchangesPerSecond);
  return { verifiesPerSecond, exchangesPerSecond, perSecond, cpuUs: mean((limit) => limit.cpuUs) };
}

type VerificationOptions = Pick<LimitOptions, "file" | "signer" | "forMs" | "cores">;

/** Yields V, with a process on each core. */
export function measureVerification(options: VerificationOptions): Promise<Rate> {
  const { file, signer, forMs, cores } = options;
  const { publicKey, algorithm } = signer.key;
  const order: RateOrder = { file, key: publicKey.toJwk(), algorithm: algorithm.name, forMs };
  return sumOfRates("verify-rate.js", { order, cores });
}

/** Yields the sum of the rates, and the mean of the CPU times, that processes on all cores report, which begin together. */
export async function sumOfRates(
  module: string,
  { order, cores }: { readonly order: object; readonly cores: number },
): Promise<Rate> {
  const path = join(import.meta.dirname, module);
  const children = Array.from({ length: cores }, () => new Child(path));
  try {
    await Promise.all(
      children.map((child) => {
        child.send(order);
        return child.answer();
      }),
    );
    const reports = children.map((child) => child.answer<Rate>());
    for (const child of children) child.send("go");
    const rates = await Promise.all(reports);
    const sum = (read: (rate: Rate) => number): number =>
      rates.reduce((total, rate) => total + read(rate), 0);
    return {
      perSecond: sum(({ perSecond }) => perSecond),
      cpuUs: sum(({ cpuUs }) => cpuUs) / cores,
    };
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
export async function measureExchange(options: ExchangeOptions): Promise<Rate> {
  const { answerBytes, forMs, ...asked } = options;
  const server = new Child(join(import.meta.dirname, "bare-server.js"), [String(answerBytes)]);
  try {
    const url = await server.answer<string>();
    const load = { url, path: "/entries", isRepeated: true, ...asked };
    // Once for the compiler, as the service has its time to warm up.
    await putLoad({ ...load, forMs: forMs / 2 });
    const { cpuSeconds: before } = usageOf(server.pid);
    const { perSecond, done } = await putLoad({ ...load, forMs });
    return { perSecond, cpuUs: ((usageOf(server.pid).cpuSeconds - before) * 1e6) / done };
  } finally {
    server.kill();
  }
}
