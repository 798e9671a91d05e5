import { PolicyError } from "../error.js";
import { plainType } from "../content-type.js";
import type { ContentType } from "../content-type.js";

/** Most items of a list of parameters. */
const MAX_ITEMS = 1000;
/** Longest text in parameters. */
const MAX_TEXT = 8192;

/** Yields the refusal of a rule in a policy. */
export function malformedRule(rule: string, message: string, options?: ErrorOptions): PolicyError {
  return new PolicyError("POLICY_MALFORMED", [`rule ${rule}: ${message}`], options);
}

/** What the object `with` of a ready rule says; every reader refuses what is not of its kind. */
export class Parameters {
  readonly #rule: string;
  readonly #members: Readonly<Record<string, unknown>>;

  /**
   * Takes the object once it has no other members than these.
   *
   * @throws {@link PolicyError} `POLICY_MALFORMED`
   */
  constructor(rule: string, value: unknown, names: readonly string[]) {
    this.#rule = rule;
    if (!isRecord(value)) throw malformedRule(rule, "with is not an object");
    for (const name of Object.keys(value)) {
      if (!names.includes(name)) {
        throw malformedRule(rule, `unknown parameter ${quote(name)}, want ${names.join(", ")}`);
      }
    }
    this.#members = value;
  }

  /** Yields the refusal of one parameter. */
  malformed(name: string, message: string, options?: ErrorOptions): PolicyError {
    return malformedRule(this.#rule, `${name} ${message}`, options);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#members, name);
  }

  value(name: string): unknown {
    if (!this.has(name)) throw malformedRule(this.#rule, `${name} is missing`);
    return this.#members[name];
  }

  text(name: string): string {
    const value = this.value(name);
    if (isText(value)) return value;
    throw this.malformed(name, `is not a text of 1 to ${MAX_TEXT} characters`);
  }

  /** Yields a safe integer of at least `least`. */
  integer(name: string, least = 0): number {
    const value = this.value(name);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
    throw this.malformed(name, `is not an integer of at least ${least}`);
  }

  /** Yields a boolean, `false` when left out. */
  flag(name: string): boolean {
    const value = this.has(name) ? this.value(name) : false;
    if (typeof value === "boolean") return value;
    throw this.malformed(name, "is neither true nor false");
  }

  texts(name: string): readonly string[] {
    return this.#list(name, isText, "texts");
  }

  /** Yields a list of labels: texts and safe integers. */
  labels(name: string): readonly ContentType[] {
    return this.#list(name, isLabel, "texts and integers");
  }

  /** Yields content types in the form in which they are compared, `undefined` when left out. */
  contentTypes(name: string): readonly ContentType[] | undefined {
    if (!this.has(name)) return undefined;
    const types = this.#list(name, isContentType, "media types without parameters and numbers");
    return types.map(plainType);
  }

  /** Yields the members of an object of texts. */
  record(name: string): readonly (readonly [string, string])[] {
    const value = this.value(name);
    const entries = isRecord(value) ? Object.entries(value) : [];
    const texts = entries.filter((entry): entry is [string, string] => isText(entry[1]));
    if (texts.length > 0 && texts.length === entries.length && texts.length <= MAX_ITEMS) {
      return texts;
    }
    throw this.malformed(name, "is not an object of texts");
  }

  #list<Item>(
    name: string,
    isItem: (value: unknown) => value is Item,
    of: string,
  ): readonly Item[] {
    const value = this.value(name);
    if (Array.isArray(value) && value.length > 0 && value.length <= MAX_ITEMS) {
      const items: readonly unknown[] = value;
      if (items.every(isItem)) return items;
    }
    throw this.malformed(name, `is not a list of 1 to ${MAX_ITEMS} ${of}`);
  }
}

/** Yields whether the value is an object of JSON. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= MAX_TEXT;
}

function isLabel(value: unknown): value is ContentType {
  return isText(value) || (typeof value === "number" && Number.isSafeInteger(value));
}

function isContentType(value: unknown): value is ContentType {
  return typeof value === "string"
    ? /^[^\s;/]+\/[^\s;/]+$/.test(value)
    : isLabel(value) && Number(value) >= 0;
}

/** Yields a text as messages show it: quoted, and cut when it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

/** Yields labels as messages show them; of many, the first. */
export function listed(labels: readonly ContentType[]): string {
  const shown = labels
    .slice(0, 10)
    .map((label) => (typeof label === "string" ? quote(label) : label));
  return `${shown.join(", ")}${labels.length > shown.length ? ` and ${labels.length - shown.length} more` : ""}`;
}
