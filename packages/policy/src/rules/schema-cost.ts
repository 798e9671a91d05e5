/** Steps of a compiled schema that are one unit of the budget. */
const STEPS_PER_UNIT = 8;
/** Characters that are read in the time of one step. */
const CHUNK = 32;
/** Longest list that `uniqueItems` is applied to; a longer one fails at `maxItems` before. */
export const MAX_UNIQUE = 1024;

/** Yields of how many values a value of JSON is made, itself and names of members included. */
export function partsOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  const inner: readonly unknown[] = Object.values(value);
  const named = Array.isArray(value) ? 0 : inner.length;
  return inner.reduce((sum: number, item) => sum + partsOf(item), 1 + named);
}

/** What a payload has at one depth. */
interface Layer {
  /** Values, with their texts and names. */
  size: number;
  /** Comparisons that tell whether the items of the lists are unique. */
  pairs: number;
}

/**
 * How much work a schema has at each depth of a payload. References are written out and in no
 * circle, so that a subschema applies to values of one depth alone, and once to each at most.
 */
export class SchemaWeights {
  readonly #weights: number[] = [];
  readonly #inner: number[] = [];
  readonly #unique: number[] = [];

  /** Adds work for each value, and work for each name and item in it. */
  add(level: number, weight: number, inner: number): void {
    this.#weights[level] = (this.#weights[level] ?? 0) + weight;
    this.#inner[level] = (this.#inner[level] ?? 0) + inner;
  }

  /** Adds a `uniqueItems`. */
  addUnique(level: number): void {
    this.#unique[level] = (this.#unique[level] ?? 0) + 1;
  }

  /** Yields what comparing a value of JSON with the schema costs at most, in units of the budget. */
  costOf(json: unknown): number {
    const layers: Layer[] = [];
    const steps = measure(json, 0, layers);
    const sizeAt = (level: number): number => layers[level]?.size ?? 0;
    const total = layers.reduce((sum, { size, pairs }, level) => {
      const applied = (this.#weights[level] ?? 0) * size;
      const inner = (this.#inner[level] ?? 0) * sizeAt(level + 1);
      return sum + applied + inner + (this.#unique[level] ?? 0) * pairs;
    }, steps);
    return Math.ceil(total / STEPS_PER_UNIT);
  }
}

/** Adds a value and what is in it to the layers, and yields its size. */
function measure(value: unknown, level: number, layers: Layer[]): number {
  const layer = (layers[level] ??= { size: 0, pairs: 0 });
  const own = 1 + (typeof value === "string" ? Math.ceil(value.length / CHUNK) : 0);
  layer.size += own;
  if (typeof value !== "object" || value === null) return own;
  if (!Array.isArray(value)) {
    return Object.entries(value).reduce((sum, [name, member]) => {
      const named = Math.ceil(name.length / CHUNK);
      const size = measure(member, level + 1, layers);
      (layers[level + 1] ?? layer).size += named;
      return sum + named + size;
    }, own);
  }
  const items: readonly unknown[] = value;
  const size = items.reduce((sum: number, item) => sum + measure(item, level + 1, layers), own);
  // Every item may be compared with every other up to its end.
  if (items.length <= MAX_UNIQUE) layer.pairs += Math.ceil((items.length * size) / 2);
  return size;
}
