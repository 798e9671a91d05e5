import { Ajv2020 } from "ajv/dist/2020.js";
import type { ErrorObject, ValidateFunction } from "ajv/dist/2020.js";

import { BudgetSpent, Meter } from "../cel/meter.js";
import { Pattern } from "../cel/pattern.js";
import { concerns } from "./content.js";
import type { ReadyRule } from "./ready.js";
import { requireBounded } from "./schema-bounds.js";

/** The payload is JSON that a JSON Schema (2020-12) takes. */
export const payloadSchema: ReadyRule = {
  parameters: ["contentTypes", "schema"],
  compile: (parameters) => {
    parameters.value("contentTypes");
    const types = parameters.contentTypes("contentTypes");
    const schema = compileSchema(parameters.value("schema"), (message, cause) =>
      parameters.malformed("schema", message, { cause }),
    );
    return ({ statement, payload }, meter) => {
      if (!concerns(types, statement)) return undefined;
      if (payload.problem !== undefined) return `the payload cannot be read: ${payload.problem}`;
      if (payload.json === undefined) return "the payload is CBOR, want JSON for the schema";
      return schema(payload.json, meter);
    };
  },
};

type Refuse = (message: string, cause?: unknown) => Error;

type CheckJson = (json: unknown, meter: Meter) => string | undefined;

/** Yields a function that says what is wrong with a value of JSON. */
function compileSchema(document: unknown, refuse: Refuse): CheckJson {
  const { schema, weights } = requireBounded(document, refuse);
  let meter = new Meter();
  // The host's regular expressions backtrack; a payload could make them take for ever.
  const regExp = Object.assign(
    (source: string) => {
      const pattern = Pattern.parse(source);
      return {
        // The library shares an engine between patterns whose text is the same.
        toString: (): string => source,
        test: (text: string): boolean => {
          meter.charge(pattern.costOn(text));
          return pattern.test(text);
        },
      };
    },
    { code: "" },
  );
  let check: ValidateFunction;
  try {
    check = new Ajv2020({
      strict: true,
      allErrors: false,
      logger: false,
      code: { regExp },
      // A member that every object inherits, such as toString, is not in the payload.
      ownProperties: true,
    }).compile(schema);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : "does not compile";
    throw refuse(`is no JSON Schema to be used: ${message.slice(0, 300)}`, cause);
  }
  return (json, shared) => {
    meter = shared;
    // Before it begins, for the compiled schema charges for nothing but patterns.
    meter.charge(weights.costOf(json), "the payload is too large for the schema");
    try {
      return check(json) ? undefined : problemOf(check.errors?.[0]);
    } catch (error) {
      if (error instanceof BudgetSpent) throw error;
      return `the payload cannot be compared with the schema: ${error instanceof Error ? error.message : "failed"}`;
    }
  };
}

function problemOf(error: ErrorObject | undefined): string {
  if (error === undefined) return "the payload does not follow the schema";
  const where =
    error.instancePath === "" ? "the payload" : `the payload at ${clip(error.instancePath)}`;
  return `${where} ${clip(error.message ?? "does not follow the schema")}`;
}

function clip(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
