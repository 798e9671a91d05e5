/**
 * Whether bills of materials are as their formats' schemas have it. Apart from the rest of the
 * package, since the schemas are large, and are read from files.
 *
 * @packageDocumentation
 */
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";

import { isJsonObject, parseStrictJson, type Json } from "./json.js";
import { completeLimits, type ContentLimits } from "./limits.js";
import { checkSpdx2 } from "./sbom/spdx-schema.js";
import { checkSpdx3 } from "./sbom/spdx3-schema.js";
import { looksLikeUswid, readContainers } from "./uswid.js";

/**
 * Elements of one list. Schemas demand that no two of a list are equal, so that the time to check
 * one grows with its square.
 */
export const MAX_LIST_ELEMENTS = 2048;

/** Characters of all e-mail addresses of one document: to parse one takes time by its square. */
export const MAX_EMAIL_CHARACTERS = 4096;

/** Characters of one address: 64 before its sign, 255 behind it (RFC 5321 §4.5.3.1). */
const MAX_EMAIL = 320;

const VERSIONS: ReadonlyMap<string, Spec.Version> = new Map([
  ["1.4", Spec.Version.v1dot4],
  ["1.5", Spec.Version.v1dot5],
  ["1.6", Spec.Version.v1dot6],
  ["1.7", Spec.Version.v1dot7],
]);

/** Characters of a place in a document, and of what is said of it, which its author chooses. */
const MAX_REASON = 256;

/** A schema is compiled when the first document of its version comes, which takes half a second. */
const VALIDATORS = new Map<Spec.Version, Promise<Validation.JsonStrictValidator>>();

/** Which schema a bill of materials says that it follows. */
export interface BomFormat {
  readonly kind: "cyclonedx" | "spdx";
  /** As the document states it. */
  readonly specVersion: string;
}

/**
 * Yields why a bill of materials is not as the schema of its version has it, in the words of the
 * schema and by the place in the document; `undefined` for one that is. CycloneDX is held against
 * its published strict schema; SPDX against what its specification makes mandatory, and whether what
 * the document refers to inside of itself is there.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED` for what is no strict JSON
 */
export async function checkBomSchema(
  payload: Uint8Array,
  { kind, specVersion }: BomFormat,
  limits?: Partial<ContentLimits>,
): Promise<string | undefined> {
  const document = looksLikeUswid(payload) ? readContainers(payload)[0]?.payload : payload;
  const value = parseStrictJson(document ?? payload, completeLimits(limits), "the payload");
  const costly = costlyPart(value);
  if (costly !== undefined) return costly;
  if (kind === "spdx") {
    return specVersion.startsWith("3.") ? checkSpdx3(value) : checkSpdx2(value);
  }
  const version = VERSIONS.get(specVersion);
  if (version === undefined) {
    return `there is no schema of CycloneDX ${specVersion.slice(0, 32)} here`;
  }
  const validator = await validatorOf(version);
  return problemIn(await validator.validate(new TextDecoder().decode(document)));
}

/** Yields the one validator of a version, whoever else waits for it. */
function validatorOf(version: Spec.Version): Promise<Validation.JsonStrictValidator> {
  const known = VALIDATORS.get(version);
  if (known !== undefined) return known;
  const validator = compiled(version).catch((error: unknown) => {
    VALIDATORS.delete(version);
    throw error;
  });
  VALIDATORS.set(version, validator);
  return validator;
}

/** The library compiles at the first document, and anew for all that come before it is done. */
async function compiled(version: Spec.Version): Promise<Validation.JsonStrictValidator> {
  const validator = new Validation.JsonStrictValidator(version);
  await validator.validate("{}");
  return validator;
}

/**
 * Yields what a schema would take too long to hold against its document. Of the formats in the
 * schemas, that of addresses alone takes more than a time by the length.
 */
function costlyPart(root: Json): string | undefined {
  const open: (readonly [value: Json, path: string])[] = [[root, ""]];
  let left = MAX_EMAIL_CHARACTERS;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, path] = next;
    if (Array.isArray(value)) {
      const list = value as readonly Json[];
      if (list.length > MAX_LIST_ELEMENTS) {
        return `${path} has ${list.length} elements, of which ${MAX_LIST_ELEMENTS} are checked at most`;
      }
      for (const inner of list) open.push([inner, path]);
    } else if (isJsonObject(value)) {
      for (const [name, inner] of Object.entries(value)) {
        open.push([inner, `${path}/${name}`.slice(0, MAX_REASON)]);
        if (name !== "email" || typeof inner !== "string") continue;
        if (inner.length > MAX_EMAIL) return `${path}/email has more than ${MAX_EMAIL} characters`;
        // One more, for an empty one takes its time too.
        left -= inner.length + 1;
        if (left < 0) return `e-mail addresses have more than ${MAX_EMAIL_CHARACTERS} characters`;
      }
    }
  }
  return undefined;
}

/** Yields the first of the problems that a validator of JSON Schema tells of. */
function problemIn(problems: unknown): string | undefined {
  if (problems === null) return undefined;
  const [first] = Array.isArray(problems) ? (problems as readonly unknown[]) : [];
  const { instancePath, message } = Object(first) as Readonly<Record<string, unknown>>;
  const where = typeof instancePath === "string" && instancePath !== "" ? instancePath : "the root";
  const why = typeof message === "string" ? message : "is not as the schema has it";
  return `${where.slice(0, MAX_REASON)} ${why.slice(0, MAX_REASON)}`;
}
