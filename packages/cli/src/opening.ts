import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";

import type { PrivateKey, PublicKey } from "@tallystick/cose";
import type { Anchor, LevelStore, Space } from "@tallystick/log";
import type { HeadOptions, SearchPlace, TransparencyService } from "@tallystick/server";

import type { ServiceDirectory } from "./directory.js";
import { CliError } from "./error.js";
import { FAILPOINT, parseFailpoint } from "./failpoint.js";
import { openNoteKey } from "./notekey.js";
import { finishSwitch, formerKeys } from "./receipt-keys.js";
import type { Asking } from "./witness-policy.js";

/** How much space must be free unless the operator says otherwise. */
export const MIN_FREE_MIB = 256;

const MEBIBYTE = 1024 * 1024;

/**
 * Opens the log of a service for this process alone.
 *
 * @throws {@link CliError} `CLI_DIRECTORY_IN_USE` with `advice`; LogError
 */
export async function openStore(
  { path, logPath }: ServiceDirectory,
  advice: string,
): Promise<LevelStore> {
  const { LevelStore, LogError } = await import("@tallystick/log");
  try {
    return await LevelStore.open(logPath);
  } catch (cause) {
    if (!(cause instanceof LogError) || cause.code !== "LOG_LOCKED") throw cause;
    throw new CliError("CLI_DIRECTORY_IN_USE", `${path} is ${advice}`, { cause });
  }
}

/**
 * Opens the anchor of a service, or yields the missing one; only after the store, whose lock keeps
 * other processes away from both.
 *
 * @throws LogError
 */
export async function openAnchor({ anchorPath }: ServiceDirectory): Promise<Anchor> {
  const { AnchorFile, LogError, missingAnchor } = await import("@tallystick/log");
  try {
    return await AnchorFile.open(anchorPath);
  } catch (error) {
    if (error instanceof LogError && error.code === "LOG_ANCHOR_MISSING") return missingAnchor();
    throw error;
  }
}

/** How a service is opened. */
export interface OpeningOptions {
  /** What to do when the log is in use. */
  readonly advice: string;
  readonly minFreeMib?: number;
  readonly ignoreClock?: boolean;
  /** Entries from which on a filter in memory spares looking for new ones; the log's own unless given. */
  readonly filterFrom?: number;
  /** Told what is to be said of the note key; unless given, the service signs no notes. */
  readonly onNoteKey?: (line: string) => void;
  /** How witnesses are asked; they are not unless given. */
  readonly asking?: Asking | undefined;
  /** Where the search index lives; unless given, none is opened. */
  readonly search?: SearchPlace;
  /** How the index is committed to; never unless given. */
  readonly heads?: HeadOptions;
  /** Told once when the search index fails. */
  readonly onSearchFailure?: (error: unknown) => void;
  /** Told once when the log has stopped for good. */
  readonly onFatal?: (error: Error) => void;
}

/** A service with what it holds open; closing the service closes store and anchor. */
export interface OpenedService {
  readonly service: TransparencyService;
  readonly store: LevelStore;
  readonly anchor: Anchor;
  readonly space: Space;
}

/**
 * Opens the service that lives in a directory, with the log's checks at boot.
 *
 * @throws {@link CliError} `CLI_DIRECTORY_IN_USE`, `CLI_FILE_FAILED`, `CLI_KEY_INVALID`; LogError
 */
export async function openService(
  directory: ServiceDirectory,
  options: OpeningOptions,
): Promise<TransparencyService> {
  return (await openParts(directory, options)).service;
}

/**
 * Opens the service with the parts that its upkeep works on.
 *
 * @throws {@link CliError} `CLI_DIRECTORY_IN_USE`, `CLI_FILE_FAILED`, `CLI_KEY_INVALID`; LogError
 */
export async function openParts(
  directory: ServiceDirectory,
  options: OpeningOptions,
): Promise<OpenedService> {
  const { advice, minFreeMib = MIN_FREE_MIB, ignoreClock = false } = options;
  const { onNoteKey, onFatal, search, heads, onSearchFailure, filterFrom } = options;
  const { TransparencyService } = await import("@tallystick/server");
  const onStep = parseFailpoint(process.env[FAILPOINT]);
  const { issuer, origin } = directory.config;
  const store = await openStore(directory, advice);
  // Under the lock alone: read before it, the keys may be those from before a switch that held it.
  const { signer, former } = await closing(store, () => keysOf(directory));
  const anchor = await closing(store, () => openAnchor(directory));
  const closingBoth = <T>(act: () => Promise<T>): Promise<T> =>
    closing(anchor, () => closing(store, act));
  const notes = onNoteKey && (await closingBoth(() => openNoteKey(directory, onNoteKey)));
  const { asking } = options;
  const witnesses = await closingBoth(() => Promise.resolve(asking?.(notes?.key)));
  const space = spaceOf(directory, minFreeMib * MEBIBYTE);
  const service = await TransparencyService.open({
    ...{ store, anchor, issuer, origin, signer, formerKeys: former, space, ignoreClock },
    ...(filterFrom !== undefined && { filterFrom }),
    ...(notes && { noteSigner: notes }),
    ...(witnesses && { witnesses }),
    ...(search && { search }),
    ...(heads && { heads }),
    ...(onSearchFailure && { onSearchFailure }),
    ...(onStep === undefined ? {} : { onStep }),
    ...(onFatal === undefined ? {} : { onFatal }),
  });
  return { service, store, anchor, space };
}

interface Keys {
  readonly signer: PrivateKey;
  readonly former: readonly PublicKey[];
}

async function keysOf(directory: ServiceDirectory): Promise<Keys> {
  await finishSwitch(directory);
  const signer = await directory.receiptKey();
  return { signer, former: await formerKeys(directory, signer.publicKey) };
}

async function closing<T>(store: Pick<LevelStore, "close">, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Yields the room on the disks of log and anchor, whichever has less. */
export function spaceOf(
  { logPath, anchorPath }: ServiceDirectory,
  floorBytes: number = MIN_FREE_MIB * MEBIBYTE,
): Space {
  let places: readonly string[] | undefined;
  const freeBytes = async (): Promise<number> => {
    places ??= await devicesOf([logPath, dirname(anchorPath)]);
    const free = await Promise.all(places.map((place) => statfs(place)));
    return Math.min(...free.map(({ bavail, bsize }) => bavail * bsize));
  };
  return seldomAsked({ floorBytes, freeBytes });
}

/** Milliseconds for which plenty of room is taken for granted, and what is plenty beyond the floor. */
const PLENTY_MS = 100;
const PLENTY_BYTES = 1024 * MEBIBYTE;

/**
 * Yields the same room, told anew at each round where it may run short. Where there is plenty, it is
 * asked for ten times a second: the log writes no gibibyte in that time. Where another process does, a
 * write fails and the server ends with 70, in the place of 507; nothing that was acknowledged is lost.
 */
export function seldomAsked(space: Space, now: () => number = () => performance.now()): Space {
  const { floorBytes } = space;
  let told: { readonly bytes: number; readonly at: number } | undefined;
  return {
    floorBytes,
    freeBytes: async () => {
      const at = now();
      if (told !== undefined && at - told.at < PLENTY_MS) return told.bytes;
      told = undefined;
      const bytes = await space.freeBytes();
      if (bytes >= floorBytes + PLENTY_BYTES) told = { bytes, at };
      return bytes;
    },
  };
}

// The first path on a device stands for it, the log before the anchor: one asked twice costs a round twice.
async function devicesOf(paths: readonly string[]): Promise<readonly string[]> {
  const byDevice = new Map<number, string>();
  for (const path of paths) {
    const { dev } = await stat(path);
    if (!byDevice.has(dev)) byDevice.set(dev, path);
  }
  return [...byDevice.values()];
}
