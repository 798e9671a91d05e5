/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [name: string]: Json;
}

/** One file of test-vectors: a behaviour, and what has to come of it. */
export interface Vector {
  readonly description: string;
  readonly spec: string;
  /** `ok`, or the one error code that has to be thrown. */
  readonly expect: string;
  readonly input: JsonObject;
  /** What comes of it when `expect` is `ok`, else null. */
  readonly output: JsonObject | null;
}

/** How the vectors of one folder are run. */
export interface Kind {
  /** The fields that every input has. */
  readonly required: readonly string[];
  /** The fields that an input may have. */
  readonly optional: readonly string[];
  /** Yields the output, or throws what the package throws. */
  readonly run: (input: JsonObject) => JsonObject | Promise<JsonObject>;
}

const FIELDS = ["description", "expect", "input", "output", "spec"];

/** Yields the vector in a JSON text; an unknown or missing field is an error. */
export function parseVector(text: string): Vector {
  const value = JSON.parse(text) as Partial<Vector>;
  const fields = Object.keys(value).sort();
  if (fields.join() !== FIELDS.join()) {
    throw new Error(`fields ${fields.join(", ")}, want ${FIELDS.join(", ")}`);
  }
  return value as Vector;
}

/** Refuses an input that has not exactly the fields of its kind. */
export function requireFields(input: JsonObject, kind: Kind): void {
  const fields = Object.keys(input);
  const missing = kind.required.filter((field) => !fields.includes(field));
  const known = [...kind.required, ...kind.optional];
  const unknown = fields.filter((field) => !known.includes(field));
  if (missing.length > 0) throw new Error(`input without ${missing.join(", ")}`);
  if (unknown.length > 0) throw new Error(`input with unknown ${unknown.join(", ")}`);
}

/** The number in a field. */
export function numberAt(input: JsonObject, field: string): number {
  const value = input[field];
  if (typeof value !== "number") throw new Error(`${field} is not a number`);
  return value;
}

/** The text in a field. */
export function textAt(input: JsonObject, field: string): string {
  const value = input[field];
  if (typeof value !== "string") throw new Error(`${field} is not text`);
  return value;
}

/** The bytes in a field of lower-case hex. */
export function bytesAt(input: JsonObject, field: string): Uint8Array {
  return parseHex(input[field], field);
}

/** The list of bytes in a field. */
export function bytesListAt(input: JsonObject, field: string): readonly Uint8Array[] {
  const value = input[field];
  if (!Array.isArray(value)) throw new Error(`${field} is not a list`);
  return (value as readonly Json[]).map((entry) => parseHex(entry, field));
}

function parseHex(value: Json | undefined, field: string): Uint8Array {
  if (typeof value !== "string" || !/^(?:[0-9a-f]{2})*$/.test(value)) {
    throw new Error(`${field} is not lower-case hex`);
  }
  return new Uint8Array(Buffer.from(value, "hex"));
}

/** Bytes as lower-case hex. */
export function formatHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
