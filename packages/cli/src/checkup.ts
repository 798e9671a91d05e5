import { stat } from "node:fs/promises";
import { dirname } from "node:path";

import { formatThumbprint } from "@tallystick/cose";
import type { Anchor, LevelStore, Standing } from "@tallystick/log";

import { type ControlAnswer, askServer } from "./control.js";
import type { ServiceDirectory } from "./directory.js";
import { CliError } from "./error.js";
import { codeOf } from "./file.js";
import { expectedError } from "./exit.js";
import { openAnchor, openStore } from "./opening.js";
import { receiptKeyPaths, verifyingKeys } from "./receipt-keys.js";
import {
  type FileSystem,
  measureSync,
  probeAppend,
  probeDirectorySync,
  probeRename,
  readFileSystem,
  type SyncLatency,
} from "./probe.js";

/** What came of one check. `unknown`: it could not be made. */
export interface Finding {
  readonly name: string;
  readonly verdict: "good" | "warning" | "bad" | "unknown";
  readonly detail: string;
  /** Numbers behind it, for those who compare. */
  readonly measured?: Readonly<Record<string, number | string>>;
}

/** What {@link examine} needs. */
export interface CheckupOptions {
  readonly minFreeMib: number;
  /** How many writes are timed. */
  readonly writes: number;
  /** Seconds since the epoch. */
  readonly now: () => number;
}

/** What the log says of itself, through its server or out of its store. */
interface Patient {
  readonly size: number;
  readonly time: number;
  /** Of the keys that may sign: what a running server signs with, or what the policy names. */
  readonly thumbprints: readonly string[];
  readonly isServed: boolean;
  readonly standing: Verdict;
}

type Verdict = Omit<Finding, "name">;

const MEBIBYTE = 1024 * 1024;
const SLOW_MS = 250;
/**
 * What a sync takes at least over a call that does nothing: a write to a disk with a battery behind its cache takes
 * 10 µs and more, a sync that is ignored under 2, on a busy machine as well.
 */
const LEAST_SYNC_MS = 0.005;

/**
 * Examines where a service is to live or lives: disks, rights, key, clock, anchor. Writes small files
 * beside the log and removes them; changes nothing else. The server may run.
 */
export async function examine(
  directory: ServiceDirectory,
  options: CheckupOptions,
): Promise<readonly Finding[]> {
  const logPlace = directory.logPath;
  const anchorPlace = dirname(directory.anchorPath);
  const isApart = await areApart(logPlace, anchorPlace);
  const { writes } = options;
  const findings = [
    await found("file system", () => checkFileSystem(logPlace)),
    ...(await probePlace("", directory.path, writes)),
    // The log may be on a disk of its own.
    ...(await probePlace("log ", logPlace, writes)),
    await found("space", () => checkSpace([logPlace, anchorPlace], options.minFreeMib)),
    await found("rights", () => checkRights(directory)),
  ];
  if (isApart) {
    findings.push(await found("anchor file system", () => checkFileSystem(anchorPlace)));
    findings.push(await found("anchor sync", () => checkSync(anchorPlace, writes)));
  }
  findings.push(await found("anchor device", () => Promise.resolve(tellDevice(isApart))));
  return [...findings, ...(await examineLog(directory, options))];
}

async function probePlace(prefix: string, place: string, writes: number): Promise<Finding[]> {
  return [
    await found(`${prefix}sync`, () => checkSync(place, writes)),
    await found(`${prefix}rename`, () => said(probeRename(place), "atomic while it is read")),
    await found(`${prefix}directory sync`, () => said(probeDirectorySync(place), "works")),
    await found(`${prefix}append`, () => said(probeAppend(place), "loses nothing")),
  ];
}

async function examineLog(
  directory: ServiceDirectory,
  { now }: CheckupOptions,
): Promise<readonly Finding[]> {
  let patient: Patient;
  try {
    patient = (await askPatient(directory)) ?? (await readPatient(directory, now()));
  } catch (error) {
    return [{ name: "log", ...refusal(error) }];
  }
  const { size, time, isServed, standing } = patient;
  const state = isServed ? "served by a running server" : "not served now";
  const log = { verdict: "good", detail: `${size} entries, ${state}` } as const;
  return [
    { name: "log", ...log },
    await found("key", () => checkKey(directory, patient.thumbprints)),
    await found("clock", () => Promise.resolve(tellClock(now(), time))),
    { name: "standing", ...standing },
  ];
}

async function found(name: string, check: () => Promise<Verdict>): Promise<Finding> {
  try {
    return { name, ...(await check()) };
  } catch (error) {
    return { name, ...unknown(error) };
  }
}

/** What is said of a log that would not open: trouble that goes by is not the log's. */
function refusal(error: unknown): Verdict {
  const code = codeOf(error);
  if (!(error instanceof Error) || error.name !== "LogError" || code === undefined) {
    return unknown(error);
  }
  const isElsewhere = code === "LOG_UNAVAILABLE" || code === "LOG_NOT_FOUND";
  return isElsewhere
    ? unknown(error)
    : { verdict: "bad", detail: `would not start: ${code}: ${error.message}` };
}

function unknown(error: unknown): Verdict {
  const message = error instanceof Error ? error.message : String(error);
  return { verdict: "unknown", detail: expectedError(error)?.message ?? message };
}

async function said(wrong: Promise<string | undefined>, good: string): Promise<Verdict> {
  const detail = await wrong;
  return detail === undefined ? { verdict: "good", detail: good } : { verdict: "bad", detail };
}

async function checkFileSystem(place: string): Promise<Verdict> {
  return tellFileSystem(await readFileSystem(place));
}

/** Yields what is to be said of a file system. */
export function tellFileSystem({ type, kind }: Pick<FileSystem, "type" | "kind">): Verdict {
  switch (kind) {
    case "disk":
      return { verdict: "good", detail: type };
    case "memory":
      return { verdict: "bad", detail: `${type} is memory: nothing survives a restart` };
    case "network":
      return { verdict: "warning", detail: `${type}: locks and syncs may not mean what they say` };
    case "unknown":
      return { verdict: "warning", detail: `${type} is not known to this program` };
  }
}

async function checkSync(place: string, writes: number): Promise<Verdict> {
  const latency = await measureSync(place, writes);
  const { p50Ms, p99Ms, maxMs } = latency;
  const times = `fdatasync of ${writes} writes: p50 ${p50Ms} ms, p99 ${p99Ms} ms, most ${maxMs} ms`;
  const { verdict, detail } = tellSync(latency);
  return { verdict, detail: times + detail, measured: { ...latency } };
}

/** Yields what is to be said of these times, as the end of a sentence. */
export function tellSync({
  p99Ms,
  overIdleMs,
}: Pick<SyncLatency, "p99Ms" | "overIdleMs">): Verdict {
  if (overIdleMs < LEAST_SYNC_MS) {
    const detail = "; a sync takes no longer than a call that does nothing: is sync ignored?";
    return { verdict: "warning", detail };
  }
  if (p99Ms <= SLOW_MS) return { verdict: "good", detail: "" };
  return { verdict: "warning", detail: "; each registration waits for two of these" };
}

async function checkSpace(places: readonly string[], minFreeMib: number): Promise<Verdict> {
  const systems = await Promise.all(places.map((place) => readFileSystem(place)));
  const freeMib = Math.floor(Math.min(...systems.map(({ freeBytes }) => freeBytes)) / MEBIBYTE);
  return tellSpace(freeMib, minFreeMib);
}

/** Yields what is to be said of the room that is left. */
export function tellSpace(freeMib: number, minFreeMib: number): Verdict {
  const detail = `${freeMib} MiB free, nothing is registered below ${minFreeMib}`;
  const measured = { freeMib, minFreeMib };
  if (freeMib < minFreeMib) return { verdict: "bad", detail, measured };
  return { verdict: freeMib < 4 * minFreeMib ? "warning" : "good", detail, measured };
}

async function checkRights(directory: ServiceDirectory): Promise<Verdict> {
  const wide: string[] = [];
  const { receiptKeyPath, operatorKeyPath, noteKeyPath } = directory;
  const { next, old } = receiptKeyPaths(directory);
  for (const path of [receiptKeyPath, next, old, operatorKeyPath, noteKeyPath]) {
    // The operator's key need not be here, and two of a rotation are there in its course alone.
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && (found.mode & 0o077) !== 0) wide.push(path);
  }
  if (wide.length === 0) return { verdict: "good", detail: "private keys are their owner's alone" };
  return { verdict: "bad", detail: `others may read or write ${wide.join(" and ")}: chmod 600` };
}

async function checkKey(
  directory: ServiceDirectory,
  thumbprints: readonly string[],
): Promise<Verdict> {
  const key = await directory.receiptKey();
  const publicKey = await directory.receiptPublicKey();
  const own = formatThumbprint(key.publicKey);
  if (!thumbprints.includes(own)) {
    const detail = `receipt.jwk is ${own}, the log is signed with ${thumbprints.join(" or ")}`;
    return { verdict: "bad", detail };
  }
  if (formatThumbprint(publicKey) !== own) {
    return { verdict: "bad", detail: "receipt.pub.jwk is not the public key of receipt.jwk" };
  }
  return { verdict: "good", detail: `receipt.jwk is the log's, ${own}` };
}

/** Yields what is to be said of the clock, given when the newest checkpoint was signed. */
export function tellClock(now: number, signed: number): Verdict {
  const seconds = now - signed;
  const measured = { now, newest: signed };
  if (seconds >= 0) {
    return { verdict: "good", detail: `${seconds} s after the newest checkpoint`, measured };
  }
  const detail = `${-seconds} s before the newest checkpoint: the log would open read-only`;
  return { verdict: "bad", detail, measured };
}

function tellDevice(isApart: boolean): Verdict {
  if (isApart) return { verdict: "good", detail: "another one than the log's" };
  const detail = "the log's own: one failure can take both (see tally init --anchor)";
  return { verdict: "warning", detail };
}

async function areApart(one: string, other: string): Promise<boolean> {
  const devices = await Promise.all(
    [one, other].map(async (place) => (await stat(place).catch(() => undefined))?.dev),
  );
  return devices[0] !== devices[1];
}

async function askPatient(directory: ServiceDirectory): Promise<Patient | undefined> {
  const answer = await askServer(directory.path, { do: "status" });
  if (answer === undefined) return undefined;
  const { size, time, thumbprint, standing } = answer;
  if (typeof size !== "number" || typeof time !== "number" || typeof thumbprint !== "string") {
    throw new CliError("CLI_CONTROL_FAILED", "the running server tells another story");
  }
  return { size, time, thumbprints: [thumbprint], isServed: true, standing: standingOf(standing) };
}

function standingOf(standing: unknown): Verdict {
  const { kind, code, reason } = (standing ?? {}) as ControlAnswer;
  if (kind === "writer") return { verdict: "good", detail: "takes entries" };
  return { verdict: "bad", detail: `read-only: ${String(code)}: ${String(reason)}` };
}

async function readPatient(directory: ServiceDirectory, now: number): Promise<Patient> {
  const { readLabel } = await import("@tallystick/log");
  const advice = "in use by another process that does not answer on control.sock";
  const store = await openStore(directory, advice);
  try {
    const { receiptKeys, newest } = await readLabel(store);
    const { size, time } = newest;
    const standing = await inspect(directory, store, now).then(standingOf, refusal);
    return {
      size,
      time,
      thumbprints: receiptKeys.map((kid) => formatThumbprint(kid)),
      isServed: false,
      standing,
    };
  } finally {
    await store.close();
  }
}

/** Yields the standing that the server would find at its start, by the same checks. */
async function inspect(
  directory: ServiceDirectory,
  store: LevelStore,
  now: number,
): Promise<Standing> {
  const { inspectLog } = await import("@tallystick/log");
  const { issuer, origin } = directory.config;
  const key = await verifyingKeys(directory);
  let anchor: Anchor | undefined;
  try {
    anchor = await openAnchor(directory);
    const { standing } = await inspectLog({ store, anchor }, { issuer, origin, key, now });
    if (standing.kind === "writer") await store.discardKept();
    return standing;
  } finally {
    await anchor?.close();
  }
}
