import {
  algorithmByName,
  decodeBase64url,
  type Algorithm,
  type AlgorithmName,
} from "@tallystick/cose";

import { restating } from "../cause.js";
import { ContentError } from "../error.js";
import { isJsonObject, memberOf, parseStrictJson, type Json, type JsonObject } from "../json.js";
import { requireSize, type ContentLimits } from "../limits.js";

/** A JWS in compact form (RFC 7515 §7.1). Nothing in it is verified. */
export interface Jws {
  readonly algorithm: Algorithm;
  readonly kid: string | undefined;
  readonly typ: string | undefined;
  readonly payload: Uint8Array;
  /** What the signature covers (RFC 7515 §5.1). */
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** The algorithms that the framework allows, and no others: neither `none` nor one with a secret. */
export const ALGORITHMS: readonly AlgorithmName[] = ["ES384", "ES512", "PS384", "PS512"];

/**
 * Header parameters that are refused: those that bring a key along, which a reader might follow,
 * and those that change what the rest means (RFC 7515 §4.1, RFC 7516, RFC 7797).
 */
const REFUSED: readonly string[] = [
  ...["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"],
  ...["crit", "b64", "enc", "zip"],
];

/** Longest `kid` and `typ`, in UTF-16 code units. */
const MAX_NAME = 256;

const MAX_HEADER_BYTES = 4096;

/** Yields whether the bytes could be a JWS in compact form, without decoding any. */
export function looksLikeJws(payload: Uint8Array): boolean {
  return partsOf(payload) !== undefined;
}

/**
 * Yields the payload of a JWS, whatever its header says, to tell what it is.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`
 */
export function peekJws(bytes: Uint8Array): Uint8Array {
  return decodePart(requireParts(bytes)[1], "JWS payload");
}

/**
 * Yields header and payload of a JWS, whatever is wrong with their ends, behind which up to three
 * bytes may stand that are not in them; nothing of what is no JWS.
 */
export function skimJws(bytes: Uint8Array): readonly Uint8Array[] {
  const parts = partsOf(bytes)?.slice(0, 2) ?? [];
  return parts.map((part) => decodeBase64url(part.padEnd(Math.ceil(part.length / 4) * 4, "A")));
}

/**
 * Decodes a JWS in compact form; white space around it is let pass, as published files have it.
 *
 * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED`, `CONTENT_HEADER_REFUSED`,
 * `CONTENT_ALG_UNSUPPORTED`
 */
export function decodeJws(bytes: Uint8Array, limits: ContentLimits): Jws {
  requireSize(bytes, limits);
  const [header, payload, signature] = requireParts(bytes);
  const decoded = decodeHeader(header, limits);
  return {
    algorithm: algorithmOf(decoded),
    kid: nameOf(decoded, "kid"),
    typ: nameOf(decoded, "typ"),
    payload: decodePart(payload, "JWS payload"),
    message: new TextEncoder().encode(`${header}.${payload}`),
    signature: decodePart(signature, "JWS signature"),
  };
}

function decodeHeader(part: string, limits: ContentLimits): JsonObject {
  const bytes = decodePart(part, "JWS header");
  if (bytes.length > MAX_HEADER_BYTES) {
    throw new ContentError(
      "CONTENT_HEADER_REFUSED",
      `header of more than ${MAX_HEADER_BYTES} bytes`,
    );
  }
  const header: Json = parseStrictJson(bytes, limits, "JWS header");
  if (!isJsonObject(header)) {
    throw new ContentError("CONTENT_MALFORMED", "JWS header is not an object");
  }
  const refused = REFUSED.filter((name) => Object.hasOwn(header, name));
  if (refused.length > 0) {
    throw new ContentError("CONTENT_HEADER_REFUSED", `header has ${refused.join(", ")}`);
  }
  return header;
}

function algorithmOf(header: JsonObject): Algorithm {
  const alg = memberOf(header, "alg");
  const name = ALGORITHMS.find((allowed) => allowed === alg);
  if (name !== undefined) return algorithmByName(name);
  throw new ContentError("CONTENT_ALG_UNSUPPORTED", `alg is not one of ${ALGORITHMS.join(", ")}`);
}

function nameOf(header: JsonObject, name: string): string | undefined {
  const value = memberOf(header, name);
  if (value === undefined) return undefined;
  if (typeof value === "string" && value.length <= MAX_NAME) return value;
  throw new ContentError(
    "CONTENT_HEADER_REFUSED",
    `${name} is not a text of at most ${MAX_NAME} characters`,
  );
}

function decodePart(part: string, what: string): Uint8Array {
  return restating("CONTENT_MALFORMED", what, () => decodeBase64url(part));
}

function requireParts(bytes: Uint8Array): readonly [string, string, string] {
  const parts = partsOf(bytes);
  if (parts !== undefined) return parts;
  throw new ContentError("CONTENT_MALFORMED", "no JWS: want three parts of base64url with dots");
}

/** Yields header, payload and signature as text; `undefined` for what is no JWS. */
function partsOf(bytes: Uint8Array): readonly [string, string, string] | undefined {
  if (!bytes.every(mayBeInParts)) return undefined;
  const text = textOf(bytes);
  const [header, payload, signature, ...more] = text?.trim().split(".", 4) ?? [];
  if (signature === undefined || payload === undefined || header === undefined) return undefined;
  const parts = [header, payload, signature] as const;
  const isText = parts.every((part) => /^[A-Za-z0-9_-]*$/.test(part));
  return isText && header !== "" && more.length === 0 ? parts : undefined;
}

// What of ASCII may stand in a JWS or around it. Most payloads have something else among their first
// bytes, and are not decoded.
const IN_PARTS: ReadonlySet<number> = new Set(
  Array.from({ length: 128 }, (_, byte) => byte).filter((byte) =>
    /[A-Za-z0-9_.\s-]/.test(String.fromCharCode(byte)),
  ),
);

function mayBeInParts(byte: number): boolean {
  return byte >= 128 || IN_PARTS.has(byte);
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
