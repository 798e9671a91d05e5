import {
  CoseError,
  SequenceSplitter,
  encodeCbor,
  spliceArray,
  spliceBytes,
  spliceUnsigned,
} from "@tallystick/cose";
import { SignedStatement, StatementError, parseEntryId } from "@tallystick/statement";
import { setTimeout as sleep } from "node:timers/promises";

import { Answers } from "../answers.js";
import { SharedBudget } from "../budget.js";
import { ServerError } from "../error.js";
import { encodeProblem, problemOf } from "../problem.js";
import type { RateLimit } from "../rate.js";
import type { Registrations } from "../registrations.js";
import { CACHE, stream } from "../route.js";
import type { Reply, RouteRequest, Upload } from "../route.js";
import type { Registration } from "../service.js";
import { CBOR_SEQUENCE_MEDIA_TYPE } from "./replay.js";

/** What batches are registered with. */
export interface Batches {
  readonly registrations: Registrations;
  /** What all batches share. */
  readonly budget: SharedBudget;
  /** How many batches each client has under way. */
  readonly underway: SharedBudget;
  /** Longest time for an item to arrive, in milliseconds. */
  readonly itemTimeoutMs: number;
  /** How often each client may register. */
  readonly writes: RateLimit;
  /** Longest statement, with what is not kept of it. */
  readonly maxBytes: () => Promise<number>;
  /** Told of what became a 500. */
  readonly onDefect?: ((error: unknown) => void) | undefined;
}

/** What the answers of one batch that wait to be read take up, about. */
const ANSWER_BYTES = 1_048_576;

/** Most batches of one client under way. */
const MAX_BATCHES = 8;

/** Yields what counts the batches of each client. */
export function batchesUnderway(): SharedBudget {
  return new SharedBudget({ most: Infinity, mostOfOne: MAX_BATCHES, what: "batches" });
}

/**
 * Registers a CBOR sequence of statements, each as if it had come alone, and answers with a CBOR
 * sequence of results in the same order, as they are ready. Reads on only while there is room for the
 * statements, and for the results that the client has not read.
 *
 * @throws {@link ServerError} `SERVER_BUSY`, `SERVER_RATE_LIMITED`
 */
export async function postBatch(
  batches: Batches,
  { client, upload }: RouteRequest,
): Promise<Reply> {
  if (upload === undefined) throw new TypeError("a batch is read as it comes");
  const maxBytes = await batches.maxBytes();
  const leave = enter(batches, maxBytes + ANSWER_BYTES, client);
  const answers = new Answers();
  const isOver = new Promise<void>((resolve) => {
    upload.onClose(() => {
      answers.abandon();
      resolve();
    });
  });
  // What was read of it stays in memory until nothing is read any more, whoever has left.
  void Promise.all([isOver, registerAll(upload, { answers, batches, client, maxBytes })]).then(
    leave,
  );
  return stream(answers.taken(), { type: CBOR_SEQUENCE_MEDIA_TYPE, cache: CACHE.none });
}

// Yields the way to leave again.
function enter({ budget, underway }: Batches, bytes: number, client: string): () => void {
  const giveBack = budget.take(bytes, client);
  try {
    const leave = underway.take(1, client);
    return () => {
      giveBack();
      leave();
    };
  } catch (error) {
    giveBack();
    throw error;
  }
}

interface Intake {
  readonly answers: Answers;
  readonly batches: Batches;
  readonly client: string;
  readonly maxBytes: number;
}

async function registerAll(
  { parts, requireAdmitted }: Upload,
  { answers, batches, client, maxBytes }: Intake,
): Promise<void> {
  const splitter = new SequenceSplitter({ maxItemBytes: maxBytes });
  const { queue } = batches.registrations;
  const signal = answers.abandoned;
  let position = 0;
  let since = performance.now();
  try {
    for await (const part of parts) {
      requireAdmitted();
      const before = position;
      for (const item of splitter.take(part)) {
        // S28: a batch is slowed down to the rate of its client, where a single request is refused.
        const waitMs = batches.writes.book(client);
        if (waitMs > 0) await pause(waitMs, signal);
        if (!(await answers.room())) return;
        const leave = await queue.room({ bytes: item.length, client, signal });
        if (leave === undefined) return;
        // It may have been left just after there was room.
        if (signal.aborted) {
          leave();
          return;
        }
        answers.add(resultOf(item, leave, batches));
        position++;
      }
      // The time that the service took for the items before is not the sender's.
      if (position > before) since = performance.now();
      else if (performance.now() - since > batches.itemTimeoutMs) {
        throw new ServerError("SERVER_REQUEST_TIMEOUT", "send each statement without pause");
      }
    }
    splitter.finish();
  } catch (error) {
    answers.add(Promise.resolve(encodeStop(position, refusalOf(error))));
  } finally {
    answers.end();
  }
}

// Ends early, and well, where nobody waits any more.
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

async function resultOf(
  statement: Uint8Array,
  leave: () => void,
  { registrations, onDefect }: Batches,
): Promise<Uint8Array> {
  try {
    return encodeRegistered(await registrations.register(statement, leave));
  } catch (error) {
    const problem = problemOf(error);
    if (problem.status === 500) onDefect?.(error);
    const status = spliceUnsigned(problem.status);
    return spliceArray([encodeEntryOf(statement), status, encodeProblem(problem)]);
  }
}

function encodeRegistered({ entryId, receipt }: Registration): Uint8Array {
  const entry = parseEntryId(entryId) ?? new Uint8Array();
  if (receipt === undefined) return encodeCbor([entry, 202, null]);
  return spliceArray([spliceBytes(entry), spliceUnsigned(201), spliceBytes(receipt)]);
}

function encodeEntryOf(statement: Uint8Array): Uint8Array {
  try {
    return spliceBytes(SignedStatement.decode(statement, { isSubjectOptional: true }).entry);
  } catch (error) {
    if (error instanceof StatementError) return encodeCbor(null);
    throw error;
  }
}

/** Yields what a sequence that cannot be cut into items is refused with; any other error as it is. */
function refusalOf(error: unknown): unknown {
  if (!(error instanceof CoseError)) return error;
  const isLong = error.code === "COSE_CBOR_LIMIT";
  const code = isLong ? "SERVER_BODY_TOO_LARGE" : "SERVER_REQUEST_MALFORMED";
  return new ServerError(code, error.message, { cause: error });
}

// The last item: why the sequence could not be read any further.
function encodeStop(position: number, error: unknown): Uint8Array {
  const problem = problemOf(error);
  const detail = `${problem.detail} (item ${position} of the sequence, counted from 0)`;
  const body = encodeProblem({ ...problem, detail });
  return spliceArray([spliceUnsigned(position), spliceUnsigned(problem.status), body]);
}
