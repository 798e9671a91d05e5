import { ANY, listOf, mapOf, shapeOf } from "./cel/shape.js";
import type { Shape } from "./cel/shape.js";

const STRING = shapeOf("string");
const INT = shapeOf("int");
// A certificate may state a year that no timestamp has.
const TIME = shapeOf("google.protobuf.Timestamp", "null_type");
const STRINGS = listOf(STRING);
const CONTENT_TYPE = shapeOf("string", "int", "null_type");
/** Members by labels, claims or attributes that anybody may have chosen. */
const OPEN_MAP = shapeOf("map");

const CERTIFICATE = mapOf({
  subject: OPEN_MAP,
  issuer: OPEN_MAP,
  serial: STRING,
  notBefore: TIME,
  notAfter: TIME,
  fingerprint: STRING,
  san: mapOf({ dns: STRINGS, email: STRINGS, uri: STRINGS }),
  eku: STRINGS,
  keyUsage: STRINGS,
});

const HASH_ENVELOPE = mapOf({
  alg: STRING,
  contentType: CONTENT_TYPE,
  location: shapeOf("string", "null_type"),
});

/** What can be said of a payload, of which each kind has some. */
const CONTENT = mapOf({
  kind: STRING,
  problem: STRING,
  form: STRING,
  kid: STRING,
  warnings: listOf(mapOf({ code: STRING, level: STRING, path: STRING })),
  sfr: listOf(OPEN_MAP),
  bom: OPEN_MAP,
  rim: OPEN_MAP,
  swid: OPEN_MAP,
  coswid: listOf(OPEN_MAP),
  digests: listOf(OPEN_MAP),
  release: OPEN_MAP,
  record: OPEN_MAP,
  notice: OPEN_MAP,
});

function orNull(shape: Shape): Shape {
  return { ...shape, ...shapeOf("map", "null_type") };
}

/** The variables of an expression, with what is known of each before a statement comes. */
export const FACT_SHAPES: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  [
    "statement",
    mapOf({
      entryId: STRING,
      bytes: INT,
      alg: STRING,
      contentType: CONTENT_TYPE,
      claims: OPEN_MAP,
      headers: OPEN_MAP,
      isHashEnvelope: shapeOf("bool"),
      hashEnvelope: orNull(HASH_ENVELOPE),
    }),
  ],
  ["identity", mapOf({ kind: STRING, iss: STRING, kid: STRING, thumbprint: STRING, did: STRING })],
  ["certificate", orNull(CERTIFICATE)],
  ["chain", listOf(CERTIFICATE)],
  ["payload", ANY],
  ["payloadBytes", INT],
  ["payloadProblem", shapeOf("string", "null_type")],
  ["content", CONTENT],
  ["time", TIME],
]);
