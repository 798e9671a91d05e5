import { QUERY } from "./answer-schemas.js";
import { parameterSchema } from "./operations.js";
import { jsonText } from "./route.js";
import type { Outcome, Reply, Route, Schema } from "./route.js";
import { VERSION } from "./version.js";

type Members = Readonly<Record<string, unknown>>;

const TEXT = { type: "string" };

const HEADERS: Readonly<Record<string, Members>> = {
  "X-Request-Id": { description: "Names the request.", schema: TEXT },
  Location: {
    description: "Where receipts of the entry are to be had.",
    schema: { type: "string", format: "uri" },
  },
  "Preference-Applied": { description: "Which preference was followed.", schema: TEXT },
  ETag: { description: "Names the bytes of the answer.", schema: { type: "string" } },
  "Retry-After": {
    description: "Seconds after which another look is worth it.",
    schema: { type: "integer", minimum: 0 },
  },
  Vary: { description: "What of the request the answer depends on.", schema: TEXT },
  "WWW-Authenticate": { description: "Which credential would do.", schema: TEXT },
};

/** The document of the HTTP interface (OpenAPI 3.1), made from the routes that answer. */
export class OpenApi {
  readonly #rest: string;

  constructor(routes: readonly Route[]) {
    this.#rest = JSON.stringify(openApiOf(routes)).slice(1);
  }

  /** Yields the document as it is at an address. */
  read(baseUrl: string): Reply {
    return jsonText(`{"servers":${JSON.stringify([{ url: baseUrl }])},${this.#rest}`);
  }
}

function openApiOf(routes: readonly Route[]): Members {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replace(/[:*]([a-z]+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Tallystick",
      version: VERSION,
      description:
        "A SCITT transparency service. HEAD works wherever GET does. Every error is a concise problem.",
    },
    paths,
    components: {
      headers: mapped(Object.keys(HEADERS), (name) => ({ ...HEADERS[name], required: true })),
      securitySchemes: {
        token: { type: "http", scheme: "bearer" },
        certificate: { type: "mutualTLS" },
      },
    },
    // None, or one of both where the operator asks for it.
    security: [{}, { token: [] }, { certificate: [] }],
  };
}

function operation({
  path,
  produces,
  alsoProduces = [],
  consumes,
  operation: told,
}: Route): Members {
  const names = [...path.matchAll(/[:*]([a-z]+)/g)].flatMap(([, name]) => name ?? []);
  const parameters = [...names.map(parameter), ...(told.query ?? []).map(queried)];
  const statuses = Object.entries(told.outcomes);
  return {
    operationId: told.id,
    summary: told.summary,
    ...(parameters.length > 0 && { parameters }),
    ...(consumes !== undefined && {
      requestBody: { required: true, content: { [consumes]: {} } },
    }),
    responses: Object.fromEntries(
      statuses.map(([status, outcome]) => [status, response(outcome, [produces, ...alsoProduces])]),
    ),
  };
}

function parameter(name: string): Members {
  const { description, ...schema } = parameterSchema(name);
  return { name, in: "path", required: true, description, schema };
}

function queried(name: string): Members {
  const { description, ...schema } = QUERY[name] ?? {};
  return { name, in: "query", required: false, description, schema };
}

function response(outcome: Outcome, produced: readonly string[]): Members {
  const { description, type, schema, headers = [], mayHave = [] } = outcome;
  const always = ["X-Request-Id", ...headers];
  return {
    description,
    headers: {
      ...mapped(always, (name) => ({ $ref: `#/components/headers/${name}` })),
      ...mapped(mayHave, (name) => HEADERS[name] ?? {}),
    },
    ...(type !== null && { content: contentOf(type === undefined ? produced : [type], schema) }),
  };
}

function mapped(names: readonly string[], value: (name: string) => Members): Members {
  return Object.fromEntries(names.map((name) => [name, value(name)]));
}

// The schema is of the first; another type shows the same to others.
function contentOf(types: readonly string[], schema: Schema | undefined): Members {
  const [first] = types;
  return mapped(types, (type) => media(type === first ? schema : undefined));
}

function media(schema: Schema | undefined): Members {
  return schema === undefined ? {} : { schema };
}
