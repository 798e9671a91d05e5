import { MENTION_KINDS, MENTION_ROLES } from "@tallystick/content";
import { ASK_OUTCOMES } from "@tallystick/witness";

import type { Schema } from "./route.js";

const ENTRY_ID: Schema = { type: "string", pattern: "^[0-9a-f]{64}$" };
export const COUNT: Schema = { type: "integer", minimum: 0 };
const TEXT: Schema = { type: "string" };

export function record(
  properties: Readonly<Record<string, Schema>>,
  optional: readonly string[] = [],
): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, required, additionalProperties: false };
}

/** A problem as JSON would write it; it goes over the wire as CBOR, with integers for names. */
export const PROBLEM_SCHEMA: Schema = {
  description:
    "Concise problem details (RFC 9290), a CBOR map: title (-1), detail (-2), instance (-3).",
  ...record({ "-1": TEXT, "-2": TEXT, "-3": { type: "string", format: "uri-reference" } }, ["-3"]),
};

const PASS = record({ ageSeconds: { type: ["integer", "null"], minimum: 0 }, verified: COUNT });

const WITNESSES: Schema = record({
  mode: { enum: ["preferred", "required"] },
  quorum: record({ size: COUNT, ageSeconds: { type: ["integer", "null"], minimum: 0 } }),
  witnesses: {
    type: "array",
    items: record({
      name: TEXT,
      outcome: { enum: [...ASK_OUTCOMES, null] },
      cosigned: { ...record({ size: COUNT, time: COUNT }), type: ["object", "null"] },
    }),
  },
});

const HELD: Schema = {
  description: "What a quorum of witnesses claims, beside any other reason.",
  ...TEXT,
};

export const HEALTH: Schema = record(
  {
    status: { enum: ["ok", "held", "read-only", "unavailable"] },
    size: COUNT,
    time: COUNT,
    scrub: record({ tree: PASS, bodies: PASS, errors: COUNT, suspicions: COUNT }),
    witnesses: WITNESSES,
    held: HELD,
    code: TEXT,
    reason: TEXT,
  },
  ["scrub", "witnesses", "held", "code", "reason"],
);

export const POLICY: Schema = { type: "object" };

export const POLICY_IN_FORCE: Schema = record({
  entryId: ENTRY_ID,
  index: COUNT,
  policy: POLICY,
  proposals: {
    type: "array",
    items: record({
      entryId: ENTRY_ID,
      index: COUNT,
      approvers: { type: "array", items: TEXT },
      policy: POLICY,
    }),
  },
});

const FOUND_MENTIONS: Schema = {
  description: "What was looked for in what statements speak of, and as what this one does.",
  type: "array",
  items: record({
    ...{ kind: { type: "string", enum: MENTION_KINDS }, value: TEXT },
    as: { type: "array", items: { type: "string", enum: ["payload", ...MENTION_ROLES] } },
  }),
};

export const SEARCH: Schema = record(
  {
    size: { description: "How many entries were searched.", ...COUNT },
    hits: {
      type: "array",
      items: record(
        {
          ...{ index: COUNT, entryId: ENTRY_ID, time: COUNT, issuer: TEXT, payload: TEXT },
          subject: { type: ["string", "null"] },
          contentType: { type: ["string", "null"] },
          mentions: FOUND_MENTIONS,
        },
        ["mentions"],
      ),
    },
    next: {
      description: "Where the next page begins, as from; null behind the last one.",
      ...{ type: ["integer", "null"], minimum: 0 },
    },
    partial: {
      description: "Entries that may be hits too: not all that they speak of could be listed.",
      ...{ type: "array", items: record({ index: COUNT, entryId: ENTRY_ID }) },
    },
    nextPartial: {
      description: "From where a query names the others of these; null where there are no others.",
      ...{ type: ["integer", "null"], minimum: 0 },
    },
  },
  ["partial", "nextPartial"],
);

export const VERSION_SCHEMA: Schema = record(
  {
    ...{ name: { const: "tallystick" }, version: TEXT, api: TEXT, issuer: TEXT, origin: TEXT },
    note: { ...TEXT, description: "The key of its notes, a vkey of C2SP signed-note." },
  },
  ["note"],
);

export const HOME: Schema = record(
  {
    ...{ name: { const: "tallystick" }, version: TEXT, issuer: TEXT, origin: TEXT },
    ...{ size: COUNT, time: COUNT },
    age: { description: "Seconds since the newest checkpoint.", ...COUNT },
    state: record(
      {
        status: { enum: ["accepting", "no-space", "read-only", "frozen", "held", "unavailable"] },
        reason: TEXT,
        held: HELD,
      },
      ["reason", "held"],
    ),
    keys: {
      type: "array",
      items: record({ thumbprint: TEXT, status: { enum: ["current", "retired"] } }),
    },
    note: TEXT,
    links: { type: "object", additionalProperties: TEXT },
  },
  ["note"],
);

const ANY: Schema = { type: "object" };

export const SELF: Schema = {
  type: "object",
  properties: { openapi: TEXT, info: ANY, paths: ANY },
  required: ["openapi", "info", "paths"],
};

export const PARAMETERS: Readonly<Record<string, Schema>> = {
  id: { description: "An EntryID.", ...ENTRY_ID },
  kid: { description: "Unpadded base64url of a kid.", type: "string" },
  old: { description: "The older tree size.", type: "string", pattern: "^[1-9][0-9]*$" },
  new: { description: "The newer tree size.", type: "string", pattern: "^[1-9][0-9]*$" },
  size: {
    description: "A tree size, or latest for the newest one.",
    ...{ type: "string", pattern: "^([1-9][0-9]*|latest)$" },
  },
  tile: {
    description:
      "A tile of C2SP tlog-tiles, such as x001/x234/067.p/8, behind a level except for entries.",
    ...{ type: "string", pattern: "^[0-9x/]+(\\.p/[0-9]+)?$" },
  },
  bundle: {
    description: "Number of a bundle, from 0.",
    ...{ type: "string", pattern: "^(0|[1-9][0-9]*)$" },
  },
};

/** What may follow the question mark, for the resources that take a query. */
export const QUERY: Readonly<Record<string, Schema>> = {
  iss: { description: "The issuer.", ...TEXT },
  sub: { description: "The subject.", ...TEXT },
  type: { description: "The content type of the payload, or of what was hashed.", ...TEXT },
  payload: {
    description: "Digest of the payload: as a hash envelope has it, else SHA-256.",
    ...{ type: "string", pattern: "^([0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$" },
  },
  digest: {
    description: "A digest that statements speak of, also of their payload.",
    ...{ type: "string", pattern: "^(sha-?(256|384|512):)?[0-9a-f]{64,128}$" },
  },
  purl: {
    description: "A package URL, or what one begins with up to its version or its qualifiers.",
    ...{ type: "string", pattern: "^[pP][kK][gG]:." },
  },
  deviceClass: {
    description: "A class of devices: a UUID, an object identifier, hexadecimal, or a name.",
    ...TEXT,
  },
  vendor: { description: "A vendor or supplier, whatever the case of ASCII letters.", ...TEXT },
  product: { description: "A product or component, whatever the case.", ...TEXT },
  version: { description: "A version of firmware or of a component.", ...TEXT },
  since: { description: "Earliest time of registration, in seconds.", ...COUNT },
  until: { description: "Latest time of registration, in seconds.", ...COUNT },
  from: { description: "The first index that is looked at.", ...COUNT },
  before: { description: "The first index that is not any more.", ...COUNT },
  limit: { description: "Most hits of a page.", type: "integer", minimum: 1, maximum: 1000 },
};
