import { decodeBase64url } from "./base64url.js";
import { CoseError } from "./error.js";

/** PEM labels of the two key formats read here (RFC 7468 §10, §13). */
export type PemLabel = "PUBLIC KEY" | "PRIVATE KEY";

const BLOCK = /^-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n([A-Za-z0-9+/=\s]*?)-----END \1-----\s*$/;

/**
 * Yields the label and the DER bytes of a PEM text that holds one block (RFC 7468 §3).
 *
 * White space may stand around the block and between its base64 digits; nothing else may.
 *
 * @throws {@link CoseError} `COSE_KEY_MALFORMED`; `COSE_KEY_UNSUPPORTED` for other labels, such as
 * encrypted keys and the older `EC PRIVATE KEY`
 */
export function parsePem(text: string): { readonly label: PemLabel; readonly der: Uint8Array } {
  const [, label, body] = BLOCK.exec(text.trimStart()) ?? [];
  if (label === undefined || body === undefined) {
    throw new CoseError("COSE_KEY_MALFORMED", "not one PEM block");
  }
  if (label !== "PUBLIC KEY" && label !== "PRIVATE KEY") {
    throw new CoseError(
      "COSE_KEY_UNSUPPORTED",
      "PEM label not supported, want PUBLIC KEY (SPKI) or PRIVATE KEY (PKCS #8, unencrypted)",
    );
  }
  return { label, der: decodeBase64(body.replaceAll(/\s/g, "")) };
}

function decodeBase64(text: string): Uint8Array {
  const digits = /^([A-Za-z0-9+/]*)(={0,2})$/.exec(text)?.[1];
  if (digits === undefined || text.length % 4 !== 0) {
    throw new CoseError("COSE_KEY_MALFORMED", "PEM body is not base64");
  }
  return decodeBase64url(digits.replaceAll("+", "-").replaceAll("/", "_"));
}
