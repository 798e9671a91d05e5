import type { Command } from "commander";
import type { Limits } from "@tallystick/server";

import { parseSeconds, parseWhole } from "./whole.js";

/** What the command line says about the limits of a server; what it leaves out keeps its default. */
export interface LimitOptions {
  readonly writeRate?: number;
  readonly readRate?: number;
  readonly proxies?: number;
  readonly maxQueued?: number;
  readonly maxQueuedMib?: number;
  readonly registerWait?: number;
  readonly bodyTimeout?: number;
}

/** Adds the options of {@link LimitOptions} to a command. */
export function addLimitOptions(command: Command): Command {
  return command
    .option("--write-rate <n>", "registrations of one client in a second, 0 for any", parseWhole)
    .option("--read-rate <n>", "other requests of one client in a second, 0 for any", parseWhole)
    .option("--proxies <n>", "proxies before the server that add to X-Forwarded-For", parseWhole)
    .option("--max-queued <n>", "registrations under way at once", parseWhole)
    .option("--max-queued-mib <n>", "mebibytes of statements under way at once", parseWhole)
    .option("--register-wait <ms>", "time after which 202 takes the place of 201", parseWhole)
    .option("--body-timeout <s>", "longest time for a body to arrive", parseSeconds);
}

/** Yields the limits that differ from the defaults. */
export function limitsOf(options: LimitOptions): Partial<Limits> {
  const { maxQueuedMib, bodyTimeout } = options;
  const limits: { [Name in keyof Limits]: number | undefined } = {
    writesPerSecond: options.writeRate,
    readsPerSecond: options.readRate,
    burstSeconds: undefined,
    maxClients: undefined,
    proxies: options.proxies,
    maxQueued: options.maxQueued,
    maxQueuedBytes: maxQueuedMib === undefined ? undefined : maxQueuedMib * 1024 * 1024,
    maxReads: undefined,
    registerWaitMs: options.registerWait,
    headersTimeoutMs: undefined,
    bodyTimeoutMs: bodyTimeout === undefined ? undefined : bodyTimeout * 1000,
  };
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}
