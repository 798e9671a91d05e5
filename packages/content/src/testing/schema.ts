import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

import { parseCddl, type CddlRules } from "./cddl.js";

const FOLDER = resolve(import.meta.dirname, "../../../../docs/formats/content");

/** Yields the text of a file in the folder of formats. */
export function formatText(name: string): string {
  return readFileSync(resolve(FOLDER, name), "utf8");
}

/** Yields the published JSON Schema of a format. */
export function schemaOf(name: string): ValidateFunction {
  const ajv = new Ajv2020({ strictRequired: false, strictTypes: false, strictTuples: false });
  return ajv.compile(JSON.parse(formatText(`${name}.schema.json`)) as object);
}

/** Yields the published CDDL of a format. */
export function cddlOf(name: string): CddlRules {
  return parseCddl(formatText(`${name}.cddl`));
}
