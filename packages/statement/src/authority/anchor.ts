import { encodeHex } from "@tallystick/cose";

import { SELF_CONTAINED } from "../did/self-contained.js";
import type { SelfContainedMethod } from "../did/self-contained.js";
import { StatementError } from "../error.js";
import type { IssuerBinding, TrustAnchor } from "../identity.js";
import { Certificate } from "../x509/certificate.js";
import { decodeBase64, encodeBase64 } from "../x509/pem.js";
import { issuerOf } from "./issuer.js";
import type { DocumentReader } from "./reader.js";

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

/** Yields the anchors of a list that has each certificate once, or throws as the reader does. */
export function anchorsOf(
  value: unknown,
  where: string,
  reader: DocumentReader,
): readonly ParsedAnchor[] {
  const seen = new Set<string>();
  return reader.eachOf(reader.listOf(value, where), (item, position) => {
    const place = `${where}[${position}]`;
    const parsed = anchorOf(item, place, reader);
    const fingerprint = encodeHex(parsed.anchor.certificate.fingerprint("sha-256"));
    if (seen.has(fingerprint)) throw reader.malformed(`${place}.certificate is listed twice`);
    seen.add(fingerprint);
    return parsed;
  });
}

/** Yields the DID methods of a list that has each once, or throws as the reader does. */
export function selfContainedOf(
  value: unknown,
  where: string,
  reader: DocumentReader,
): readonly SelfContainedMethod[] {
  return reader.setOf(value, where, (item, place) => reader.oneOf(item, place, SELF_CONTAINED));
}

function anchorOf(value: unknown, where: string, reader: DocumentReader): ParsedAnchor {
  const members = reader.membersOf(value, where, {
    required: ["certificate"],
    optional: ["issuers", "bindings"],
  });
  const certificate = certificateOf(members["certificate"], `${where}.certificate`, reader);
  const issuers =
    members["issuers"] === undefined
      ? undefined
      : reader.setOf(members["issuers"], `${where}.issuers`, (item, place) =>
          issuerOf(item, place, reader),
        );
  const bindings =
    members["bindings"] === undefined
      ? undefined
      : reader.setOf(members["bindings"], `${where}.bindings`, (item, place) =>
          reader.oneOf(item, place, BINDINGS),
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

function certificateOf(value: unknown, where: string, { malformed }: DocumentReader): Certificate {
  if (typeof value !== "string") throw malformed(`${where} is not a text`);
  if (value.length > MAX_CERTIFICATE_TEXT) throw malformed(`${where} is too long`);
  const der = decodeBase64(PEM.exec(value)?.[1]?.replaceAll(/[\r\n]/g, "") ?? value);
  if (der === undefined) throw malformed(`${where} is neither canonical base64 nor PEM`);
  try {
    return Certificate.decode(der);
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw malformed(`${where}: ${cause.message}`, { cause });
  }
}
