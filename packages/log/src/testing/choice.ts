/** A place where a run could have gone another way, and the way it took. */
export interface ChoicePoint {
  readonly label: string;
  readonly options: readonly string[];
  /** Index into `options`; 0 is the way without a fault. */
  readonly taken: number;
}

/**
 * The choices of one run: those of a prefix again, and the first option wherever the prefix has
 * ended. A run that depends on nothing else is the same every time the same prefix is given.
 */
export class Choices {
  // The points that an earlier run met on the same way, to be met again.
  readonly #expected: readonly ChoicePoint[];
  readonly #points: ChoicePoint[] = [];
  // Kept, as whoever is told of it may take it for a fault of the disk.
  #mismatch: string | undefined;

  constructor(expected: readonly ChoicePoint[] = []) {
    this.#expected = expected;
  }

  get points(): readonly ChoicePoint[] {
    return this.#points;
  }

  /** Throws if the run was another one than that which the prefix was taken from. */
  requireSame(): void {
    const missing = this.#expected.length - this.#points.length;
    if (this.#mismatch !== undefined) throw new Error(this.#mismatch);
    if (missing > 0) throw new Error(`a replay ended ${missing} choices early`);
  }

  /** Yields the option that this run takes; the first one costs nothing, every other is a fault. */
  take(label: string, options: readonly string[]): string {
    const at = this.#points.length;
    const expected = this.#expected[at];
    if (expected !== undefined && expected.label !== label) {
      this.#mismatch ??= `choice ${at} of a replay is "${label}", was "${expected.label}"`;
    }
    const taken = expected?.taken ?? 0;
    this.#points.push({ label, options, taken });
    return options[taken] ?? "";
  }
}

/** Yields how many of the points went another way than the first. */
export function countFaults(points: readonly ChoicePoint[]): number {
  return points.filter(({ taken }) => taken > 0).length;
}

/** Yields the faults among the points, as `store write 2: lost`. */
export function formatFaults(points: readonly ChoicePoint[]): readonly string[] {
  return points
    .filter(({ taken }) => taken > 0)
    .map(({ label, options, taken }) => `${label}: ${options[taken] ?? ""}`);
}

/**
 * Runs `run` once for each sequence of choices with at most `maxFaults` faults, depth first: each
 * run repeats a prefix of the one before it and then turns off.
 */
export async function* everyWay<T>(
  maxFaults: number,
  run: (choices: Choices) => Promise<T>,
): AsyncGenerator<T> {
  let prefix: readonly ChoicePoint[] | undefined = [];
  while (prefix !== undefined) {
    const choices: Choices = new Choices(prefix);
    yield await run(choices);
    prefix = nextPrefix(choices.points, maxFaults);
  }
}

function nextPrefix(
  points: readonly ChoicePoint[],
  maxFaults: number,
): readonly ChoicePoint[] | undefined {
  for (let at = points.length - 1; at >= 0; at--) {
    const point = points[at];
    if (point === undefined || point.taken + 1 >= point.options.length) continue;
    const before = points.slice(0, at);
    if (countFaults(before) + 1 > maxFaults) continue;
    return [...before, { ...point, taken: point.taken + 1 }];
  }
  return undefined;
}
