import { concatBytes } from "@tallystick/cose";
import { SignedStatement, StatementError } from "@tallystick/statement";

import { decodeBatchAnswer, isPassing, refused } from "./batch.js";
import type { BatchAnswer, BatchItem } from "./batch.js";
import { ClientError } from "./error.js";
import type { Patience } from "./patience.js";
import { formatRefusal, readOnlyError } from "./problem.js";
import type { Requester } from "./requester.js";
import type { Registered } from "./service.js";

/** What became of one statement: it is registered, or there is an error that says why not. */
export interface BatchResult {
  /** Its place among the statements, from 0. */
  readonly position: number;
  /** `undefined` for what is no statement. */
  readonly entryId: string | undefined;
  readonly registered: Registered | undefined;
  /** `CLIENT_STATEMENT_MALFORMED`, `CLIENT_REFUSED` or `CLIENT_RECEIPT_INVALID`. */
  readonly error: ClientError | undefined;
}

/** What many statements are registered with. */
export interface ManyOptions {
  readonly requester: Requester;
  readonly maxReceiptBytes: number;
  /** Registers a single statement. */
  readonly one: (statement: Uint8Array) => Promise<Registered>;
  /** Waits for the receipt of an entry. */
  readonly follow: (entryId: string) => Promise<Registered>;
  /** Holds a receipt against an entry. */
  readonly verified: (entryId: string, receipt: Uint8Array) => Promise<Registered>;
}

/** How many statements go into one request, and how many bytes of them at most, but for a single one. */
const GROUP = { count: 256, bytes: 4_194_304 } as const;

/** Longest result beside its receipt. */
const RESULT_BYTES = 8192;

/** Registers statements in groups, the next one sent while the results of one are taken. */
export async function* registerMany(
  statements: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: ManyOptions,
): AsyncGenerator<BatchResult, void, undefined> {
  let running: Promise<readonly BatchResult[]> | undefined;
  for await (const group of grouped(statements)) {
    const started = new Group(group, options).register();
    // Seen where it is awaited, if anybody still takes results then.
    started.catch(() => undefined);
    if (running !== undefined) yield* await running;
    running = started;
  }
  if (running !== undefined) yield* await running;
}

interface Numbered {
  readonly position: number;
  readonly bytes: Uint8Array;
}

async function* grouped(
  statements: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly Numbered[], void, undefined> {
  let group: Numbered[] = [];
  let length = 0;
  let position = 0;
  for await (const bytes of statements) {
    const isFull = group.length === GROUP.count || length + bytes.length > GROUP.bytes;
    if (isFull && group.length > 0) {
      yield group;
      group = [];
      length = 0;
    }
    group.push({ position: position++, bytes });
    length += bytes.length;
  }
  if (group.length > 0) yield group;
}

interface Open extends Numbered {
  readonly entryId: string;
}

/** The statements of one request, sent again until something has become of each. */
class Group {
  readonly #group: readonly Numbered[];
  readonly #options: ManyOptions;
  // Owned by #settle.
  readonly #results = new Map<number, BatchResult>();

  constructor(group: readonly Numbered[], options: ManyOptions) {
    this.#group = group;
    this.#options = options;
  }

  async register(): Promise<readonly BatchResult[]> {
    let open = this.#group.flatMap((numbered) => this.#opened(numbered));
    let patience = this.#options.requester.patience();
    while (open.length > 0) {
      const answer = await this.#send(open, patience);
      if (answer === undefined) {
        await this.#oneByOne(open);
        break;
      }
      const { settled, wait } = await this.#take(open, answer);
      open = open.slice(settled);
      // Whoever gets on is not giving up.
      if (settled > 0) patience = this.#options.requester.patience();
      if (open.length > 0) await patience.pause(undefined, { reason: wait });
    }
    return this.#group.flatMap(({ position }) => this.#results.get(position) ?? []);
  }

  /** What is no statement is not sent. */
  #opened({ position, bytes }: Numbered): readonly Open[] {
    try {
      // Whether sub may be missing is for the policy of the service to say.
      const { entryId } = SignedStatement.decode(bytes, { isSubjectOptional: true });
      return [{ position, bytes, entryId }];
    } catch (cause) {
      if (!(cause instanceof StatementError)) throw cause;
      const message = `not a signed statement: ${cause.message}`;
      const error = new ClientError("CLIENT_STATEMENT_MALFORMED", message, { cause });
      this.#settle({ position, entryId: undefined, registered: undefined, error });
      return [];
    }
  }

  /** Yields the answer, `undefined` where the service knows no batches. */
  async #send(open: readonly Open[], patience: Patience): Promise<BatchAnswer | undefined> {
    const { requester, maxReceiptBytes } = this.#options;
    const maxBytes = open.length * (maxReceiptBytes + RESULT_BYTES);
    const sequence = concatBytes(open.map(({ bytes }) => bytes));
    try {
      return decodeBatchAnswer(
        await requester.batch(sequence, { maxBytes, patience }),
        open.length,
      );
    } catch (error) {
      const status = error instanceof ClientError ? error.refusal?.status : undefined;
      if (status === 404 || status === 405) return undefined;
      throw error;
    }
  }

  /** Settles from the front what is settled, and yields how many that are and why no more. */
  async #take(
    open: readonly Open[],
    { items, stop }: BatchAnswer,
  ): Promise<{ readonly settled: number; readonly wait: string }> {
    let settled = 0;
    for (const [i, item] of items.entries()) {
      const statement = open[i];
      if (statement === undefined) break;
      const final = item.kind === "refused" ? readOnlyError(item.refusal) : undefined;
      if (final !== undefined) throw final;
      if (item.kind === "refused" && isPassing(item.refusal)) {
        return { settled, wait: `the service is not available (${formatRefusal(item.refusal)})` };
      }
      this.#settle(await this.#resultOf(statement, item));
      settled++;
    }
    const stopped = open[settled];
    if (stop === undefined || stopped === undefined)
      return { settled, wait: "results are missing" };
    const final = readOnlyError(stop.refusal);
    if (final !== undefined) throw final;
    if (isPassing(stop.refusal)) return { settled, wait: formatRefusal(stop.refusal) };
    this.#settle({ ...stopped, registered: undefined, error: refused(stop.refusal) });
    return { settled: settled + 1, wait: formatRefusal(stop.refusal) };
  }

  async #resultOf({ position, entryId }: Open, item: BatchItem): Promise<BatchResult> {
    if (item.entryId !== undefined && item.entryId !== entryId) {
      throw new ClientError("CLIENT_PROTOCOL", "answer to a batch: a result of another statement");
    }
    const failed = (error: ClientError): BatchResult => ({
      position,
      entryId,
      registered: undefined,
      error,
    });
    if (item.kind === "refused") return failed(refused(item.refusal));
    try {
      const { follow, verified } = this.#options;
      const registered = await (item.kind === "accepted"
        ? follow(entryId)
        : verified(entryId, item.receipt));
      return { position, entryId, registered, error: undefined };
    } catch (error) {
      if (error instanceof ClientError && error.code === "CLIENT_RECEIPT_INVALID") {
        return failed(error);
      }
      throw error;
    }
  }

  async #oneByOne(open: readonly Open[]): Promise<void> {
    for (const { position, entryId, bytes } of open) {
      try {
        const registered = await this.#options.one(bytes);
        this.#settle({ position, entryId, registered, error: undefined });
      } catch (error) {
        const isResult =
          error instanceof ClientError &&
          (error.code === "CLIENT_REFUSED" || error.code === "CLIENT_RECEIPT_INVALID");
        if (!isResult) throw error;
        this.#settle({ position, entryId, registered: undefined, error });
      }
    }
  }

  #settle({ position, entryId, registered, error }: BatchResult): void {
    this.#results.set(position, { position, entryId, registered, error });
  }
}
