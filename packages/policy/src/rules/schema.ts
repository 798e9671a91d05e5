import { Ajv2020 } from "ajv/dist/2020.js";
import type { ErrorObject, ValidateFunction } from "ajv/dist/2020.js";

import { Meter } from "../cel/meter.js";
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
    return ({ statement, payload }) => {
      if (!concerns(types, statement)) return undefined;
      if (payload.problem !== undefined) return `the payload cannot be read: ${payload.problem}`;
      if (payload.json === undefined) return "the payload is CBOR, want JSON for the schema";
      return schema(payload.json);
    };
  },
};

type Refuse = (message: string, cause?: unknown) => Error;

/** Yields a function that says what is wrong with a value of JSON. */
function compileSchema(schema: unknown, refuse: Refuse): (json: unknown) => string | undefined {
  const bounded = requireBounded(schema, refuse);
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
    const ajv = new Ajv2020({ strict: true, allErrors: false, logger: false, code: { regExp } });
    check = ajv.compile(bounded);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : "does not compile";
    throw refuse(`is no JSON Schema to be used: ${message.slice(0, 300)}`, cause);
  }
  return (json) => {
    meter = new Meter();
    try {
      return check(json) ? undefined : problemOf(check.errors?.[0]);
    } catch (error) {
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
