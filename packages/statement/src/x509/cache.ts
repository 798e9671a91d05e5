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
 * {@link CertificateCache.decode} keeps nothing: what anybody may send must not push out what counts.
 * {@link CertificateCache.keep} is for certificates of a path that held. What is held says nothing
 * about time, anchors or policy.
 */
export class CertificateCache {
  readonly #limits: CertificateCacheLimits;
  // Owned by decode and keep. In the order of their last use.
  readonly #certificates = new Map<string, Certificate>();
  // Owned by decode: of what was decoded here, by the bytes that it was decoded from.
  readonly #names = new WeakMap<Certificate, string>();
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
   * Yields the certificate that the bytes are, and the one that is kept where there is one. What the
   * extensions of another one say is not read yet.
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
    const certificate = Certificate.decodeOutline(der);
    this.#names.set(certificate, name);
    return certificate;
  }

  /** Keeps a certificate that {@link CertificateCache.decode} yielded; others are left alone. */
  keep(certificate: Certificate): void {
    const name = this.#names.get(certificate);
    if (name === undefined || this.#certificates.get(name) === certificate) return;
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

/**
 * What this process has verified last. A decoded certificate takes more memory than its bytes, 11 times
 * as much where it is names and little else (measured), so 1 MiB of them stands for some 11 MiB.
 */
export const CERTIFICATES: CertificateCache = new CertificateCache({
  maxCertificates: 256,
  maxBytes: 1_048_576,
});

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
