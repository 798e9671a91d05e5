import { checkLog } from "../fsck.js";
import { Choices } from "./choice.js";
import { Disk } from "./disk.js";
import { pairOf, type Site } from "./image.js";
import type { Bench } from "./incarnation.js";
import { type Move, movesOf } from "./move.js";
import { remember } from "./oracle.js";
import { breachesBy, type Happening, lossesBy } from "./promise.js";
import {
  firstState,
  formatStep,
  historyOf,
  isRolledBackTogether,
  type State,
  stateName,
  withSites,
} from "./state.js";
import { Transitions } from "./transition.js";

/** How far to look. */
export interface Bounds {
  /** Faults in one history: failed operations, crashes inside one, rollbacks, turns of the clock. */
  readonly faults: number;
  /** Entries beside the genesis. */
  readonly entries: number;
  /** Seconds since the epoch. */
  readonly clock: number;
  readonly turnsClock: boolean;
  readonly rollsBack: boolean;
  readonly freezes: boolean;
  /** Looks no further after so many runs. */
  readonly maxRuns: number;
}

/** What was explored, and what was found. */
export interface Exploration {
  /** Distinct states: durable rows, anchor, clock, standing, and what clients remember. */
  readonly states: number;
  /** Distinct contents of store and anchor. */
  readonly pairs: number;
  /** Times that a process was started to see what an action does. */
  readonly runs: number;
  /** Choices made in all runs, those of replays not counted. */
  readonly points: number;
  /** Steps and choices of the longest history. */
  readonly deepest: number;
  /** States by standing. */
  readonly standings: ReadonlyMap<string, number>;
  /** Histories that end in a loss since store and anchor went back to one moment together. */
  readonly holes: number;
  /** The first of them that loses an entry which was answered for. */
  readonly hole: readonly string[] | undefined;
  readonly isComplete: boolean;
  /** A history that breaks a promise, none with fewer faults, if there is one. */
  readonly counterexample: readonly string[] | undefined;
}

/**
 * Visits every state that can be reached within bounds, those with fewer faults first, and checks
 * each against what clients were told.
 */
export class Explorer {
  readonly #bench: Bench;
  readonly #bounds: Bounds;
  readonly #transitions: Transitions;
  // Owned by #visit: states to go on from, by the faults it took to get there.
  readonly #queues: State[][];
  readonly #seen = new Set<string>();
  readonly #standings = new Map<string, number>();
  #deepest = 0;
  // Owned by #follow and below.
  readonly #pairs = new Set<string>();
  readonly #checked = new Map<string, Promise<readonly string[]>>();
  #holes = 0;
  #hole: readonly string[] | undefined;

  constructor(bench: Bench, bounds: Bounds) {
    this.#bench = bench;
    this.#bounds = bounds;
    this.#transitions = new Transitions(bench, bounds.entries);
    this.#queues = Array.from({ length: bounds.faults + 1 }, () => []);
  }

  async run(): Promise<Exploration> {
    this.#visit(firstState(this.#bounds.clock));
    for (const queue of this.#queues) {
      // Grows while it is gone through: steps without a fault stay in it.
      for (const state of queue) {
        for (const move of movesOf(state, this.#bounds)) {
          const history = await this.#make(state, move);
          if (history !== undefined) return this.#report(true, history);
          if (this.#transitions.runs >= this.#bounds.maxRuns) return this.#report(false, undefined);
        }
      }
      queue.length = 0;
    }
    return this.#report(true, undefined);
  }

  #report(isComplete: boolean, counterexample: readonly string[] | undefined): Exploration {
    return {
      states: this.#seen.size,
      pairs: this.#pairs.size,
      runs: this.#transitions.runs,
      points: this.#transitions.points,
      deepest: this.#deepest,
      standings: this.#standings,
      holes: this.#holes,
      hole: this.#hole,
      isComplete,
      counterexample,
    };
  }

  #visit(state: State): void {
    const { status, spent, depth } = state;
    const name = stateName(state, spent < this.#bounds.faults);
    if (this.#seen.has(name)) return;
    this.#seen.add(name);
    const standing = "code" in status ? `${status.kind} ${status.code}` : status.kind;
    this.#standings.set(standing, (this.#standings.get(standing) ?? 0) + 1);
    this.#deepest = Math.max(this.#deepest, depth);
    this.#queues[spent]?.push(state);
  }

  /** Makes a move in every way it can go; yields a history that must not be, if it leads to one. */
  async #make(state: State, move: Move): Promise<readonly string[] | undefined> {
    if (move.kind === "turn") {
      this.#visit(move.state);
      return undefined;
    }
    const { action } = move;
    const left = this.#bounds.faults - state.spent;
    // States come in the order of the faults spent, so the first to ask has the most left.
    for (const transition of await this.#transitions.of(state, action, left)) {
      if (transition.cost > left) continue;
      const history = await this.#follow({ state, action, transition });
      if (history !== undefined) return history;
    }
    return undefined;
  }

  async #follow(happening: Happening): Promise<readonly string[] | undefined> {
    const { state, action, transition } = happening;
    const { outcome } = transition;
    const { memory, wrong } = remember(state.memory, action, outcome);
    const losses = [...lossesBy(happening, memory), ...wrong];
    const breaches = [...breachesBy(happening), ...(await this.#checkSites(outcome.trail))];
    const { machine, steps, bootSite, cost } = transition;
    const { site, status, trail, points } = outcome;
    const next: State = {
      ...state,
      ...{ site, status, steps, bootSite, machine, memory },
      past: withSites(state.past, status.kind === "writer" ? [state.site, ...trail] : trail),
      spent: state.spent + cost,
      depth: state.depth + points.length + 1,
      before: state,
      line: formatStep(action, outcome),
    };
    if (losses.length === 0 && breaches.length === 0) {
      this.#visit(next);
      return undefined;
    }
    const remarks = [...breaches, ...losses].map((remark) => `!! ${remark}`);
    const history = [...historyOf(next), ...remarks];
    if (breaches.length > 0 || !isRolledBackTogether(state)) return history;
    // The one way to lose what was acknowledged, and the end of that history.
    this.#holes++;
    if (losses.some((loss) => loss.includes("lost entry"))) this.#hole ??= history;
    return undefined;
  }

  /** Whatever becomes durable is a sound log, or none at all. */
  async #checkSites(trail: readonly Site[]): Promise<readonly string[]> {
    const wrong: string[] = [];
    for (const site of trail) {
      this.#pairs.add(pairOf(site));
      const { id } = site.store;
      const known = this.#checked.get(id) ?? this.#check(site);
      this.#checked.set(id, known);
      wrong.push(...(await known));
    }
    return wrong;
  }

  async #check(site: Site): Promise<readonly string[]> {
    if (site.store.rows.size === 0) return [];
    const disk = new Disk(site, new Choices(), this.#bench.faults);
    disk.isQuiet = true;
    const { verdict, problems } = await checkLog({
      store: disk,
      key: this.#bench.signer.publicKey,
    });
    if (verdict === "sound") return [];
    return problems.map(({ kind, where, detail }) => `fsck: ${kind} ${where}: ${detail}`);
  }
}
