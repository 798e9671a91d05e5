import { countFaults } from "./choice.js";
import type { Action } from "./incarnation.js";
import { covers, handedIn, lossesOf, type Memory } from "./oracle.js";
import type { State } from "./state.js";
import type { Transition } from "./transition.js";

/** An action, where it was done, and what came of it. */
export interface Happening {
  readonly state: State;
  readonly action: Action;
  readonly transition: Transition;
}

/** Yields how what was told or shown before is lost by it, whoever is to blame. */
export function lossesBy({ state, transition }: Happening, memory: Memory): readonly string[] {
  const { outcome, portrait } = transition;
  const { site, status } = outcome;
  const losses = portrait === undefined ? [] : [...lossesOf(memory, status, portrait)];
  // Also without a process that lives to tell.
  if (site.store.id !== state.site.store.id && lacksReleased(state)) {
    losses.push("the log was written to, and it lacks what was released");
  }
  return losses;
}

/** Yields what no log may do, whatever befalls its disk. */
export function breachesBy(happening: Happening): readonly string[] {
  const { outcome, portrait } = happening.transition;
  return [
    ...outcome.wrong,
    ...(portrait?.wrong ?? []),
    ...unfrozen(happening),
    ...needless(happening),
    ...unanswered(happening),
  ];
}

function lacksReleased({ memory, site }: State): boolean {
  return [...memory.released.values()].some((shown) => !covers(site.store.tree, shown));
}

/** A freeze that was answered for outlasts a rollback of either store or anchor. */
function unfrozen({ state, transition }: Happening): readonly string[] {
  const { rolled, memory } = state;
  const isWriter = transition.outcome.status.kind === "writer";
  if (memory.frozen !== "answered" || !isWriter || (rolled.store && rolled.anchor)) return [];
  return ["a frozen log is a writer"];
}

/** Without a rollback or a turn of the clock a log that starts without a fault takes entries. */
function needless({ state, action, transition }: Happening): readonly string[] {
  const { rolled, isClockTurned, memory } = state;
  const { outcome, cost } = transition;
  if (action.kind !== "boot" || cost > 0 || rolled.store || rolled.anchor) return [];
  const { status } = outcome;
  if (isClockTurned || memory.frozen !== "no" || status.kind === "writer") return [];
  return ["nothing was lost, and the log takes no entries"];
}

/** Without a fault a writer answers for all that it is given, as new or as known. */
function unanswered({ state, action, transition }: Happening): readonly string[] {
  const { status, memory } = state;
  const { points, acknowledged, refused } = transition.outcome;
  if (action.kind !== "submit" || status.kind !== "writer") return [];
  const wrong = acknowledged
    .filter(({ entry, isDuplicate }) => memory.acknowledged.has(entry) && !isDuplicate)
    .map(({ entry }) => `entry ${entry} was logged, and is answered for as new`);
  if (countFaults(points) > 0) return wrong;
  if (refused.length > 0) wrong.push("a writer refused without a fault");
  if (acknowledged.length + refused.length !== handedIn(action).length) {
    wrong.push("a writer left a submission unanswered");
  }
  return wrong;
}
