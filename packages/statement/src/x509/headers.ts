import {
  CoseError,
  LABEL,
  encodeHex,
  hashById,
  isCborArray,
  type CborMap,
  type CborValue,
  type HashName,
} from "@tallystick/cose";
import { StatementError } from "../error.js";
import { CERTIFICATES } from "./cache.js";
import type { Certificate } from "./certificate.js";
import { MAX_PATH_LENGTH } from "./path.js";

/** A certificate by its digest (RFC 9360 §2, COSE_CertHash). */
export interface CertificateThumbprint {
  readonly hash: HashName;
  readonly value: Uint8Array;
}

/** What one header map says about certificates (RFC 9360 §2). */
export interface CertificateHeaders {
  /** `x5chain`, leaf first, in DER: 1 to 8 byte strings, and not decoded. */
  readonly chain: readonly Uint8Array[] | undefined;
  /** `x5t`. */
  readonly thumbprint: CertificateThumbprint | undefined;
}

/** Which header map is read, and what it may hold. */
export interface CertificateHeaderOptions {
  readonly isProtected: boolean;
  /** Take an array of one certificate, which RFC 9360 §2 writes as a bare byte string. */
  readonly acceptsSingleArray?: boolean;
}

/**
 * Yields what a header map says about certificates, without opening one. T10, IS4.
 *
 * T6: in a protected header, `x5bag` and `x5u` are identifiers that nothing here checks, so they
 * refuse the statement; unprotected they are passed over.
 *
 * @throws {@link StatementError} `STATEMENT_CHAIN_MALFORMED`, `STATEMENT_KEY_UNKNOWN` (protected
 * `x5bag` or `x5u`)
 */
export function certificateHeadersOf(
  header: CborMap,
  options: CertificateHeaderOptions,
): CertificateHeaders {
  if (options.isProtected) {
    for (const name of ["x5bag", "x5u"] as const) {
      if (!header.has(LABEL[name])) continue;
      throw new StatementError(
        "STATEMENT_KEY_UNKNOWN",
        `${name} (header ${LABEL[name]}) is not supported, and protected identifiers are not ignored`,
      );
    }
  }
  const [chain, thumbprint] = [header.get(LABEL.x5chain), header.get(LABEL.x5t)];
  return {
    chain: chain === undefined ? undefined : chainOf(chain, options.acceptsSingleArray === true),
    thumbprint: thumbprint === undefined ? undefined : thumbprintOf(thumbprint),
  };
}

/** Most bytes of a chain. Eight certificates of ML-DSA-87 with ordinary names have half of it. */
const MAX_CHAIN_BYTES = 131_072;

/**
 * Yields the certificates of encoded ones, leaf first, as a chain out of a header or collateral.
 * What their extensions say is not read yet, unless a path of them held before.
 *
 * @throws {@link StatementError} `STATEMENT_CHAIN_MALFORMED`, `STATEMENT_CERTIFICATE_MALFORMED`
 */
export function decodeChain(encoded: readonly Uint8Array[]): readonly Certificate[] {
  if (encoded.length === 0 || encoded.length > MAX_PATH_LENGTH) {
    throw malformed(`${encoded.length} certificates, want 1 to ${MAX_PATH_LENGTH}`);
  }
  const bytes = encoded.reduce((sum, { length }) => sum + length, 0);
  if (bytes > MAX_CHAIN_BYTES) {
    throw malformed(`certificates of ${bytes} bytes, want ${MAX_CHAIN_BYTES} at most`);
  }
  return Object.freeze(
    encoded.map((der, place) => {
      try {
        return CERTIFICATES.decode(der);
      } catch (cause) {
        if (!(cause instanceof StatementError)) throw cause;
        throw new StatementError(cause.code, `certificate ${place}: ${cause.message}`, { cause });
      }
    }),
  );
}

/** Yields whether the certificate is the one that the thumbprint is of. T10. */
export function isThumbprintOf(
  { hash, value }: CertificateThumbprint,
  certificate: Certificate,
): boolean {
  return encodeHex(certificate.fingerprint(hash)) === encodeHex(value);
}

// `COSE_X509 = bstr / [ 2*certs: bstr ]`
function chainOf(value: CborValue, acceptsSingleArray: boolean): readonly Uint8Array[] {
  if (value instanceof Uint8Array) return [value];
  if (!isCborArray(value)) throw malformed("x5chain (header 33) is neither bytes nor an array");
  const certificates = value.filter((item) => item instanceof Uint8Array);
  if (certificates.length !== value.length) {
    throw malformed("x5chain (header 33) holds something else than byte strings");
  }
  if (value.length === 1 && !acceptsSingleArray) {
    throw malformed("x5chain (header 33) is an array of one, want a bare byte string");
  }
  if (value.length === 0 || value.length > MAX_PATH_LENGTH) {
    throw malformed(
      `x5chain (header 33) has ${value.length} certificates, want 1 to ${MAX_PATH_LENGTH}`,
    );
  }
  return certificates;
}

// `COSE_CertHash = [ hashAlg: (int / tstr), hashValue: bstr ]`
function thumbprintOf(value: CborValue): CertificateThumbprint {
  const [id, digest, ...rest] = isCborArray(value) ? value : [];
  if (!(digest instanceof Uint8Array) || rest.length > 0) {
    throw malformed("x5t (header 34) is not a hash algorithm and a digest");
  }
  const { name, bytes } = hashOf(id);
  if (digest.length !== bytes) {
    throw malformed(`x5t (header 34) has ${digest.length} bytes, want the ${bytes} of ${name}`);
  }
  return Object.freeze({ hash: name, value: digest });
}

function hashOf(id: CborValue): { readonly name: HashName; readonly bytes: number } {
  try {
    return hashById(id);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(`x5t (header 34): ${cause.message}`, { cause });
  }
}

function malformed(message: string, options?: ErrorOptions): StatementError {
  return new StatementError("STATEMENT_CHAIN_MALFORMED", message, options);
}
