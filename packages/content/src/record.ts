import { ContentError } from "./error.js";
import { isJsonObject, memberOf, type Json, type JsonObject } from "./json.js";

/** One object of a payload and its place there: what is not as it has to be is refused by place. */
export class JsonRecord {
  readonly path: string;
  readonly #object: JsonObject;

  private constructor(object: JsonObject, path: string) {
    this.#object = object;
    this.path = path;
  }

  /** @throws {@link ContentError} `CONTENT_STRUCTURE_INVALID` for anything but an object */
  static of(value: Json | undefined, path: string): JsonRecord {
    if (isJsonObject(value)) return new JsonRecord(value, path);
    throw invalid(path === "" ? "the payload" : path, "is not an object");
  }

  at(name: string): string {
    return this.path === "" ? name : `${this.path}.${name}`;
  }

  get(name: string): Json | undefined {
    return memberOf(this.#object, name);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name);
  }

  names(): readonly string[] {
    return Object.keys(this.#object);
  }

  record(name: string): JsonRecord {
    return JsonRecord.of(this.get(name), this.at(name));
  }

  /** Yields the text; `undefined` where there is no such member. */
  text(name: string): string | undefined {
    const value = this.get(name);
    if (value === undefined || typeof value === "string") return value;
    throw invalid(this.at(name), "is not a text");
  }

  requiredText(name: string, minLength = 0): string {
    const value = this.text(name);
    if (value === undefined) throw invalid(this.at(name), "is missing");
    if (value.length < minLength) throw invalid(this.at(name), "is empty");
    return value;
  }

  /** Yields the text; `undefined` where there is no such member or it is null. */
  nullableText(name: string): string | undefined {
    return this.get(name) === null ? undefined : this.text(name);
  }

  /** Yields the integer; `undefined` where there is no such member. */
  integer(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value)) return value;
    throw invalid(this.at(name), "is not an integer");
  }

  /** Yields the elements; `undefined` where there is no such member. */
  list(name: string): readonly Json[] | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    if (Array.isArray(value)) return value as readonly Json[];
    throw invalid(this.at(name), "is not a list");
  }

  /** Yields the elements, all of which are objects; none where there is no such member. */
  records(name: string): readonly JsonRecord[] {
    const list = this.list(name) ?? [];
    return list.map((item, i) => JsonRecord.of(item, `${this.at(name)}[${i}]`));
  }
}

/** Makes the refusal of what stands at a place. */
export function invalid(where: string, why: string): ContentError {
  return new ContentError("CONTENT_STRUCTURE_INVALID", `${where} ${why}`);
}
