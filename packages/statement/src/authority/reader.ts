/** Longest part of a document that a message repeats, in characters. */
const MAX_QUOTED = 40;

/** Most problems of a document that a refusal names. */
const MAX_PROBLEMS = 32;

/** Members that an object has to have, and those that it may have. */
export interface MemberNames {
  readonly required: readonly string[];
  readonly optional?: readonly string[];
}

/** An object of JSON whose members have been held against {@link MemberNames}. */
export type Members = Readonly<Record<string, unknown>>;

/** What a number or the length of a text has to lie between, both ends inside. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** Makes the error of the package whose document is refused. */
export type Malformed = (message: string, options?: ErrorOptions) => Error;

/** How a package refuses its documents. */
export interface DocumentRefusal {
  /** Makes the error, from everything that is wrong. */
  readonly refuse: (problems: readonly string[], options?: ErrorOptions) => Error;
  /** Yields what such an error says is wrong, `undefined` for any other error. */
  readonly problemsOf: (error: unknown) => readonly string[] | undefined;
}

/**
 * Reads values out of JSON that is trusted, such as a policy or a trust file: what is not as it has
 * to be is refused, with the place in the message. Every method throws what the refusal makes.
 */
export class DocumentReader {
  readonly #refusal: DocumentRefusal;
  readonly malformed: Malformed;

  constructor(refusal: DocumentRefusal) {
    this.#refusal = refusal;
    this.malformed = (message, options) => refusal.refuse([message], options);
    Object.freeze(this);
  }

  /** Yields the refusal for several problems at once; of very many, for the first. */
  malformedAll(problems: readonly string[]): Error {
    const shown = problems.slice(0, MAX_PROBLEMS);
    const more = problems.length > shown.length ? ["and more is wrong beyond these"] : [];
    return this.#refusal.refuse([...shown, ...more]);
  }

  /**
   * Yields the object once it has the members that it must have, and none but those it may have. A
   * refusal names every member that is unknown or lacks.
   */
  membersOf(value: unknown, where: string, names: MemberNames): Members {
    if (!isObject(value)) throw this.malformed(`${where} is not an object`);
    const problems = memberProblems(value, where, names);
    if (problems.length > 0) throw this.malformedAll(problems);
    // The map has no prototype, so that a member that is not there is undefined whatever its name.
    return Object.assign(Object.create(null) as Record<string, unknown>, value);
  }

  /** Yields what each item is read as; a refusal tells what is wrong with every item. */
  eachOf<Item, T>(items: readonly Item[], read: (item: Item, position: number) => T): readonly T[] {
    const results: T[] = [];
    const problems: string[] = [];
    for (const [position, item] of items.entries()) {
      try {
        results.push(read(item, position));
      } catch (error) {
        problems.push(...this.problemsIn(error));
        if (problems.length > MAX_PROBLEMS) break;
      }
    }
    if (problems.length > 0) throw this.malformedAll(problems);
    return results;
  }

  /** Yields what a refusal says is wrong; throws any other error again. */
  problemsIn(error: unknown): readonly string[] {
    const problems = this.#refusal.problemsOf(error);
    if (problems === undefined) throw error;
    return problems;
  }

  listOf(value: unknown, where: string): readonly unknown[] {
    if (Array.isArray(value)) return value;
    throw this.malformed(`${where} is not a list`);
  }

  /** Yields a list without repetitions. */
  setOf<T extends string | number>(
    value: unknown,
    where: string,
    itemOf: (item: unknown, where: string) => T,
  ): readonly T[] {
    const seen = new Set<T>();
    return this.eachOf(this.listOf(value, where), (item, position) => {
      const place = `${where}[${position}]`;
      const element = itemOf(item, place);
      if (seen.has(element)) throw this.malformed(`${place} is listed twice`);
      seen.add(element);
      return element;
    });
  }

  oneOf<T extends string>(value: unknown, where: string, names: readonly T[]): T {
    const found = names.find((name) => name === value);
    if (found !== undefined) return found;
    throw this.malformed(`${where} is not one of ${names.join(", ")}`);
  }

  /** Yields the text once it is as long as it may be, in characters. */
  textOf(value: unknown, where: string, { min, max }: Bounds): string {
    if (typeof value !== "string") throw this.malformed(`${where} is not a text`);
    const { length } = Array.from(value);
    if (length >= min && length <= max) return value;
    throw this.malformed(`${where} has ${length} characters, want ${min} to ${max}`);
  }

  integerOf(value: unknown, where: string, { min, max }: Bounds): number {
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) {
      return value + 0; // minus zero reads back as zero
    }
    const upTo = max === Number.MAX_SAFE_INTEGER ? "2^53 - 1" : String(max);
    throw this.malformed(`${where} is not an integer from ${min} to ${upTo}`);
  }

  booleanOf(value: unknown, where: string): boolean {
    if (typeof value === "boolean") return value;
    throw this.malformed(`${where} is neither true nor false`);
  }
}

/** Yields whether the value is an object of JSON. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Yields what is wrong with the names of an object's members. */
export function memberProblems(
  value: object,
  where: string,
  { required, optional = [] }: MemberNames,
): readonly string[] {
  const known = [...required, ...optional];
  const problems = Object.keys(value)
    .filter((name) => !known.includes(name))
    .slice(0, MAX_PROBLEMS + 1)
    .map((name) => {
      const want = known.join(", ") || "none";
      return `${where} has the unknown member ${quoted(name)}, want ${want}`;
    });
  const missing = required.filter((name) => !Object.hasOwn(value, name));
  return missing.length === 0 ? problems : [...problems, `${where} lacks ${missing.join(", ")}`];
}

/** Yields a text as a message may show it: printable, and cut where it is long. */
function quoted(text: string): string {
  const characters = Array.from(text);
  const shown = characters.slice(0, MAX_QUOTED).join("");
  const printable = JSON.stringify(shown).replace(/[^ -~]/gu, "?");
  return characters.length > MAX_QUOTED ? `${printable}…` : printable;
}
