import type { Action, Outcome, Released, Status } from "./incarnation.js";
import type { Portrait } from "./portrait.js";

/** What clients were told, and remember. Immutable. */
export interface Memory {
  /** Entries that were ever handed in, ascending. */
  readonly submitted: readonly number[];
  /** Index by entry, of those that were answered for. */
  readonly acknowledged: ReadonlyMap<number, number>;
  readonly released: ReadonlyMap<string, Released>;
  /** Whether somebody asked to close the log for good, and whether that was answered for. */
  readonly frozen: "no" | "asked" | "answered";
}

export const NOTHING: Memory = {
  submitted: [],
  acknowledged: new Map(),
  released: new Map(),
  frozen: "no",
};

/** Yields what clients remember after an action, and what contradicts that they were told before. */
export function remember(
  memory: Memory,
  action: Action,
  outcome: Outcome,
): { readonly memory: Memory; readonly wrong: readonly string[] } {
  const wrong: string[] = [];
  const acknowledged = new Map(memory.acknowledged);
  for (const { entry, index, checkpoint } of outcome.acknowledged) {
    const before = acknowledged.get(entry);
    if (before !== undefined && before !== index) {
      wrong.push(`entry ${entry} is answered for at ${index}, was at ${before}`);
    }
    if (checkpoint.checkpoint.size <= index)
      wrong.push(`entry ${entry} is not under its checkpoint`);
    acknowledged.set(entry, index);
  }
  const released = new Map(memory.released);
  for (const one of outcome.released) {
    for (const other of released.values()) {
      const how = contradiction(one, other);
      if (how !== undefined) wrong.push(how);
    }
    released.set(one.id, one);
  }
  const handed = [...memory.submitted, ...handedIn(action)];
  const submitted = [...new Set(handed)].sort((a, b) => a - b);
  const isAsked = action.kind === "freeze" && memory.frozen === "no";
  const frozen = outcome.isFrozen ? "answered" : isAsked ? "asked" : memory.frozen;
  return { memory: { submitted, acknowledged, released, frozen }, wrong };
}

/** Yields the entries that an action hands in. */
export function handedIn(action: Action): readonly number[] {
  if (action.kind !== "submit") return [];
  return action.during === undefined ? action.entries : [...action.entries, action.during];
}

/** Yields what a log that shows this portrait has lost of what clients remember. */
export function lossesOf(memory: Memory, status: Status, portrait: Portrait): readonly string[] {
  if (status.kind !== "writer") return [];
  const { entries } = portrait;
  const lost: string[] = [];
  for (const [entry, index] of memory.acknowledged) {
    if (entries[index] !== entry) lost.push(`the writer has lost entry ${entry} at ${index}`);
  }
  for (const one of memory.released.values()) {
    if (!covers(portrait, one)) {
      lost.push(`the writer does not extend the released checkpoint of size ${one.size}`);
    }
  }
  return lost;
}

/** Yields whether a tree extends what was shown, and no checkpoint over it will be older (I2, I6). */
export function covers(tree: Pick<Released, "entries" | "time">, shown: Released): boolean {
  return shown.time <= tree.time && shown.entries.every((entry, i) => tree.entries[i] === entry);
}

/** Yields what clients remember, as text that is the same for the same memory. */
export function formatMemory(memory: Memory): string {
  const acknowledged = [...memory.acknowledged].map((pair) => pair.join("@")).sort();
  const released = [...memory.released.keys()].sort();
  const parts = [memory.submitted, acknowledged, released].map((part) => part.join(","));
  return [...parts, memory.frozen].join(" ");
}

/** The roots were held against the entries when they were seen, so the entries stand for them. */
function contradiction(one: Released, other: Released): string | undefined {
  const [older, newer] = one.size <= other.size ? [one, other] : [other, one];
  if (older.entries.some((entry, i) => newer.entries[i] !== entry)) {
    return `checkpoints of ${older.size} and ${newer.size} that were both seen contradict`;
  }
  if (older.size < newer.size && older.time > newer.time) {
    return `the checkpoint of ${newer.size} is older than that of ${older.size}`;
  }
  return undefined;
}
