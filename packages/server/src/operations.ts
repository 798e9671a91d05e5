import { MENTION_KINDS, MENTION_ROLES } from "@tallystick/content";

import { PROBLEM_MEDIA_TYPE } from "./problem.js";
import type { Method, Operation, Outcome, Schema } from "./route.js";

const ENTRY_ID: Schema = { type: "string", pattern: "^[0-9a-f]{64}$" };
const COUNT: Schema = { type: "integer", minimum: 0 };
const TEXT: Schema = { type: "string" };

function record(
  properties: Readonly<Record<string, Schema>>,
  optional: readonly string[] = [],
): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, required, additionalProperties: false };
}

/** A problem as JSON would write it; it goes over the wire as CBOR, with integers for names. */
const PROBLEM_SCHEMA: Schema = {
  description:
    "Concise problem details (RFC 9290), a CBOR map: title (-1), detail (-2), instance (-3).",
  ...record({ "-1": TEXT, "-2": TEXT, "-3": { type: "string", format: "uri-reference" } }, ["-3"]),
};

const PASS = record({ ageSeconds: { type: ["integer", "null"], minimum: 0 }, verified: COUNT });

const HEALTH: Schema = record(
  {
    status: { enum: ["ok", "read-only", "unavailable"] },
    size: COUNT,
    time: COUNT,
    scrub: record({ tree: PASS, bodies: PASS, errors: COUNT, suspicions: COUNT }),
    code: TEXT,
    reason: TEXT,
  },
  ["scrub", "code", "reason"],
);

const POLICY: Schema = { type: "object" };

const POLICY_IN_FORCE: Schema = record({
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

const SEARCH: Schema = record(
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

const VERSION_SCHEMA: Schema = record(
  {
    ...{ name: { const: "tallystick" }, version: TEXT, api: TEXT, issuer: TEXT, origin: TEXT },
    note: { ...TEXT, description: "The key of its notes, a vkey of C2SP signed-note." },
  },
  ["note"],
);

const HOME: Schema = record(
  {
    ...{ name: { const: "tallystick" }, version: TEXT, issuer: TEXT, origin: TEXT },
    ...{ size: COUNT, time: COUNT },
    age: { description: "Seconds since the newest checkpoint.", ...COUNT },
    state: record(
      {
        status: { enum: ["accepting", "no-space", "read-only", "frozen", "unavailable"] },
        reason: TEXT,
      },
      ["reason"],
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

const SELF: Schema = {
  type: "object",
  properties: { openapi: TEXT, info: ANY, paths: ANY },
  required: ["openapi", "info", "paths"],
};

const PARAMETERS: Readonly<Record<string, Schema>> = {
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

function problem(description: string, ...headers: readonly string[]): Outcome {
  return { description, type: PROBLEM_MEDIA_TYPE, schema: PROBLEM_SCHEMA, headers };
}

const INVALID = { 400: problem("A parameter, or the request, is not in a valid form.") };
const MISSING = { 404: problem("There is none.") };
const UNKNOWN = { ...INVALID, ...MISSING };

/** What a read may come to whose answer has a tag. */
const CONDITIONAL = {
  headers: ["ETag"],
  others: {
    304: { description: "The reader has it.", type: null, headers: ["ETag"] },
    ...MISSING,
  },
} as const;

type Outcomes = Readonly<Record<number, Outcome>>;

/** What any request may come to, whatever it is for. */
const ANYWHERE: Outcomes = {
  400: problem("The request is not in a valid form."),
  401: problem(
    "No credential where the operator asks for one, or a wrong one.",
    "WWW-Authenticate",
  ),
  406: problem("The answer is not to be had in an accepted type."),
  417: problem("The request expects what the service does not do."),
  500: problem("The service failed."),
};

/** What any request may come to that is not a supervisor's probe. */
const GATED: Outcomes = {
  429: problem("The client sends more requests than it may.", "Retry-After"),
  503: problem("Too many requests are under way, or the service starts or stops.", "Retry-After"),
};

/** What any request with a body may come to. */
const POSTED: Outcomes = {
  403: problem("The credential does not include registering."),
  415: problem("The body is of another type, or compressed."),
};

interface Told {
  readonly id: string;
  readonly summary: string;
  readonly schema?: Schema;
  /** Headers of a 200. */
  readonly headers?: readonly string[];
  readonly others?: Outcomes;
  /** Names in {@link QUERY} that it takes. */
  readonly query?: readonly string[];
}

function read(told: Told): Operation {
  return made(told, { ...ANYWHERE, ...GATED });
}

function probe(told: Told): Operation {
  return made(told, ANYWHERE);
}

function made(told: Told, common: Outcomes): Operation {
  const { id, summary, schema, headers = [], others = {}, query = [] } = told;
  const good: Outcome = { description: summary, headers, ...(schema && { schema }) };
  return { id, summary, query, outcomes: { 200: good, ...common, ...others } };
}

const REGISTER: Operation = {
  id: "registerStatement",
  summary: "Register a Signed Statement (SCRAPI)",
  outcomes: {
    ...ANYWHERE,
    ...GATED,
    ...POSTED,
    201: { description: "Registered; the body is the receipt.", headers: ["Location"] },
    202: {
      description: "Accepted: the receipt will be at Location. Asked for by Prefer: respond-async.",
      type: null,
      headers: ["Location", "Retry-After"],
      mayHave: ["Preference-Applied"],
    },
    400: problem("Malformed, or not accepted."),
    408: problem("The body did not arrive in time."),
    413: problem("The statement, or the body, is too large."),
    503: {
      ...problem("Nothing can be registered now; without Retry-After, until an operator acts."),
      mayHave: ["Retry-After"],
    },
    507: problem("The disk is nearly full.", "Retry-After"),
  },
};

const BATCH: Operation = {
  id: "registerBatch",
  summary: "Register a CBOR sequence of Signed Statements; one result for each, in order",
  outcomes: {
    ...ANYWHERE,
    ...GATED,
    ...POSTED,
    200: { description: "A CBOR sequence of results.", headers: [] },
  },
};

const RECEIPT = read({
  id: "resolveReceipt",
  summary: "Resolve Receipt (SCRAPI): a receipt under the newest checkpoint",
  headers: ["Location"],
  others: {
    204: { description: "Still running.", type: null, headers: ["Retry-After"] },
    ...UNKNOWN,
  },
});

/** What each resource and method does and may answer. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  "POST /entries": REGISTER,
  "POST /batch": BATCH,
  "GET /entries/:id": RECEIPT,
  "GET /.well-known/scitt-keys": read({
    ...{ id: "readKeys", summary: "Transparency Service Keys (SCRAPI): a COSE Key Set" },
  }),
  "GET /.well-known/scitt-keys/:kid": read({
    ...{ id: "readKey", summary: "One key (SCRAPI)", others: MISSING },
  }),
  "GET /entries/:id/statement": read({
    ...{ id: "readTransparentStatement", summary: "The transparent statement", others: UNKNOWN },
  }),
  "GET /entries/:id/collateral": read({
    ...{ id: "readCollateral", summary: "What it was admitted with", others: UNKNOWN },
  }),
  "GET /statements/:id": read({
    ...{ id: "readStatement", summary: "The normalised statement", others: UNKNOWN },
  }),
  "GET /consistency/:old/:new": read({
    ...{ id: "readConsistency", summary: "A receipt of consistency", others: UNKNOWN },
  }),
  "GET /checkpoints/:size": read({
    ...{ id: "readCheckpoint", summary: "The chain record of a checkpoint", others: UNKNOWN },
  }),
  "GET /checkpoint": read({
    ...{ id: "readNewestNote", summary: "The newest checkpoint as a signed note", ...CONDITIONAL },
  }),
  "GET /notes/:size": read({
    ...{ id: "readNote", summary: "A checkpoint as a signed note", ...CONDITIONAL },
    others: { ...CONDITIONAL.others, ...INVALID },
  }),
  "GET /tile/*tile": read({
    ...{ id: "readTile", summary: "A tile of the tree (C2SP tlog-tiles)", ...CONDITIONAL },
  }),
  "GET /tile/entries/*tile": read({
    ...{ id: "readEntryBundle", summary: "An entry bundle (C2SP tlog-tiles)", ...CONDITIONAL },
  }),
  "GET /replay/entries/:bundle": read({
    ...{ id: "replayEntries", summary: "The entries of a bundle", others: UNKNOWN },
  }),
  "GET /replay/checkpoints/:bundle": read({
    ...{ id: "replayCheckpoints", summary: "The checkpoints of a bundle", others: UNKNOWN },
  }),
  "GET /search": read({
    ...{ id: "search", summary: "A page of what was found", schema: SEARCH, others: UNKNOWN },
    query: Object.keys(QUERY),
  }),
  "GET /search/proof": read({
    ...{ id: "proveCompleteness", summary: "All entries up to a committed size", others: UNKNOWN },
    query: ["iss", "sub"],
  }),
  "GET /": read({
    ...{ id: "readHome", summary: "What the service is; for browsers as a page", schema: HOME },
    headers: ["Vary"],
  }),
  "GET /policy": read({
    ...{ id: "readPolicy", summary: "The policy in force", schema: POLICY_IN_FORCE },
  }),
  "GET /policies/:id": read({
    ...{ id: "readPolicyDocument", summary: "The policy of a control entry", schema: POLICY },
    others: UNKNOWN,
  }),
  "GET /health": probe({
    ...{ id: "readHealth", summary: "Whether the process lives", schema: HEALTH },
    others: { 503: { description: "Nothing can be registered.", schema: HEALTH } },
  }),
  "GET /ready": probe({
    ...{ id: "readReady", summary: "Whether registrations are taken" },
    schema: record({ status: { const: "ready" }, size: COUNT }),
    others: { 503: problem("They are not, and why.", "Retry-After") },
  }),
  "GET /metrics": read({
    ...{ id: "readMetrics", summary: "Metrics for Prometheus" },
    others: { 403: problem("The credential does not include metrics.") },
  }),
  "GET /version": read({
    ...{ id: "readVersion", summary: "Who this is", schema: VERSION_SCHEMA },
  }),
  "GET /openapi.json": read({ id: "readOpenApi", summary: "This document", schema: SELF }),
};

/** Yields what a resource and method do; TypeError for one that nobody has described. */
export function operationOf(method: Method, path: string): Operation {
  const operation = OPERATIONS[`${method} ${path}`];
  if (operation === undefined) throw new TypeError(`${method} ${path} is not described`);
  return operation;
}

/** Yields what a path parameter has to be; TypeError for one that nobody has described. */
export function parameterSchema(name: string): Schema {
  const schema = PARAMETERS[name];
  if (schema === undefined) throw new TypeError(`the parameter ${name} is not described`);
  return schema;
}
