import { isCborArray } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { formatEntryId } from "@tallystick/statement";

import { ClientError } from "./error.js";
import type { Refusal } from "./error.js";
import { formatRefusal, refusalFrom } from "./problem.js";
import { decodeSequence } from "./sequence.js";

/** What became of one statement of a batch. */
export type BatchItem =
  | { readonly kind: "registered"; readonly entryId: string; readonly receipt: Uint8Array }
  /** Registered, and its receipt has to be asked for. */
  | { readonly kind: "accepted"; readonly entryId: string }
  | { readonly kind: "refused"; readonly entryId: string | undefined; readonly refusal: Refusal };

/** The answer to a batch, as far as it goes. */
export interface BatchAnswer {
  readonly items: readonly BatchItem[];
  /** Why it goes no further: the statement at this position could not be read. */
  readonly stop: { readonly position: number; readonly refusal: Refusal } | undefined;
}

/**
 * Decodes the answer to a batch of `count` statements.
 *
 * @throws {@link ClientError} `CLIENT_PROTOCOL`
 */
export function decodeBatchAnswer(bytes: Uint8Array, count: number): BatchAnswer {
  const results = decodeSequence(bytes);
  const last = results.at(-1);
  const stop = last === undefined ? undefined : stopOf(last);
  const items = (stop === undefined ? results : results.slice(0, -1)).map(itemOf);
  if (items.length > count) throw malformed("more results than statements");
  if (stop !== undefined && stop.position !== items.length) throw malformed("a wrong position");
  return { items, stop };
}

function stopOf(value: CborValue): BatchAnswer["stop"] {
  const [position, status, problem] = partsOf(value);
  return typeof position === "number"
    ? { position, refusal: requireRefusal(status, problem) }
    : undefined;
}

function itemOf(value: CborValue): BatchItem {
  const [entry, status, body] = partsOf(value);
  if (entry !== null && !(entry instanceof Uint8Array && entry.length === 32)) {
    throw malformed("a result without its entry");
  }
  const entryId = entry === null ? undefined : formatEntryId(entry);
  const isSuccess = typeof status === "number" && status >= 200 && status <= 299;
  if (!isSuccess) return { kind: "refused", entryId, refusal: requireRefusal(status, body) };
  if (entryId === undefined) throw malformed("a success without its entry");
  if (body === null) return { kind: "accepted", entryId };
  if (body instanceof Uint8Array) return { kind: "registered", entryId, receipt: body };
  throw malformed("a success without a receipt");
}

function partsOf(value: CborValue): readonly CborValue[] {
  if (isCborArray(value) && value.length === 3) return value;
  throw malformed("a result that is no array of three");
}

function requireRefusal(status: CborValue | undefined, body: CborValue | undefined): Refusal {
  if (typeof status !== "number" || status < 400 || status > 599) throw malformed("no status");
  return refusalFrom(status, body ?? null);
}

function malformed(what: string): ClientError {
  return new ClientError("CLIENT_PROTOCOL", `answer to a batch: ${what}`);
}

/** Yields whether the same statement may do better later. */
export function isPassing({ status }: Refusal): boolean {
  return status === 408 || status === 429 || status === 503 || status === 507;
}

/** Makes the error of a refusal. */
export function refused(refusal: Refusal): ClientError {
  return new ClientError("CLIENT_REFUSED", formatRefusal(refusal), { refusal });
}
