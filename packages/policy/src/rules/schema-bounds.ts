import { isRecord, quote } from "./parameters.js";

/** Largest schema, in characters of JSON. */
const MAX_SCHEMA_LENGTH = 65_536;
/** Most subschemas with every reference written out. */
const MAX_EXPANDED = 2000;
const MAX_DEPTH = 32;
/** Longest list whose items may be wanted to be unique: each is compared with each. */
const MAX_UNIQUE = 1024;

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/** Keywords with a subschema, with a list of them, and with an object of them. */
const ONE: ReadonlySet<string> = new Set([
  ...["items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else"],
  ...["unevaluatedItems", "unevaluatedProperties"],
]);
const SEVERAL: ReadonlySet<string> = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const NAMED: ReadonlySet<string> = new Set(["properties", "patternProperties", "dependentSchemas"]);
const DEFINITIONS: ReadonlySet<string> = new Set(["$defs", "definitions"]);

/** Keywords that load, name or name anew a schema, and what could not be replayed or bounded. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  ...["$async", "$id", "id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef"],
  ...["$recursiveAnchor", "$vocabulary", "$data"],
]);

type Refuse = (message: string) => Error;
type Schema = Readonly<Record<string, unknown>>;

/**
 * Yields the schema once the work it can cause is bounded: it refers to its own definitions alone
 * and not in circles, and comes to few subschemas when the references are written out.
 */
export function requireBounded(schema: unknown, refuse: Refuse): Schema {
  if (!isRecord(schema)) throw refuse("is not an object");
  const { length } = JSON.stringify(schema);
  if (length > MAX_SCHEMA_LENGTH) {
    throw refuse(`has ${length} characters, want ${MAX_SCHEMA_LENGTH} at most`);
  }
  const walk = new Walk(schema, refuse);
  walk.visit(schema, 1);
  return schema;
}

class Walk {
  readonly #root: Schema;
  readonly #refuse: Refuse;
  readonly #open = new Set<string>();
  #count = 0;

  constructor(root: Schema, refuse: Refuse) {
    this.#root = root;
    this.#refuse = refuse;
  }

  visit(schema: unknown, depth: number): void {
    this.#count++;
    if (this.#count > MAX_EXPANDED) {
      throw this.#refuse(`comes to more than ${MAX_EXPANDED} subschemas`);
    }
    if (depth > MAX_DEPTH) throw this.#refuse(`nests more than ${MAX_DEPTH} deep`);
    // Anything else that is no schema is for the library to refuse.
    if (!isRecord(schema)) return;
    this.#requireUnique(schema);
    for (const [keyword, value] of Object.entries(schema))
      this.#visitKeyword(keyword, value, depth);
  }

  #visitKeyword(keyword: string, value: unknown, depth: number): void {
    if (FORBIDDEN.has(keyword))
      throw this.#refuse(`has the keyword ${keyword}, which is not taken`);
    if (keyword === "$schema" && value !== DIALECT) {
      throw this.#refuse(`is of another dialect than ${DIALECT}`);
    }
    if (keyword === "$ref") this.#follow(value, depth);
    else if (ONE.has(keyword)) this.visit(value, depth + 1);
    else if (SEVERAL.has(keyword) && Array.isArray(value)) {
      for (const item of value as readonly unknown[]) this.visit(item, depth + 1);
    } else if ((NAMED.has(keyword) || DEFINITIONS.has(keyword)) && isRecord(value)) {
      for (const item of Object.values(value)) this.visit(item, depth + 1);
    }
  }

  #follow(reference: unknown, depth: number): void {
    const [, keyword, name] =
      /^#\/(\$defs|definitions)\/([A-Za-z0-9._-]+)$/.exec(String(reference)) ?? [];
    const definitions = keyword === undefined ? undefined : this.#root[keyword];
    if (name === undefined || !isRecord(definitions) || !Object.hasOwn(definitions, name)) {
      throw this.#refuse(`refers to ${quote(String(reference))}, want one of its own $defs`);
    }
    const key = `${keyword ?? ""}/${name}`;
    if (this.#open.has(key)) throw this.#refuse(`refers to ${quote(key)} in a circle`);
    this.#open.add(key);
    this.visit(definitions[name], depth + 1);
    this.#open.delete(key);
  }

  #requireUnique({ uniqueItems, maxItems }: Schema): void {
    if (uniqueItems !== true) return;
    if (typeof maxItems === "number" && maxItems <= MAX_UNIQUE) return;
    throw this.#refuse(`has uniqueItems without maxItems of at most ${MAX_UNIQUE}`);
  }
}
