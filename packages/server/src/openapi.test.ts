import { createHash } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Ajv2020 } from "ajv/dist/2020.js";
import { PrivateKey, decodeCborMap, encodeBase64url } from "@tallystick/cose";
import { MemoryAnchor, MemoryStore } from "@tallystick/log";
import { signPolicy } from "@tallystick/policy";
import request from "supertest";

import type { AccessOptions } from "./access.js";
import { createApp } from "./app.js";
import { markUnmet } from "./expectation.js";
import { Gate } from "./gate.js";
import { DEFAULT_LIMITS } from "./limits.js";
import { Metrics } from "./metrics.js";
import { operationOf, parameterSchema } from "./operations.js";
import { PROBLEM_MEDIA_TYPE } from "./problem.js";
import { Registrations } from "./registrations.js";
import { routesOf } from "./routes.js";
import { batchesUnderway } from "./routes/batch.js";
import { TransparencyService } from "./service.js";
import type { ServiceOptions } from "./service.js";
import { ISSUER, ORIGIN, TIME, fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";
import { bodyOf, bytes } from "./testing/wire.js";

interface Response {
  /** A reference to one that always comes, or what one that may come is. */
  readonly headers: Readonly<Record<string, { readonly $ref?: string }>>;
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
}

interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, Response>>;
}

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly headers: Readonly<Record<string, unknown>> };
}

type App = ReturnType<typeof createApp>;

const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
ajv.addFormat("uri-reference", (text: string) => URL.canParse(text, "http://a"));

let at: Fixture;
let app: App;
let document: Document;
let first: TransparencyService;
let genesis: Uint8Array;
let frozen: Fixture;
let full: TransparencyService;
let surplus: Uint8Array;
let closed: App;

async function alone(
  options: Partial<ServiceOptions> = {},
  operator?: PrivateKey,
): Promise<TransparencyService> {
  const signer = await PrivateKey.generate("ES256");
  const stored = { store: new MemoryStore(), anchor: new MemoryAnchor() };
  const named = { issuer: ISSUER, origin: ORIGIN, signer, now: () => TIME };
  return TransparencyService.create({ ...stored, ...named, ...options }, operator ?? signer);
}

/** A service without room for more, and a proposal that it would admit. */
async function crowded(): Promise<readonly [TransparencyService, Uint8Array]> {
  const operator = await PrivateKey.generate("ES256");
  const space = { floorBytes: 2, freeBytes: (): Promise<number> => Promise.resolve(1) };
  const service = await alone({ space }, operator);
  const { policy, entryId } = await service.policyInForce();
  const document = { ...policy.document, previous: entryId };
  return [service, await signPolicy(document, { issuer: ISSUER, issuedAt: TIME }, operator)];
}

const sha256 = new Uint8Array(createHash("sha256").update("weak").digest());
const ACCESS: AccessOptions = {
  tokens: () => [{ name: "weak", scopes: [], sha256 }],
  authReads: true,
};

beforeAll(async () => {
  at = await fixture();
  await at.service.register(await at.sign("logged"));
  await at.admitHeads();
  await at.service.commitHead();
  await at.service.searchSettled();
  app = createApp(at.service, { maxBodyBytes: 2000 });
  closed = createApp(at.service, { access: ACCESS });
  first = await alone();
  genesis = await first.log.entryAt(0);
  frozen = await fixture();
  await frozen.service.log.freeze("over");
  [full, surplus] = await crowded();
  const { text } = await request(app).get("/openapi.json");
  document = JSON.parse(text) as Document;
});

afterAll(async () => {
  for (const service of [at.service, first, frozen.service, full]) await service.close();
});

const operations = (): (readonly [method: string, path: string, operation: Operation])[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => [method.toUpperCase(), path, operation] as const,
    ),
  );

const documented = (): string[] =>
  operations().flatMap(([, , { operationId, responses }]) =>
    Object.keys(responses).map((status) => `${operationId} ${status}`),
  );

describe("the document", () => {
  test("has every route of the server, and no other", () => {
    const { service } = at;
    const metrics = new Metrics(service);
    const registrations = new Registrations({ service, metrics, limits: DEFAULT_LIMITS });
    const { writes } = new Gate(DEFAULT_LIMITS);
    const maxBytes = (): Promise<number> => Promise.resolve(1);
    const bounds = { budget: batchesUnderway(), underway: batchesUnderway() };
    const batches = { ...bounds, writes, maxBytes, itemTimeoutMs: 1 };
    const routes = routesOf({ service, metrics, registrations, batches });
    const served = routes.map(
      ({ method, path }) => `${method} ${path.replace(/[:*]([a-z]+)/g, "{$1}")}`,
    );
    expect(
      operations()
        .map(([method, path]) => `${method} ${path}`)
        .sort(),
    ).toEqual(served.sort());
    const ids = operations().map(([, , { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("is of OpenAPI 3.1, with headers that it explains and schemas that compile", () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    for (const [, , { responses }] of operations()) {
      for (const { headers, content = {} } of Object.values(responses)) {
        for (const { $ref } of Object.values(headers)) {
          if ($ref === undefined) continue;
          expect(document.components.headers).toHaveProperty([$ref.split("/").at(-1) ?? ""]);
        }
        for (const { schema } of Object.values(content)) if (schema) ajv.compile(schema);
      }
    }
  });

  test("names the address that it was asked at", async () => {
    const elsewhere = createApp(at.service, { publicUrl: "https://ts.example" });
    const { text } = await request(elsewhere).get("/openapi.json");
    expect(JSON.parse(text)).toEqual({ ...document, servers: [{ url: "https://ts.example" }] });
    const { text: here } = await request(app).get("/openapi.json").set("host", "a.example:1");
    expect(JSON.parse(here)).toMatchObject({ servers: [{ url: "http://a.example:1" }] });
  });

  test("cannot lack a route or a parameter: the server would not be made", () => {
    expect(() => operationOf("GET", "/new")).toThrow(TypeError);
    expect(() => parameterSchema("new-one")).toThrow(TypeError);
  });
});

interface Asked {
  readonly path: string;
  /** Entity tags that the reader has. */
  readonly known?: string;
  readonly app?: App;
  readonly statement?: Uint8Array;
  readonly type?: string;
  readonly accept?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Says that there is a body, and sends none. */
  readonly isWithheld?: boolean;
}

async function ask({ app: asked = app, path, ...rest }: Asked): Promise<request.Response> {
  const { statement, type = "application/cose", accept, token, known, headers = {} } = rest;
  const sent = bytes(statement ? request(asked).post(path) : request(asked).get(path));
  void sent.set(headers);
  if (accept !== undefined) void sent.set("accept", accept);
  if (known !== undefined) void sent.set("if-none-match", known);
  if (token !== undefined) void sent.set("authorization", `Bearer ${token}`);
  if (statement === undefined) return sent;
  void sent.set("content-type", type);
  if (rest.isWithheld === true) return sent.set("content-length", "9");
  return sent.send(Buffer.from(statement));
}

/** Paths that every operation can be asked at. */
const SAMPLES: Readonly<Record<string, string>> = {
  id: "0".repeat(64),
  kid: "AAAA",
  old: "1",
  new: "2",
  size: "latest",
  bundle: "0",
  tile: "0/000.p/1",
};

/** Requests by operation and status, beside those that every operation is asked. */
async function requests(): Promise<Readonly<Record<string, Asked>>> {
  const { service } = at;
  const { entryId } = await service.policyInForce();
  const statement = await at.sign("new");
  const [key] = service.keys;
  const kid = encodeBase64url(key?.thumbprint() ?? new Uint8Array());
  const none = "f".repeat(64);
  const body = await first.log.body(genesis);
  const single = createApp(first);
  const readOnly = createApp(frozen.service);
  const post = { path: "/entries", statement };
  const batch = { path: "/batch", statement, type: "application/cbor-seq" };
  const byId = (id: string, path: string): Readonly<Record<string, Asked>> => ({
    [`${id} 200`]: { path: path.replace("ID", entryId) },
    [`${id} 400`]: { path: path.replace("ID", "none") },
    [`${id} 404`]: { path: path.replace("ID", none) },
  });
  return {
    "registerStatement 201": post,
    "registerStatement 202": { path: "/entries", statement: body, app: single },
    "registerBatch 200": batch,
    "registerStatement 202 at once": {
      ...{ path: "/entries", statement: await at.sign("later") },
      headers: { prefer: "respond-async" },
    },
    "registerStatement 400": { path: "/entries", statement: Uint8Array.of(1) },
    "registerStatement 413": { path: "/entries", statement: new Uint8Array(2001) },
    "registerStatement 503": { ...post, app: readOnly },
    "registerStatement 507": { ...post, statement: surplus, app: createApp(full) },
    ...byId("resolveReceipt", "/entries/ID"),
    "resolveReceipt 204": { path: `/entries/${hex(genesis)}`, app: single },
    "readKeys 200": { path: "/.well-known/scitt-keys" },
    "readKey 200": { path: `/.well-known/scitt-keys/${kid}` },
    "readKey 404": { path: "/.well-known/scitt-keys/AAAA" },
    ...byId("readTransparentStatement", "/entries/ID/statement"),
    ...byId("readCollateral", "/entries/ID/collateral"),
    ...byId("readStatement", "/statements/ID"),
    "readConsistency 200": { path: "/consistency/1/2" },
    "readConsistency 400": { path: "/consistency/0/2" },
    "readConsistency 404": { path: "/consistency/1/99" },
    "readCheckpoint 200": { path: "/checkpoints/latest" },
    "readCheckpoint 304": { path: "/checkpoints/2", known: "*" },
    "readCheckpoint 400": { path: "/checkpoints/0" },
    "readCheckpoint 404": { path: "/checkpoints/99" },
    "readNewestNote 200": { path: "/checkpoint" },
    "readNewestNote 404": { path: "/checkpoint", app: single },
    "readNote 200": { path: "/notes/2" },
    "readNote 400": { path: "/notes/02" },
    "readNote 404": { path: "/notes/99" },
    "readTile 200": { path: "/tile/0/000.p/1" },
    "readTile 404": { path: "/tile/0/000" },
    "readEntryBundle 200": { path: "/tile/entries/000.p/1" },
    "readEntryBundle 404": { path: "/tile/entries/000" },
    "replayEntries 200": { path: "/replay/entries/0" },
    "replayEntries 400": { path: "/replay/entries/x" },
    "replayEntries 404": { path: "/replay/entries/9" },
    "replayCheckpoints 200": { path: "/replay/checkpoints/0" },
    "replayCheckpoints 400": { path: "/replay/checkpoints/x" },
    "replayCheckpoints 404": { path: "/replay/checkpoints/9" },
    "search 200": { path: "/search?sub=registration-policy" },
    "search 400": { path: "/search?limit=0" },
    "search 404": { path: "/search", app: single },
    "proveCompleteness 200": { path: "/search/proof?sub=registration-policy" },
    "proveCompleteness 400": { path: "/search/proof?sub=a&iss=b" },
    "proveCompleteness 404": { path: "/search/proof?sub=a", app: single },
    "readHome 200": { path: "/" },
    "readPolicy 200": { path: "/policy" },
    ...byId("readPolicyDocument", "/policies/ID"),
    "readHealth 200": { path: "/health" },
    "readHealth 503": { path: "/health", app: readOnly },
    "readReady 200": { path: "/ready" },
    "readReady 503": { path: "/ready", app: readOnly },
    "readMetrics 200": { path: "/metrics" },
    "readMetrics 403": { path: "/metrics", app: closed, token: "weak" },
    "readVersion 200": { path: "/version" },
    "readOpenApi 200": { path: "/openapi.json" },
  };
}

function hex(entry: Uint8Array): string {
  return Buffer.from(entry).toString("hex");
}

/** What can be wrong with any request, or with the server at the time. */
async function conditions(): Promise<readonly Partial<Asked>[]> {
  const { service } = at;
  const limited = createApp(service, { limits: { writesPerSecond: 1e-6, readsPerSecond: 1e-6 } });
  // Each client has one of either, to begin with.
  await ask({ app: limited, path: "/version" });
  await ask({ app: limited, path: "/entries", statement: Uint8Array.of(1) });
  const defect = (): never => {
    throw new Error("a defect");
  };
  const unmet: App = (asked, response) => {
    markUnmet(asked);
    app(asked, response);
  };
  return [
    {},
    { accept: "text/none" },
    { headers: { host: "a/b" } },
    { app: closed },
    { app: closed, token: "weak" },
    { app: closed, token: "unknown" },
    { app: createApp(service, { access: { tokens: defect } }), token: "any" },
    { app: limited },
    { app: createApp(service, { limits: { maxReads: 0 }, maxBytesInFlight: 1 }) },
    { app: unmet },
    { app: createApp(frozen.service) },
  ];
}

/** What can be wrong with any request that has a body. */
function bodyConditions(): readonly Partial<Asked>[] {
  const limits = { bodyTimeoutMs: 1 };
  return [
    { type: "text/plain" },
    { headers: { "content-encoding": "gzip" } },
    { statement: new Uint8Array(2001) },
    { isWithheld: true, app: createApp(at.service, { limits }) },
  ];
}

/** Asks every operation under every condition, and yields all answers by operation. */
async function crossed(): Promise<readonly (readonly [id: string, request.Response])[]> {
  const answers: (readonly [id: string, request.Response])[] = [];
  const always = await conditions();
  for (const [method, path, { operationId, requestBody }] of operations()) {
    const [consumes] = Object.keys(requestBody?.content ?? {});
    const sample = path.replace(/\{([a-z]+)\}/g, (_all, name: string) => SAMPLES[name] ?? "");
    const isPost = method === "POST";
    const sent = isPost ? { statement: Uint8Array.of(1), ...(consumes && { type: consumes }) } : {};
    for (const condition of isPost ? [...always, ...bodyConditions()] : always) {
      answers.push([operationId, await ask({ path: sample, ...sent, ...condition })]);
    }
  }
  return answers;
}

/** Headers that tell a client what to do next. */
const TELLING = ["location", "preference-applied", "retry-after", "www-authenticate"];

function conform(id: string, response: request.Response): void {
  const name = `${id} ${response.status}`;
  expect(documented()).toContain(name);
  const found = operations().find(([, , { operationId }]) => operationId === id);
  const { headers, content } = found?.[2].responses[response.status] ?? { headers: {} };
  for (const [header, { $ref }] of Object.entries(headers)) {
    if ($ref === undefined) continue;
    expect([name, header, typeof response.headers[header.toLowerCase()]]).toEqual([
      ...[name, header, "string"],
    ]);
  }
  const known = Object.keys(headers).map((header) => header.toLowerCase());
  const untold = TELLING.filter((header) => header in response.headers && !known.includes(header));
  expect([name, untold]).toEqual([name, []]);
  const type = response.headers["content-type"]?.split(";", 1)[0];
  expect([name, type]).toEqual([name, Object.keys(content ?? {})[0]]);
  const schema = type === undefined ? undefined : content?.[type]?.schema;
  if (schema === undefined) return;
  const value = valueOf(bodyOf(response), type);
  const isValid = ajv.validate(schema, value);
  expect([name, isValid, ajv.errorsText()]).toEqual([name, true, "No errors"]);
}

function valueOf(body: Uint8Array, type: string | undefined): unknown {
  if (type !== PROBLEM_MEDIA_TYPE) return JSON.parse(Buffer.from(body).toString());
  return Object.fromEntries([...decodeCborMap(body)].map(([label, text]) => [String(label), text]));
}

describe("the running server", () => {
  test("answers as documented, in every status of every operation, and in no other", async () => {
    const met = new Set<string>();
    const note = (id: string, response: request.Response): void => {
      conform(id, response);
      met.add(`${id} ${response.status}`);
    };
    for (const [name, asked] of Object.entries(await requests())) {
      const [id = "", status] = name.split(" ");
      const response = await ask(asked);
      expect([name, response.status]).toEqual([name, Number(status)]);
      note(id, response);
      // Whoever has it is told so.
      if (response.headers["etag"] !== undefined) note(id, await ask({ ...asked, known: "*" }));
    }
    for (const [id, response] of await crossed()) note(id, response);
    expect([...met].sort()).toEqual(documented().sort());
  });
});
