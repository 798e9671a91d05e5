import {
  COUNT,
  HEALTH,
  HOME,
  PARAMETERS,
  POLICY,
  POLICY_IN_FORCE,
  PROBLEM_SCHEMA,
  QUERY,
  SEARCH,
  SELF,
  VERSION_SCHEMA,
  record,
} from "./answer-schemas.js";
import { PROBLEM_MEDIA_TYPE } from "./problem.js";
import type { Method, Operation, Outcome, Schema } from "./route.js";

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

/** The same, of an entry, size or number that may not be in a valid form. */
const TAGGED = { headers: ["ETag"], others: { ...CONDITIONAL.others, ...INVALID } } as const;

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
  /** Headers that a 200 may have. */
  readonly mayHave?: readonly string[];
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
  const { id, summary, schema, headers = [], mayHave = [], others = {}, query = [] } = told;
  const good: Outcome = { description: summary, headers, mayHave, ...(schema && { schema }) };
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
    ...{ headers: TAGGED.headers, others: { 304: CONDITIONAL.others[304] } },
  }),
  "GET /.well-known/scitt-keys/:kid": read({
    ...{ id: "readKey", summary: "One key (SCRAPI)", ...CONDITIONAL },
  }),
  "GET /entries/:id/statement": read({
    ...{ id: "readTransparentStatement", summary: "The transparent statement", others: UNKNOWN },
  }),
  "GET /entries/:id/collateral": read({
    ...{ id: "readCollateral", summary: "What it was admitted with", ...TAGGED },
  }),
  "GET /statements/:id": read({
    ...{ id: "readStatement", summary: "The normalised statement", ...TAGGED },
  }),
  "GET /consistency/:old/:new": read({
    ...{ id: "readConsistency", summary: "A receipt of consistency", ...TAGGED },
  }),
  "GET /checkpoints/:size": read({
    ...{ id: "readCheckpoint", summary: "The chain record of a checkpoint" },
    // The latest one is not to be kept.
    ...{ mayHave: TAGGED.headers, others: TAGGED.others },
  }),
  "GET /checkpoint": read({
    ...{ id: "readNewestNote", summary: "The newest checkpoint as a signed note", ...CONDITIONAL },
  }),
  "GET /notes/:size": read({
    ...{ id: "readNote", summary: "A checkpoint as a signed note", ...TAGGED },
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
    ...TAGGED,
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
