import type { MentionRole } from "@tallystick/content";
import { decodeHex } from "@tallystick/cose";

import { mentionKey } from "./mention-rows.js";
import type { MentionRows, SoughtMention } from "./mention-rows.js";
import { payloadRange } from "./row-keys.js";
import { listedIn } from "./rows.js";
import type { EntryFacts, SearchRows, Stretch } from "./rows.js";

/** Entries that are counted to find the scarcest list. */
export const MAX_COUNTED = 1024;

/**
 * As what a statement speaks of something: a role of its payload's, or `payload` where it is about the
 * digest of the payload itself.
 */
export type SpokenRole = MentionRole | "payload";

/** The entries that speak of something: by what is in their payloads, and a digest also by theirs. */
export class MentionList {
  readonly #mentions: MentionRows;
  readonly #rows: SearchRows;
  readonly #key: Uint8Array;
  /** Of a digest, in hexadecimal: what the payload of an entry may be. */
  readonly #payload: string | undefined;

  constructor(mentions: MentionRows, rows: SearchRows, sought: SoughtMention) {
    this.#mentions = mentions;
    this.#rows = rows;
    this.#key = mentionKey(sought);
    // The length of a digest tells its algorithm.
    this.#payload = sought.kind === "digest" ? sought.value.split(":")[1] : undefined;
  }

  /** Yields the first indexes of a stretch, in their order. */
  async listed(stretch: Stretch): Promise<readonly number[]> {
    const spoken = await this.#mentions.listed(this.#key, stretch);
    if (this.#payload === undefined) return spoken;
    const digest = decodeHex(this.#payload);
    const stated = await listedIn(
      this.#rows,
      (...range) => payloadRange(digest, ...range),
      stretch,
    );
    // Of those, some may have another payload whose digest begins in the same way: see `at`.
    const both = new Set([...spoken, ...stated]);
    // The first of each list are among the first of both.
    return [...both].sort((a, b) => a - b).slice(0, stretch.limit);
  }

  /** Yields how many there are in a range, counted up to a bound. */
  async count({ from, before }: Omit<Stretch, "limit">): Promise<number> {
    return (await this.listed({ from, before, limit: MAX_COUNTED })).length;
  }

  /** Yields as what the entries at indexes speak of it; `undefined` where they do not. */
  async at(
    indexes: readonly number[],
    facts: readonly EntryFacts[],
  ): Promise<readonly (readonly SpokenRole[] | undefined)[]> {
    const stated = await this.#mentions.rolesAt(this.#key, indexes);
    return stated.map((roles, i) => {
      if (this.#payload === undefined || facts[i]?.payload !== this.#payload) return roles;
      return ["payload", ...(roles ?? [])];
    });
  }
}
