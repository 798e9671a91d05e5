import { countFaults, formatFaults } from "./choice.js";
import { AnchorImage, pairOf, type Site, StoreImage } from "./image.js";
import type { Action, Outcome, Status, Step } from "./incarnation.js";
import { formatMemory, type Memory, NOTHING } from "./oracle.js";

/** A process, or none, with its surroundings, and what clients remember. Immutable. */
export interface State {
  readonly site: Site;
  readonly status: Status;
  /** What the process did since it was started at `bootSite`. */
  readonly steps: readonly Step[];
  readonly bootSite: Site;
  /** Names all that the next action can depend on. */
  readonly machine: string;
  readonly memory: Memory;
  /** What was durable at any time, by pair, but for what a rollback alone made. */
  readonly past: ReadonlyMap<string, Site>;
  readonly rolled: { readonly store: boolean; readonly anchor: boolean };
  readonly isClockTurned: boolean;
  /** Faults so far. */
  readonly spent: number;
  /** Steps and choices so far. */
  readonly depth: number;
  readonly before: State | undefined;
  /** What led here from the state before. */
  readonly line: string;
}

/** Yields the state before anything: no store, no anchor, no process. */
export function firstState(clock: number): State {
  const site: Site = { store: StoreImage.EMPTY, anchor: AnchorImage.MISSING, clock };
  const status: Status = { kind: "down", why: "new" };
  return {
    site,
    status,
    steps: [],
    bootSite: site,
    machine: machineName(site, status, []),
    memory: NOTHING,
    past: new Map([[pairOf(site), site]]),
    rolled: { store: false, anchor: false },
    isClockTurned: false,
    spent: 0,
    depth: 0,
    before: undefined,
    line: "",
  };
}

/** Yields the name of a process by all that its future can depend on, as far as that can be seen. */
export function machineName(site: Site, status: Status, steps: readonly Step[]): string {
  const standing = "code" in status ? status.code : status.kind;
  const isHurt = steps.some(({ points }) => countFaults(points) > 0);
  const wear = isHurt ? "hurt" : steps.length > 1 ? "used" : "fresh";
  return [pairOf(site), site.clock, standing, status.kind === "down" ? "" : wear].join(" ");
}

/** Yields the name of a state; two of the same name have the same future. */
export function stateName(state: State, canFault: boolean): string {
  const { machine, memory, past, rolled, isClockTurned, site } = state;
  // With no fault left to spend nothing goes back to the past any more.
  const known = canFault ? [...past.keys()].sort().join() : past.has(pairOf(site));
  return [machine, formatMemory(memory), known, rolled.store, rolled.anchor, isClockTurned].join(
    "|",
  );
}

/** Yields the past with what became durable since. */
export function withSites(
  past: ReadonlyMap<string, Site>,
  sites: readonly Site[],
): ReadonlyMap<string, Site> {
  const missing = sites.filter((site) => !past.has(pairOf(site)));
  if (missing.length === 0) return past;
  return new Map([...past, ...missing.map((site) => [pairOf(site), site] as const)]);
}

/** Whether store and anchor both went back, and lie where they lay together at an earlier moment. */
export function isRolledBackTogether({ rolled, past, site }: State): boolean {
  return rolled.store && rolled.anchor && past.has(pairOf(site));
}

/** Yields what led to a state, step by step. */
export function historyOf(state: State): readonly string[] {
  const lines: string[] = [];
  let at = state;
  while (at.before !== undefined) {
    lines.push(at.line);
    at = at.before;
  }
  return lines.reverse();
}

/** Yields an action and what came of it, in a line. */
export function formatStep(action: Action, outcome: Outcome): string {
  const { status, acknowledged, refused, site, released, points } = outcome;
  const standing = Object.values(status).join(" ");
  const seen = released.map(({ size }) => `checkpoint ${size} seen`);
  const told = acknowledged.map(({ entry, index }) => `entry ${entry} answered at ${index}`);
  const not = refused.map(({ entry, code }) => `entry ${entry} refused ${code}`);
  const results = [standing, `store of size ${site.store.size}`, ...seen, ...told, ...not];
  const faults = formatFaults(points).map((fault) => `; ${fault}`);
  return `${formatAction(action)}${faults.join("")} -> ${results.join(", ")}`;
}

function formatAction(action: Action): string {
  switch (action.kind) {
    case "submit": {
      const during = action.during === undefined ? "" : `, during its write ${action.during}`;
      return `submit ${action.entries.join(" and ")}${during}`;
    }
    case "read":
      return `read ${action.entry}`;
    default:
      return action.kind;
  }
}
