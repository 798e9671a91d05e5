import type { ContentFigures } from "./content.js";
import type { SizeFigures } from "./growth.js";
import type { OfflineFigures } from "./offline.js";
import type { RegistrationFigures } from "./registration.js";
import type { SoakFigures } from "./soak.js";
import type { SyncFigures } from "./syncs.js";

/** Everything that one run has measured. */
export interface Results {
  readonly registrations: readonly RegistrationFigures[];
  readonly sizes: readonly SizeFigures[];
  readonly syncs?: SyncFigures;
  readonly offline?: OfflineFigures;
  readonly content?: ContentFigures;
  readonly soak?: SoakFigures;
}

/** What is wanted, and whether it was reached. */
export interface Goal {
  readonly goal: string;
  /** `undefined` where this run has not measured it. */
  readonly measured: number | undefined;
  readonly wanted: string;
  readonly verdict: "met" | "missed" | "not measured";
}

interface Bound {
  readonly goal: string;
  readonly measured: number | undefined;
  readonly atLeast?: number;
  readonly below?: number;
}

/** What single registrations are judged by. */
export const REFERENCE = "es256-1k";

/** Growth of memory that is a wobble and no leak. */
const FLAT_MIB_PER_MINUTE = 1;

/** Holds what was measured against what is wanted. */
export function goalsOf(results: Results): readonly Goal[] {
  const single = results.registrations.find(({ name }) => name === REFERENCE);
  const batch = results.registrations.find(({ name }) => name === `${REFERENCE}-batch`);
  const [smallest] = results.sizes;
  const largest = results.sizes.at(-1);
  const compared = smallest !== largest ? [smallest, largest] : [];
  const at = largest === undefined ? "" : ` at ${largest.size} entries`;
  const bounds: readonly Bound[] = [
    { goal: "one by one, of L", measured: single?.ofLimit, atLeast: 0.6 },
    { goal: "one by one, registrations/s", measured: single?.perSecond, atLeast: 3000 },
    { goal: "one by one, p99 in ms", measured: single?.p99Ms, below: 250 },
    { goal: "by batch, of V", measured: batch?.ofLimit, atLeast: 0.5 },
    {
      goal: `share of L${at}, of that at ${smallest?.size ?? 0}`,
      measured: ratio(compared, ({ ofLimit }) => ofLimit),
      atLeast: 0.9,
    },
    {
      goal: `CPU per registration${at}, of that at ${smallest?.size ?? 0}`,
      measured: ratio(compared, ({ cpuUs }) => cpuUs),
      below: 1.1,
    },
    { goal: `restart${at} in ms`, measured: largest?.restart.afterKillMs, below: 1000 },
    { goal: "bytes beyond the statement", measured: single?.beyondBytes, below: 120 },
    {
      goal: "growth of memory in MiB/min",
      measured: results.soak?.slopeMibPerMinute,
      below: FLAT_MIB_PER_MINUTE,
    },
  ];
  return bounds.map(judge);
}

// Of the last to the first.
function ratio(
  sizes: readonly (SizeFigures | undefined)[],
  read: (figures: SizeFigures) => number,
): number | undefined {
  const [first, last] = sizes;
  return first === undefined || last === undefined ? undefined : read(last) / read(first);
}

function judge({ goal, measured, atLeast, below }: Bound): Goal {
  const wanted = atLeast === undefined ? `< ${String(below)}` : `>= ${atLeast}`;
  if (measured === undefined) return { goal, measured, wanted, verdict: "not measured" };
  const isMet = atLeast === undefined ? measured < (below ?? Infinity) : measured >= atLeast;
  return { goal, measured, wanted, verdict: isMet ? "met" : "missed" };
}
