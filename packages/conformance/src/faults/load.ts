import { PrivateKey } from "@tallystick/cose";
import type { Jwk } from "@tallystick/cose";
import { signStatement } from "@tallystick/statement";

import { atOnce } from "./audit.js";
import type { Chance } from "./chance.js";
import { ask, problemOf, readReceipt } from "./exchange.js";
import type { Identity } from "./exchange.js";
import type { Memory, Sent } from "./memory.js";
import { ISSUER } from "./site.js";

/** What a load does. */
export interface LoadOptions {
  readonly url: string;
  /** Statements to send. */
  readonly count: number;
  /** How many at a time. */
  readonly atOnce: number;
  /** Largest payload, in bytes. */
  readonly maxBytes: number;
  /** Smallest payload, in bytes; 1 unless given. */
  readonly minBytes?: number;
}

/** What became of a load. */
export interface LoadReport {
  readonly sent: number;
  readonly acknowledged: number;
  /** Requests that nobody answered. */
  readonly unanswered: number;
  /** What was refused, in the words of the server, with how often. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Refusals that name a time to try again. */
  readonly retryAfter: number;
  /** What is wrong with the answers. */
  readonly problems: readonly string[];
}

/** Makes statements, sends them and remembers what was promised. */
export class Load {
  readonly #memory: Memory;
  readonly #identity: Identity;
  readonly #signer: PrivateKey;
  readonly #chance: Chance;
  // Owned by #make.
  #made = 0;

  constructor(memory: Memory, identity: Identity, rest: { key: Jwk; chance: Chance }) {
    this.#memory = memory;
    this.#identity = identity;
    this.#signer = PrivateKey.fromJwk(rest.key);
    this.#chance = rest.chance;
  }

  /** Sends new statements until they are all sent or nobody answers any more. */
  async run(options: LoadOptions, onProgress: (acknowledged: number) => void): Promise<LoadReport> {
    const tally = new Count(onProgress);
    let left = options.count;
    const send = async (): Promise<void> => {
      while (left > 0 && tally.report.unanswered === 0) {
        left--;
        const statement = this.#memory.send(await this.#make(options));
        await this.#post(options.url, statement, tally);
      }
    };
    const senders = Array.from({ length: options.atOnce }, send);
    await Promise.all(senders);
    return tally.report;
  }

  /** Sends one new statement this many times at once. */
  async storm(
    url: string,
    times: number,
    onProgress: (acknowledged: number) => void,
  ): Promise<LoadReport & { readonly indexes: number }> {
    const tally = new Count(onProgress);
    const statement = this.#memory.send(await this.#make({ maxBytes: 1024 }));
    const copies = Array.from({ length: times }, () => statement);
    await atOnce(copies, (copy) => this.#post(url, copy, tally), times);
    return { ...tally.report, indexes: tally.indexes.size };
  }

  async #post(url: string, statement: Sent, tally: Count): Promise<void> {
    tally.report.sent++;
    const answer = await ask(`${url}/entries`, statement.bytes);
    if (answer.status === 0) tally.report.unanswered++;
    else if (answer.status !== 201) {
      const says = `${answer.status} ${problemOf(answer)}`;
      tally.report.refusals[says] = (tally.report.refusals[says] ?? 0) + 1;
      tally.report.retryAfter += answer.headers.has("retry-after") ? 1 : 0;
    } else {
      try {
        const seen = await readReceipt(answer.body, statement.bytes, this.#identity);
        statement.acknowledged ??= seen;
        tally.report.problems.push(...this.#memory.see(seen));
        tally.indexes.add(seen.index);
        tally.acknowledge();
      } catch (error) {
        tally.report.problems.push(`${statement.entryId}: ${String(error)}`);
      }
    }
  }

  #make({
    maxBytes,
    minBytes = 1,
  }: Pick<LoadOptions, "maxBytes" | "minBytes">): Promise<Uint8Array> {
    const length = minBytes + this.#chance.below(maxBytes - minBytes + 1);
    const payload = this.#chance.bytes(length);
    const subject = `statement ${this.#made++}`;
    const contentType = "application/octet-stream";
    return signStatement({ payload, contentType, issuer: ISSUER, subject }, this.#signer);
  }
}

class Count {
  readonly indexes = new Set<number>();
  readonly report = {
    sent: 0,
    acknowledged: 0,
    unanswered: 0,
    refusals: {} as Record<string, number>,
    retryAfter: 0,
    problems: [] as string[],
  };
  readonly #onProgress: (acknowledged: number) => void;

  constructor(onProgress: (acknowledged: number) => void) {
    this.#onProgress = onProgress;
  }

  acknowledge(): void {
    this.#onProgress(++this.report.acknowledged);
  }
}
