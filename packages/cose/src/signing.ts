import { criticalLabels } from "./crit.js";
import { encodeCbor } from "./encode.js";
import { CoseError } from "./error.js";
import { LABEL } from "./labels.js";
import type { Signer } from "./private-key.js";
import { encodeSign1, encodeSigStructure } from "./sign1.js";
import type { CborMap } from "./value.js";

/** What goes into a COSE_Sign1 beside the signature. */
export interface Sign1Content {
  /** Without alg, or with that of the signer. */
  readonly protectedHeader: CborMap;
  readonly unprotectedHeader?: CborMap;
  readonly payload: Uint8Array;
  /** Leave the payload out of the message; the verifier supplies it. */
  readonly detached?: boolean;
  readonly externalAad?: Uint8Array;
}

/**
 * Yields an encoded, tagged COSE_Sign1 (RFC 9052 §4.4). alg is set from the signer, in the
 * protected header.
 *
 * Throws `TypeError` for headers that no verifier would take: another alg, one label in both, alg
 * or crit unprotected.
 *
 * @throws {@link CoseError} `COSE_CRIT_MALFORMED`; `COSE_SIGNATURE_INVALID` when the signer yields
 * a signature of a wrong length
 */
export async function signSign1(content: Sign1Content, signer: Signer): Promise<Uint8Array> {
  const { payload, detached = false, externalAad = new Uint8Array(0) } = content;
  const unprotectedHeader = content.unprotectedHeader ?? new Map<number, never>();
  const { algorithm } = signer;
  const alg = content.protectedHeader.get(LABEL.alg) ?? algorithm.id;
  if (alg !== algorithm.id) throw new TypeError(`alg is not the signer's ${algorithm.id}`);
  const protectedHeader: CborMap = new Map([...content.protectedHeader, [LABEL.alg, alg]]);
  checkPlacement(protectedHeader, unprotectedHeader);

  const protectedBytes = encodeCbor(protectedHeader);
  const own = new Uint8Array(payload);
  const parts = { protectedBytes, unprotectedHeader, payload: detached ? null : own };
  criticalLabels({ ...parts, protectedHeader, signature: new Uint8Array(0) });
  const signature = await signer.sign(encodeSigStructure(protectedBytes, externalAad, own));
  const want = algorithm.signatureBytes;
  if (want !== null && signature.length !== want) {
    throw new CoseError(
      "COSE_SIGNATURE_INVALID",
      `signer yields ${signature.length} bytes, want ${want}`,
    );
  }
  return encodeSign1({ ...parts, signature });
}

function checkPlacement(protectedHeader: CborMap, unprotectedHeader: CborMap): void {
  for (const label of unprotectedHeader.keys()) {
    if (label === LABEL.crit) throw new TypeError("crit in the unprotected header");
    if (protectedHeader.has(label)) throw new TypeError("one label in both headers");
  }
}
