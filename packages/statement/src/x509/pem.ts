import { CoseError, decodeBase64url, encodeBase64url } from "@tallystick/cose";

import { StatementError } from "../error.js";
import { Certificate } from "./certificate.js";

const BOUNDARY = /^-----(?:BEGIN|END) /gm;

// RFC 7468 §2. No hyphen can stand in a body, so the search is linear.
const BLOCK =
  /^-----BEGIN ([^\r\n-]{0,64})-----[ \t]*\r?\n([A-Za-z0-9+/=\s]*)-----END \1-----[ \t]*$/gm;

/**
 * Yields the certificates of a PEM text in its order (RFC 7468 §5). Lines beside the blocks are
 * passed over, as tools write what a certificate says there; a block of anything else is refused.
 *
 * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`
 */
export function parseCertificates(text: string): readonly Certificate[] {
  const lines = text.replaceAll("\r\n", "\n");
  const blocks = [...lines.matchAll(BLOCK)];
  const boundaries = [...lines.matchAll(BOUNDARY)];
  if (boundaries.length !== 2 * blocks.length) throw malformed("PEM: a block is not whole");
  if (blocks.length === 0) throw malformed("PEM: there is no certificate");
  return blocks.map(([, label, body = ""], place) => {
    if (label !== "CERTIFICATE") throw malformed(`PEM: block ${place} is not a certificate`);
    const der = decodeBase64(body.replaceAll(/\s/g, ""));
    if (der === undefined) throw malformed(`PEM: certificate ${place} is not canonical base64`);
    try {
      return Certificate.decode(der);
    } catch (cause) {
      if (!(cause instanceof StatementError)) throw cause;
      throw malformed(`PEM: certificate ${place}: ${cause.message}`, { cause });
    }
  });
}

/** Yields the bytes of padded base64 (RFC 4648 §4), `undefined` where it is not in its one form. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const digits = /^([A-Za-z0-9+/]+)={0,2}$/.exec(text)?.[1];
  if (digits === undefined || text.length % 4 !== 0) return undefined;
  try {
    return decodeBase64url(digits.replaceAll("+", "-").replaceAll("/", "_"));
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    return undefined;
  }
}

/** Yields the bytes in base64 with padding (RFC 4648 §4). */
export function encodeBase64(bytes: Uint8Array): string {
  const digits = encodeBase64url(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return digits.padEnd(Math.ceil(digits.length / 4) * 4, "=");
}

function malformed(message: string, options?: ErrorOptions): StatementError {
  return new StatementError("STATEMENT_CERTIFICATE_MALFORMED", message, options);
}
