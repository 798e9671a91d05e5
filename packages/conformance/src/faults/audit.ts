import { decodeHex } from "@tallystick/cose";
import { Receipt, VerifiedConsistency } from "@tallystick/receipt";
import { entryOf, formatEntryId } from "@tallystick/statement";

import { ask, jsonOf, problemOf, readReceipt } from "./exchange.js";
import type { Answer, Identity } from "./exchange.js";
import type { Memory, Seen, Sent } from "./memory.js";

/**
 * How a server may fail.
 *
 * - `sound`: not at all; it serves and takes everything.
 * - `damaged`: its disk was tampered with; it may answer 5xx, but nothing wrong.
 * - `behind`: it says that it is read-only; what it does not have it may lack, and it takes nothing.
 * - `stated`: it is either sound or behind, as it says itself.
 * - `doubtful`: it is either damaged or behind, as it says itself.
 */
export type Standing = "sound" | "damaged" | "behind" | "stated" | "doubtful";

/** What an audit found. */
export interface AuditReport {
  /** What is wrong; nothing may be. */
  readonly problems: readonly string[];
  readonly receipts: number;
  readonly bodies: number;
  readonly consistencies: number;
  /** Requests that nobody answered; whoever kills the server meanwhile has to expect them. */
  readonly unanswered: number;
  /** What was refused, in the words of the server, with how often. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Statements that nobody had acknowledged, and were there all the same. */
  readonly resurrected: number;
  /** Acknowledged statements that a damaged server says it does not know. */
  readonly denied: number;
  readonly standing: Standing;
  readonly size: number;
  /** What `/health` says. */
  readonly status: string;
}

/** What an audit covers. */
export interface AuditOptions {
  readonly url: string;
  readonly standing: Standing;
  /** Acknowledged statements to look at; all sent ones that were not acknowledged are. */
  readonly acknowledged: readonly (Sent & { readonly acknowledged: Seen })[];
  /** Tree sizes to connect, smallest first. */
  readonly sizes: readonly number[];
  /** How many unacknowledged statements to send again; all of them are looked up. */
  readonly repeats?: number;
}

const AT_ONCE = 8;

/** Holds a running server against everything that is remembered of it. */
export class Audit {
  readonly #memory: Memory;
  readonly #identity: Identity;
  readonly #options: AuditOptions;
  // Owned by run.
  #standing: Standing;
  readonly #problems: string[] = [];
  readonly #refusals: Record<string, number> = {};
  readonly #counts = {
    receipts: 0,
    bodies: 0,
    consistencies: 0,
    resurrected: 0,
    unanswered: 0,
    denied: 0,
  };

  constructor(memory: Memory, identity: Identity, options: AuditOptions) {
    this.#memory = memory;
    this.#identity = identity;
    this.#options = options;
    this.#standing = options.standing;
  }

  async run(): Promise<AuditReport> {
    const first = await this.#head();
    if (this.#standing === "stated") this.#standing = first.isWell ? "sound" : "behind";
    if (this.#standing === "doubtful") this.#standing = first.isWell ? "damaged" : "behind";
    await this.#retryUnacknowledged();
    await atOnce(this.#options.acknowledged, async (sent) => {
      await this.#receipt(sent);
      await this.#body(sent);
    });
    const { size, status, isWell } = await this.#head();
    if (this.#standing === "sound" && !isWell) this.#wrong("health", status);
    await this.#connect(size);
    if (this.#standing === "sound" && this.#counts.unanswered === 0) await this.#count(size);
    this.#problems.push(...this.#memory.timeProblems());
    const problems = this.#problems.slice(0, 50);
    const [standing, refusals] = [this.#standing, this.#refusals];
    return { problems, refusals, standing, ...this.#counts, size, status };
  }

  /** A repeat of what nobody acknowledged yields one entry, whatever became of the first. */
  async #retryUnacknowledged(): Promise<void> {
    const { unacknowledged } = this.#memory;
    const { repeats = unacknowledged.length } = this.#options;
    await atOnce([...unacknowledged.entries()], async ([place, sent]) => {
      const found = await this.#get(`entries/${sent.entryId}`, "absent");
      if (found !== undefined) {
        this.#counts.resurrected++;
        await this.#see(found, sent);
        await this.#body(sent);
      }
      if (place >= repeats) return;
      // Twice, for a repeat of the repeat must not make a second entry either.
      await this.#repeat(sent, found !== undefined);
      await this.#repeat(sent, found !== undefined);
    });
  }

  async #repeat(sent: Sent, isThere: boolean): Promise<void> {
    const answer = await ask(`${this.#options.url}/entries`, sent.bytes);
    if (answer.status !== 201) {
      this.#refused(answer, `POST of ${sent.entryId}`);
      return;
    }
    if (this.#standing === "behind" && !isThere) {
      this.#wrong(sent.entryId, "was taken by a server that is read-only");
    }
    const seen = await this.#see(answer.body, sent);
    if (seen !== undefined) sent.acknowledged = seen;
  }

  async #receipt(sent: Sent & { readonly acknowledged: Seen }): Promise<void> {
    const may = this.#standing === "behind" ? "absent" : undefined;
    const bytes = await this.#get(`entries/${sent.entryId}`, may);
    if (bytes !== undefined) await this.#see(bytes, sent);
  }

  async #body(sent: Sent): Promise<void> {
    const may = this.#standing === "behind" ? "absent" : undefined;
    const body = await this.#get(`statements/${sent.entryId}`, may);
    if (body === undefined) return;
    this.#counts.bodies++;
    if (formatEntryId(entryOf(body)) !== sent.entryId)
      this.#wrong(sent.entryId, "has another body");
  }

  async #head(): Promise<{ size: number; status: string; isWell: boolean }> {
    const answer = await ask(`${this.#options.url}/health`);
    if (answer.status === 0) {
      this.#counts.unanswered++;
      return { size: 0, status: "gone", isWell: this.#standing === "sound" };
    }
    const { size, ...rest } = jsonOf(answer);
    if (typeof size !== "number") throw new Error("health says no size");
    const known = this.#memory.sizes.at(-1) ?? 0;
    const isWell = answer.status === 200 && rest["status"] === "ok";
    if (isWell && size < known) this.#wrong("health", `says ${size}, ${known} is out`);
    return { size, status: JSON.stringify(rest), isWell };
  }

  /** Neighbours suffice: consistency is transitive. The first and the last are tried as well. */
  async #connect(head: number): Promise<void> {
    const sizes = this.#options.sizes.filter((size) => size <= head && size > 0);
    const pairs = sizes.slice(1).map((size, i) => [sizes[i] ?? 0, size] as const);
    const ends = [sizes[0] ?? 0, sizes.at(-1) ?? 0] as const;
    if (pairs.length > 1) pairs.push(ends);
    await atOnce(pairs, async ([oldSize, newSize]) => {
      const bytes = await this.#get(`consistency/${oldSize}/${newSize}`, undefined);
      const [older, newer] = [oldSize, newSize].map((size) => this.#memory.trees.get(size));
      if (bytes === undefined || older === undefined || newer === undefined) return;
      this.#counts.consistencies++;
      try {
        const old = { size: oldSize, root: decodeHex(older.root) };
        const { key } = this.#identity;
        const { newRoot } = await VerifiedConsistency.verify(Receipt.decode(bytes), { old, key });
        if (!isSame(newRoot, decodeHex(newer.root))) this.#wrong(`${newSize}`, "has another root");
      } catch (error) {
        this.#wrong(`${oldSize} to ${newSize}`, String(error));
      }
    });
  }

  /** No other entry may be there, so what was sent fills every index. */
  async #count(size: number): Promise<void> {
    const answer = await ask(`${this.#options.url}/policy`);
    const { index, entryId, policy } = answer.status === 200 ? jsonOf(answer) : {};
    const isObject = typeof policy === "object" && policy !== null;
    if (index !== 1 || typeof entryId !== "string" || !isObject || !("previous" in policy)) {
      this.#wrong("policy", `${answer.status} ${new TextDecoder().decode(answer.body)}`);
      return;
    }
    const foreign = 2;
    const ids = [...this.#memory.sent.keys()];
    const found = ids.filter((id) => this.#memory.indexOf(id) !== undefined).length;
    if (size !== found + foreign) this.#wrong("size", `is ${size}, ${found} entries were found`);
    const genesis = String(policy.previous);
    this.#problems.push(...this.#memory.rootProblems({ size, first: [genesis, entryId] }));
  }

  async #get(path: string, may: "absent" | undefined): Promise<Uint8Array | undefined> {
    const answer = await ask(`${this.#options.url}/${path}`);
    if (answer.status === 200) return answer.body;
    if (answer.status === 404 && may === "absent") return undefined;
    if (answer.status === 404 && this.#standing === "damaged") {
      this.#counts.denied++;
      return undefined;
    }
    this.#refused(answer, path);
    return undefined;
  }

  async #see(receipt: Uint8Array, sent: Sent): Promise<Seen | undefined> {
    this.#counts.receipts++;
    try {
      const seen = await readReceipt(receipt, sent.bytes, this.#identity);
      this.#problems.push(...this.#memory.see(seen));
      return seen;
    } catch (error) {
      this.#wrong(sent.entryId, `has a receipt that does not hold: ${String(error)}`);
      return undefined;
    }
  }

  #refused(answer: Answer, what: string): void {
    if (answer.status === 0) {
      this.#counts.unanswered++;
      return;
    }
    const says = `${answer.status} ${problemOf(answer)}`;
    const isAllowed = answer.status >= 500 && answer.status <= 599 && this.#standing !== "sound";
    if (!isAllowed) this.#wrong(what, says);
    this.#refusals[says] = (this.#refusals[says] ?? 0) + 1;
  }

  #wrong(what: string, why: string): void {
    this.#problems.push(`${what}: ${why}`);
  }
}

/** Does something with each, a few at a time. */
export async function atOnce<T>(
  items: readonly T[],
  act: (item: T) => Promise<void>,
  limit: number = AT_ONCE,
): Promise<void> {
  const queue = items.values();
  const work = async (): Promise<void> => {
    for (const item of queue) await act(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
