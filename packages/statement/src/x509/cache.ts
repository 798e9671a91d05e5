import { digest, encodeHex } from "@tallystick/cose";

import { Certificate } from "./certificate.js";

/** How much is kept; what was used last stays. */
export interface CertificateCacheLimits {
  readonly maxCertificates: number;
  readonly maxBytes: number;
}

/**
 * Decoded certificates by the SHA-256 of their bytes: a vendor signs thousands of statements under one
 * chain, and opening it takes longer than everything else about a statement. A certificate that is
 * found keeps the signatures that were verified on it.
 *
 * Holds what was decoded and nothing that depends on time, anchors or policy.
 */
export class CertificateCache {
  readonly #limits: CertificateCacheLimits;
  // Owned by decode and #keep. In the order of their last use.
  readonly #certificates = new Map<string, Certificate>();
  #bytes = 0;

  constructor(limits: CertificateCacheLimits) {
    this.#limits = limits;
  }

  /** Certificates that are held. */
  get size(): number {
    return this.#certificates.size;
  }

  /** Bytes of them. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Yields the certificate that the bytes are.
   *
   * @throws StatementError `STATEMENT_CERTIFICATE_MALFORMED`
   */
  decode(der: Uint8Array): Certificate {
    const name = encodeHex(digest("sha-256", der));
    const known = this.#certificates.get(name);
    // Its bytes are within reach of whoever was given it.
    if (known !== undefined && isSame(known.der, der)) {
      this.#certificates.delete(name);
      this.#certificates.set(name, known);
      return known;
    }
    const certificate = Certificate.decode(der);
    this.#keep(name, certificate);
    return certificate;
  }

  #keep(name: string, certificate: Certificate): void {
    this.#drop(name);
    this.#certificates.set(name, certificate);
    this.#bytes += certificate.der.length;
    for (const oldest of this.#certificates.keys()) {
      const { maxCertificates, maxBytes } = this.#limits;
      if (this.size <= maxCertificates && this.#bytes <= maxBytes) return;
      this.#drop(oldest);
    }
  }

  #drop(name: string): void {
    const dropped = this.#certificates.get(name);
    if (dropped === undefined) return;
    this.#certificates.delete(name);
    this.#bytes -= dropped.der.length;
  }
}

/** What this process has decoded last: 8 MiB at most. */
export const CERTIFICATES: CertificateCache = new CertificateCache({
  maxCertificates: 1024,
  maxBytes: 8_388_608,
});

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
