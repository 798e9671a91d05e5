import { CoseError, decodeBase64url, encodeBase64url, encodeHex } from "@tallystick/cose";
import { Certificate, StatementError } from "@tallystick/statement";
import type { IssuerBinding, TrustAnchor } from "@tallystick/statement";

import { issuerOf } from "./key.js";
import { eachOf, listOf, malformed, membersOf, oneOf, setOf } from "./member.js";

const BINDINGS: readonly IssuerBinding[] = ["san", "did:x509"];

/** Longest certificate as text: the 64 KiB that are read at most, in lines of base64. */
const MAX_CERTIFICATE_TEXT = 100_000;

// RFC 7468 §5.1
const PEM = /^-----BEGIN CERTIFICATE-----\r?\n([A-Za-z0-9+/=\r\n]*)-----END CERTIFICATE-----\s*$/;

/** A certificate authority in JSON. */
export interface AnchorDocument {
  /** DER in base64 without line breaks, or PEM. */
  readonly certificate: string;
  /** `iss` values that it vouches for. */
  readonly issuers?: readonly string[];
  /** How else a certificate under it may bind `iss`. */
  readonly bindings?: readonly IssuerBinding[];
}

/** An anchor, and the document that it is read from in canonical form. */
export interface ParsedAnchor {
  readonly anchor: TrustAnchor;
  readonly document: AnchorDocument;
}

/**
 * Yields the anchors of a list that has each certificate once.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function anchorsOf(value: unknown, where: string): readonly ParsedAnchor[] {
  const seen = new Set<string>();
  return eachOf(listOf(value, where), (item, position) => {
    const place = `${where}[${position}]`;
    const parsed = anchorOf(item, place);
    const fingerprint = encodeHex(parsed.anchor.certificate.fingerprint("sha-256"));
    if (seen.has(fingerprint)) throw malformed(`${place}.certificate is listed twice`);
    seen.add(fingerprint);
    return parsed;
  });
}

function anchorOf(value: unknown, where: string): ParsedAnchor {
  const members = membersOf(value, where, {
    required: ["certificate"],
    optional: ["issuers", "bindings"],
  });
  const certificate = certificateOf(members["certificate"], `${where}.certificate`);
  const issuers =
    members["issuers"] === undefined
      ? undefined
      : setOf(members["issuers"], `${where}.issuers`, issuerOf);
  const bindings =
    members["bindings"] === undefined
      ? undefined
      : setOf(members["bindings"], `${where}.bindings`, (item, place) =>
          oneOf(item, place, BINDINGS),
        );
  return {
    anchor: { certificate, issuers: issuers ?? [], bindings: new Set(bindings) },
    document: {
      certificate: encodeBase64(certificate.der),
      ...(issuers === undefined ? {} : { issuers }),
      ...(bindings === undefined ? {} : { bindings }),
    },
  };
}

function certificateOf(value: unknown, where: string): Certificate {
  if (typeof value !== "string") throw malformed(`${where} is not a text`);
  if (value.length > MAX_CERTIFICATE_TEXT) throw malformed(`${where} is too long`);
  const body = PEM.exec(value)?.[1];
  try {
    return Certificate.decode(decodeBase64(body?.replaceAll(/[\r\n]/g, "") ?? value, where));
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw malformed(`${where}: ${cause.message}`, { cause });
  }
}

function decodeBase64(text: string, where: string): Uint8Array {
  const digits = /^([A-Za-z0-9+/]+)={0,2}$/.exec(text)?.[1];
  if (digits === undefined || text.length % 4 !== 0) {
    throw malformed(`${where} is neither base64 nor PEM`);
  }
  try {
    return decodeBase64url(digits.replaceAll("+", "-").replaceAll("/", "_"));
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(`${where} is not canonical base64`, { cause });
  }
}

function encodeBase64(bytes: Uint8Array): string {
  const digits = encodeBase64url(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return digits.padEnd(Math.ceil(digits.length / 4) * 4, "=");
}
