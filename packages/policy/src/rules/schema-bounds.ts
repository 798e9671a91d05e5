import { isRecord, quote } from "./parameters.js";
import { MAX_UNIQUE, SchemaWeights, partsOf } from "./schema-cost.js";

/** Largest schema, in characters of JSON. */
const MAX_SCHEMA_LENGTH = 65_536;
/** Most subschemas with every reference written out. */
const MAX_EXPANDED = 2000;
const MAX_DEPTH = 32;
/** Most parts of the values of `enum` and `const`, with every reference written out. */
const MAX_LISTED = 2000;

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/** Keywords with a subschema, with a list of them, and with an object of them. */
const ONE: ReadonlySet<string> = new Set([
  ...["items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else"],
  ...["unevaluatedItems", "unevaluatedProperties"],
]);
const SEVERAL: ReadonlySet<string> = new Set(["allOf", "anyOf", "oneOf", "prefixItems"]);
const NAMED: ReadonlySet<string> = new Set(["properties", "patternProperties", "dependentSchemas"]);
/** Those that apply to what the value contains, and not to the value itself. */
const INSIDE: ReadonlySet<string> = new Set([
  ...["items", "contains", "additionalProperties", "propertyNames", "unevaluatedItems"],
  ...["unevaluatedProperties", "prefixItems", "properties", "patternProperties"],
]);
const DEFINITIONS: ReadonlySet<string> = new Set(["$defs", "definitions"]);

/** Keywords that load, name or name anew a schema, and what could not be replayed or bounded. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  ...["$async", "$id", "id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef"],
  ...["$recursiveAnchor", "$vocabulary", "$data"],
]);

type Refuse = (message: string) => Error;
type Schema = Readonly<Record<string, unknown>>;

/** A schema whose work is bounded, and how much there is of it at each depth of a payload. */
export interface BoundedSchema {
  readonly schema: Schema;
  readonly weights: SchemaWeights;
  /** With every reference written out. */
  readonly subschemas: number;
}

/** Where a subschema stands. */
interface Place {
  /** How deep in the schema. */
  readonly depth: number;
  /** How deep in a payload lies what it applies to; left out in definitions, which do not apply. */
  readonly level?: number;
}

/**
 * Yields the schema once the work it can cause is bounded: it refers to its own definitions alone
 * and not in circles, and comes to few subschemas and listed values when the references are written out.
 */
export function requireBounded(schema: unknown, refuse: Refuse): BoundedSchema {
  if (!isRecord(schema)) throw refuse("is not an object");
  const { length } = JSON.stringify(schema);
  if (length > MAX_SCHEMA_LENGTH) {
    throw refuse(`has ${length} characters, want ${MAX_SCHEMA_LENGTH} at most`);
  }
  const walk = new Walk(schema, refuse);
  walk.visit(schema, { depth: 1, level: 0 });
  return { schema, weights: walk.weights, subschemas: walk.count };
}

class Walk {
  readonly #root: Schema;
  readonly #refuse: Refuse;
  readonly #open = new Set<string>();
  readonly weights = new SchemaWeights();
  // Owned by visit.
  #count = 0;
  #listed = 0;

  constructor(root: Schema, refuse: Refuse) {
    this.#root = root;
    this.#refuse = refuse;
  }

  /** Subschemas so far. */
  get count(): number {
    return this.#count;
  }

  visit(schema: unknown, place: Place): void {
    this.#count++;
    if (this.#count > MAX_EXPANDED) {
      throw this.#refuse(`comes to more than ${MAX_EXPANDED} subschemas`);
    }
    if (place.depth > MAX_DEPTH) throw this.#refuse(`nests more than ${MAX_DEPTH} deep`);
    this.#weigh(place, 1);
    // Anything else that is no schema is for the library to refuse.
    if (!isRecord(schema)) return;
    this.#requireUnique(schema);
    if (schema["uniqueItems"] === true && place.level !== undefined) {
      this.weights.addUnique(place.level);
    }
    for (const [keyword, value] of Object.entries(schema)) {
      this.#visitKeyword(keyword, value, place);
    }
  }

  #visitKeyword(keyword: string, value: unknown, place: Place): void {
    if (FORBIDDEN.has(keyword))
      throw this.#refuse(`has the keyword ${keyword}, which is not taken`);
    if (keyword === "$schema" && value !== DIALECT) {
      throw this.#refuse(`is of another dialect than ${DIALECT}`);
    }
    this.#weighKeyword(keyword, value, place);
    if (keyword === "$ref") this.#follow(value, place);
    else if (ONE.has(keyword)) this.visit(value, inside(keyword, place));
    else if (SEVERAL.has(keyword) && Array.isArray(value)) {
      for (const item of value as readonly unknown[]) this.visit(item, inside(keyword, place));
    } else if ((NAMED.has(keyword) || DEFINITIONS.has(keyword)) && isRecord(value)) {
      for (const item of Object.values(value)) this.visit(item, inside(keyword, place));
    }
  }

  // Every name and every listed value that one value is compared with counts, in whole; other keywords
  // may count what is in it.
  #weighKeyword(keyword: string, value: unknown, place: Place): void {
    if (place.level === undefined || DEFINITIONS.has(keyword)) return;
    if (keyword === "enum" || keyword === "const") {
      const parts = partsOf(value) - (keyword === "enum" ? 1 : 0);
      this.#listed += parts;
      if (this.#listed > MAX_LISTED) {
        throw this.#refuse(`comes to more than ${MAX_LISTED} values in enum and const`);
      }
      this.#weigh(place, parts, 0);
    } else if (keyword === "required" || keyword === "dependentRequired") {
      this.#weigh(place, partsOf(value), 0);
    } else if (SEVERAL.has(keyword) || NAMED.has(keyword)) {
      this.#weigh(place, 1 + Object.keys(Object(value) as object).length);
    } else this.#weigh(place, 1);
  }

  #weigh({ level }: Place, weight: number, inner = 1): void {
    if (level !== undefined) this.weights.add(level, weight, inner);
  }

  #follow(reference: unknown, place: Place): void {
    const [, keyword, name] =
      /^#\/(\$defs|definitions)\/([A-Za-z0-9._-]+)$/.exec(String(reference)) ?? [];
    const definitions = keyword === undefined ? undefined : this.#root[keyword];
    if (name === undefined || !isRecord(definitions) || !Object.hasOwn(definitions, name)) {
      throw this.#refuse(`refers to ${quote(String(reference))}, want one of its own $defs`);
    }
    const key = `${keyword ?? ""}/${name}`;
    if (this.#open.has(key)) throw this.#refuse(`refers to ${quote(key)} in a circle`);
    this.#open.add(key);
    this.visit(definitions[name], { ...place, depth: place.depth + 1 });
    this.#open.delete(key);
  }

  #requireUnique({ uniqueItems, maxItems }: Schema): void {
    if (uniqueItems !== true) return;
    if (typeof maxItems === "number" && maxItems <= MAX_UNIQUE) return;
    throw this.#refuse(`has uniqueItems without maxItems of at most ${MAX_UNIQUE}`);
  }
}

function inside(keyword: string, { depth, level }: Place): Place {
  if (level === undefined || DEFINITIONS.has(keyword)) return { depth: depth + 1 };
  return { depth: depth + 1, level: INSIDE.has(keyword) ? level + 1 : level };
}
