import { Cursor } from "../cursor.js";
import { malformed } from "../error.js";
import type { MeasurementBlock } from "./block.js";

const MODE_TYPE = 5;

/** Operational states, of which a device is in one. */
const STATES: ReadonlyMap<number, string> = new Map([
  [0x01, "manufacturing"],
  [0x02, "validation"],
  [0x04, "normal"],
  [0x08, "recovery"],
  [0x10, "return to the manufacturer"],
  [0x20, "decommissioned"],
]);

const NORMAL = 0x04;

const MODES: readonly string[] = [
  "non-invasive debug is active",
  "invasive debug is active",
  "non-invasive debug was active since the reset",
  "invasive debug was active since the reset",
  "invasive debug was active after manufacturing",
];

/**
 * Yields what the device mode says against the device, in words: a state other than normal, and
 * debugging that is or was on. Nothing where there is no block of the mode.
 *
 * @throws {@link EvidenceError} `EVIDENCE_MALFORMED`
 */
export function modeConcerns(blocks: readonly MeasurementBlock[]): readonly string[] {
  return blocks
    .filter(({ type, isRaw }) => type === MODE_TYPE && isRaw)
    .flatMap(({ index, value }) => {
      if (value.length !== 16) throw malformed(`block ${index} is a mode of other than 16 bytes`);
      const cursor = new Cursor(value, "device mode");
      const [, state = 0, , mode = 0] = [1, 2, 3, 4].map(() => cursor.number(4, "word"));
      return [...stateConcerns(state), ...debugConcerns(mode)];
    });
}

function stateConcerns(state: number): readonly string[] {
  if (state === NORMAL) return [];
  return [`the device is not in normal operation: ${STATES.get(state) ?? `state ${state}`}`];
}

function debugConcerns(mode: number): readonly string[] {
  const named = MODES.filter((_, bit) => (mode & (1 << bit)) !== 0);
  const rest = mode >>> MODES.length;
  return rest === 0 ? named : [...named, `mode bits ${rest << MODES.length} that are not known`];
}
