import { LogError } from "@tallystick/log";
import { formatEntryId, parseEntryId } from "@tallystick/statement";

import { ServerError } from "../error.js";
import { CACHE, empty, ok } from "../route.js";
import type { Registrations } from "../registrations.js";
import type { Reply, RouteRequest } from "../route.js";
import type { TransparencyService } from "../service.js";

/** Media type of COSE messages over HTTP (SCRAPI-11 §2). */
export const COSE_MEDIA_TYPE = "application/cose";

/** Seconds after which a running registration is worth another look (S34). */
const RETRY_AFTER = "1";

/**
 * Register a Signed Statement (SCRAPI-11 §2.3): 201 with the receipt, or 202 where the client would
 * rather not wait or the service does not keep up.
 *
 * S19, S20: Location is the receipt's resource and depends on the statement alone.
 */
export async function postEntry(
  registrations: Registrations,
  { body, baseUrl, client, prefer }: RouteRequest,
): Promise<Reply> {
  const { entryId, registration } = await registrations.answer(body, { client, prefer });
  const location = entryUrl(baseUrl, entryId);
  const receipt = registration?.receipt;
  if (receipt === undefined) {
    // S21: it runs, or it is registered and the receipt has to wait for a second entry.
    const isApplied = registration === undefined && prefer.isAsync;
    const applied = isApplied ? { "preference-applied": "respond-async" } : {};
    const waiting = { location, "retry-after": RETRY_AFTER, "content-length": "0" };
    return empty(202, { ...waiting, ...applied });
  }
  const headers = { "content-type": COSE_MEDIA_TYPE, "cache-control": CACHE.none, location };
  return { status: 201, headers, body: receipt };
}

/** Resolve a receipt (SCRAPI-11 §2.4): 200, 204 while running (S24), 404 (S25). */
export async function readReceipt(
  service: TransparencyService,
  registrations: Registrations,
  { params, baseUrl }: RouteRequest,
): Promise<Reply> {
  const entry = entryOf(params);
  const entryId = formatEntryId(entry);
  const isRunning = (): boolean => registrations.isRunning(entryId) || service.log.isPending(entry);
  // Looked at first: what has ended meanwhile is on the log, or is asked for once more.
  const wasRunning = isRunning();
  if (await isAlone(service, entry)) return running();
  let receipt: Uint8Array;
  try {
    receipt = await service.inclusionReceipt(entry);
  } catch (error) {
    if (!isUnknown(error)) throw error;
    if (wasRunning || isRunning()) return running();
    // S25: what was accepted and came to nothing is told apart from what was never here.
    throw registrations.failure(entryId) ?? unknown(entry);
  }
  const location = entryUrl(baseUrl, entryId);
  return ok(receipt, { type: COSE_MEDIA_TYPE, cache: CACHE.none, location });
}

function running(): Reply {
  return empty(204, { "retry-after": RETRY_AFTER, "cache-control": CACHE.none });
}

/** The statement with a receipt attached, as {@link readReceipt} answers with. */
export async function readTransparentStatement(
  service: TransparencyService,
  { params }: RouteRequest,
): Promise<Reply> {
  const entry = entryOf(params);
  const statement = await known(entry, () => service.transparentStatement(entry));
  return ok(statement, { type: COSE_MEDIA_TYPE, cache: CACHE.none });
}

/** What a replay of the admission needs beside the statement (T13). */
export async function readCollateral(
  service: TransparencyService,
  { params }: RouteRequest,
): Promise<Reply> {
  const entry = entryOf(params);
  const found = await service.log.lookup(entry);
  if (found === undefined) throw unknown(entry);
  return ok(found.collateral, { type: "application/cbor", cache: CACHE.immutable });
}

/** The normalised statement: the bytes whose SHA-256 is the EntryID. */
export async function readStatement(
  service: TransparencyService,
  { params }: RouteRequest,
): Promise<Reply> {
  const entry = entryOf(params);
  const body = await known(entry, () => service.log.body(entry));
  return ok(body, { type: COSE_MEDIA_TYPE, cache: CACHE.immutable });
}

/** The single entry of a log is registered, and its receipt comes with the second entry. */
async function isAlone(service: TransparencyService, entry: Uint8Array): Promise<boolean> {
  return service.size() === 1 && (await service.log.lookup(entry)) !== undefined;
}

function entryUrl(baseUrl: string, entryId: string): string {
  return `${baseUrl}/entries/${entryId}`;
}

/**
 * Yields the entry that the path parameter `id` names.
 *
 * @throws {@link ServerError} `SERVER_LOCATOR_INVALID`
 */
export function entryOf({ id = "" }: RouteRequest["params"]): Uint8Array {
  const entry = parseEntryId(id);
  if (entry !== undefined) return entry;
  throw new ServerError(
    "SERVER_LOCATOR_INVALID",
    "an entry ID is 64 lower-case hexadecimal digits",
  );
}

async function known<T>(entry: Uint8Array, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw isUnknown(error) ? unknown(entry) : error;
  }
}

function isUnknown(error: unknown): boolean {
  return error instanceof LogError && error.code === "LOG_ENTRY_NOT_FOUND";
}

// S25: the listed sentence, with the ID.
function unknown(entry: Uint8Array): ServerError {
  return new ServerError("SERVER_ENTRY_UNKNOWN", formatEntryId(entry));
}
