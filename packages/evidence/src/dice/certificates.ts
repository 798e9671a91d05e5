import { Certificate, parseCertificates, StatementError } from "@tallystick/statement";

import { malformed } from "../error.js";

const MAX_CERTIFICATES = 8;
const SEQUENCE = 0x30;

/** Yields whether the bytes begin as PEM or as a DER certificate does. */
export function looksLikeCertificates(bytes: Uint8Array): boolean {
  if (bytes[0] === SEQUENCE && (bytes[1] ?? 0) > 0x80) return true;
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 4096));
  return start.includes("-----BEGIN CERTIFICATE-----");
}

/**
 * Yields the certificates of PEM, or of DER one behind the other, in their order: the leaf first.
 *
 * @throws {@link EvidenceError} `EVIDENCE_MALFORMED`
 */
export function readCertificates(bytes: Uint8Array): readonly Certificate[] {
  try {
    const isDer = bytes[0] === SEQUENCE && (bytes[1] ?? 0) > 0x80;
    const found = isDer
      ? splitDer(bytes).map((der) => Certificate.decode(der))
      : parseCertificates(new TextDecoder("latin1").decode(bytes));
    if (found.length <= MAX_CERTIFICATES) return found;
    throw malformed(`${found.length} certificates, limit ${MAX_CERTIFICATES}`);
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw malformed(cause.message, { cause });
  }
}

function splitDer(bytes: Uint8Array): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const count = (rest[1] ?? 0) - 0x80;
    if (rest[0] !== SEQUENCE || count < 1 || count > 2) throw malformed("no DER certificate");
    const length = rest.subarray(2, 2 + count).reduce((value, byte) => value * 256 + byte, 0);
    const whole = rest.subarray(0, 2 + count + length);
    parts.push(whole);
    if (parts.length > MAX_CERTIFICATES) throw malformed(`more than ${MAX_CERTIFICATES} parts`);
    rest = rest.subarray(whole.length);
  }
  return parts;
}
