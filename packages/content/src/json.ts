import { parseJson } from "@tallystick/cose";

import { restating } from "./cause.js";
import { ContentError } from "./error.js";
import type { ContentLimits } from "./limits.js";

/** A value of JSON. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** An object of JSON. */
export interface JsonObject {
  readonly [name: string]: Json;
}

/** Names that lead out of an object in programs that copy members without care. */
const PROTOTYPE_NAMES: readonly string[] = ["__proto__", "constructor", "prototype"];

/**
 * Yields the value of a JSON text that every reader takes for the same.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`, also for a member that is there twice, a member
 * with the name of a prototype, and what passes a limit
 */
export function parseStrictJson(bytes: Uint8Array, limits: ContentLimits, what: string): Json {
  const value = restating("CONTENT_MALFORMED", what, () => parseJson(bytes, limits)) as Json;
  refusePrototypes(value, what);
  return value;
}

/** Yields whether the value is an object of JSON. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Yields the object's own member of that name. */
export function memberOf(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function refusePrototypes(root: Json, what: string): void {
  const open: Json[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== "object" || value === null) continue;
    for (const name of PROTOTYPE_NAMES) {
      if (!Array.isArray(value) && Object.hasOwn(value, name)) {
        throw new ContentError("CONTENT_MALFORMED", `${what} has a member named ${name}`);
      }
    }
    // Not spread into push(), whose arguments lie on the stack.
    for (const inner of Object.values(value) as readonly Json[]) open.push(inner);
  }
}
