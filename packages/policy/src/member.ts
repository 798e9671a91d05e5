import { PolicyError } from "./error.js";

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

/**
 * Yields the object once it has the members that it must have, and none but those it may have.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`, with every member that is unknown or lacks
 */
export function membersOf(value: unknown, where: string, names: MemberNames): Members {
  if (!isObject(value)) throw malformed(`${where} is not an object`);
  const problems = memberProblems(value, where, names);
  if (problems.length > 0) throw malformedAll(problems);
  // The map has no prototype, so that a member that is not there is undefined whatever its name.
  return Object.assign(Object.create(null) as Record<string, unknown>, value);
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

/**
 * Yields what each item is read as.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`, with what is wrong with every item and not with
 * the first alone
 */
export function eachOf<Item, T>(
  items: readonly Item[],
  read: (item: Item, position: number) => T,
): readonly T[] {
  const results: T[] = [];
  const problems: string[] = [];
  for (const [position, item] of items.entries()) {
    try {
      results.push(read(item, position));
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      problems.push(...error.reasons);
      if (problems.length > MAX_PROBLEMS) break;
    }
  }
  if (problems.length > 0) throw malformedAll(problems);
  return results;
}

/** Yields whether the value is an object of JSON. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @throws {@link PolicyError} `POLICY_MALFORMED` */
export function listOf(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw malformed(`${where} is not a list`);
}

/**
 * Yields a list without repetitions.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function setOf<T extends string | number>(
  value: unknown,
  where: string,
  itemOf: (item: unknown, where: string) => T,
): readonly T[] {
  const seen = new Set<T>();
  return eachOf(listOf(value, where), (item, position) => {
    const place = `${where}[${position}]`;
    const element = itemOf(item, place);
    if (seen.has(element)) throw malformed(`${place} is listed twice`);
    seen.add(element);
    return element;
  });
}

/** @throws {@link PolicyError} `POLICY_MALFORMED` */
export function oneOf<T extends string>(value: unknown, where: string, names: readonly T[]): T {
  const found = names.find((name) => name === value);
  if (found !== undefined) return found;
  throw malformed(`${where} is not one of ${names.join(", ")}`);
}

/**
 * Yields the text once it is as long as it may be, in characters.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function textOf(value: unknown, where: string, { min, max }: Bounds): string {
  if (typeof value !== "string") throw malformed(`${where} is not a text`);
  const { length } = Array.from(value);
  if (length >= min && length <= max) return value;
  throw malformed(`${where} has ${length} characters, want ${min} to ${max}`);
}

/** @throws {@link PolicyError} `POLICY_MALFORMED` */
export function integerOf(value: unknown, where: string, { min, max }: Bounds): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) {
    return value + 0; // minus zero reads back as zero
  }
  const upTo = max === Number.MAX_SAFE_INTEGER ? "2^53 - 1" : String(max);
  throw malformed(`${where} is not an integer from ${min} to ${upTo}`);
}

/** @throws {@link PolicyError} `POLICY_MALFORMED` */
export function booleanOf(value: unknown, where: string): boolean {
  if (typeof value === "boolean") return value;
  throw malformed(`${where} is neither true nor false`);
}

/** Yields a text as a message may show it: printable, and cut where it is long. */
export function quoted(text: string): string {
  const characters = Array.from(text);
  const shown = characters.slice(0, MAX_QUOTED).join("");
  const printable = JSON.stringify(shown).replace(/[^ -~]/gu, "?");
  return characters.length > MAX_QUOTED ? `${printable}…` : printable;
}

export function malformed(message: string, options?: ErrorOptions): PolicyError {
  return new PolicyError("POLICY_MALFORMED", [message], options);
}

/** Yields the refusal for several problems at once; of very many, for the first. */
export function malformedAll(problems: readonly string[]): PolicyError {
  const shown = problems.slice(0, MAX_PROBLEMS);
  const more = problems.length > shown.length ? ["and more is wrong beyond these"] : [];
  return new PolicyError("POLICY_MALFORMED", [...shown, ...more]);
}
