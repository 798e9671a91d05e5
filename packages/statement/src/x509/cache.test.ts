import { beforeAll, describe, expect, test } from "@jest/globals";

import { issue, type Issued } from "../testing/certificate.js";
import { refusal } from "../testing/refusal.js";
import { CertificateCache } from "./cache.js";
import { Certificate } from "./certificate.js";

let certificates: readonly Issued[];
beforeAll(async () => {
  certificates = await Promise.all(["CN=One", "CN=Two", "CN=Three"].map((name) => issue(name)));
});

/** The bytes of a certificate by its place; a missing one is a defect of the test. */
function der(place: number): Uint8Array {
  const found = certificates[place];
  if (found === undefined) throw new Error(`no certificate ${place}`);
  return found.der;
}

/** Decodes and keeps, as is done with what was verified. */
function kept(cache: CertificateCache, bytes: Uint8Array): Certificate {
  const certificate = cache.decode(bytes);
  cache.keep(certificate);
  return certificate;
}

const cacheOf = (maxCertificates: number, maxBytes = 1_000_000): CertificateCache =>
  new CertificateCache({ maxCertificates, maxBytes });

describe("a cache of certificates", () => {
  test("yields the same one for the same bytes, wherever they lie", () => {
    const cache = cacheOf(2);
    const first = kept(cache, der(0));
    expect(cache.decode(Uint8Array.from(der(0)))).toBe(first);
    expect(first.label).toBe("CN=One");
    expect(kept(cache, der(1))).not.toBe(first);
    expect([cache.size, cache.bytes]).toEqual([2, der(0).length + der(1).length]);
  });

  test("lets go of what was used longest ago, by number and by bytes", () => {
    for (const cache of [cacheOf(2), cacheOf(9, der(0).length + der(2).length + 1)]) {
      const [first, second] = [kept(cache, der(0)), kept(cache, der(1))];
      expect(cache.decode(der(0))).toBe(first);
      kept(cache, der(2));
      expect(cache.decode(der(0))).toBe(first);
      expect(cache.decode(der(1))).not.toBe(second);
      expect(cache.size).toBeLessThanOrEqual(2);
    }
  });

  test("keeps nothing that is larger than all of it", () => {
    const cache = cacheOf(9, 10);
    expect(kept(cache, der(0)).label).toBe("CN=One");
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
  });

  test("keeps nothing that it only decoded, and nothing that others did", () => {
    const cache = cacheOf(2);
    const first = cache.decode(der(0));
    expect(cache.decode(der(0))).not.toBe(first);
    cache.keep(Certificate.decode(der(0)));
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
    cache.keep(first);
    cache.keep(first);
    expect([cache.size, cache.bytes]).toEqual([1, der(0).length]);
    expect(cache.decode(der(0))).toBe(first);
  });

  test("keeps the newer one of two of the same bytes", () => {
    const cache = cacheOf(2);
    const [first, second] = [cache.decode(der(0)), cache.decode(der(0))];
    cache.keep(first);
    cache.keep(second);
    expect(cache.decode(der(0))).toBe(second);
    expect([cache.size, cache.bytes]).toEqual([1, der(0).length]);
  });

  test("keeps nothing that is refused", () => {
    const cache = cacheOf(2);
    for (let i = 0; i < 2; i++) {
      expect(refusal(() => cache.decode(Uint8Array.of(0x30, 0)))).toBe(
        "STATEMENT_CERTIFICATE_MALFORMED",
      );
    }
    expect(cache.size).toBe(0);
  });

  test("is not misled by whoever changes the bytes of one that it gave out", () => {
    for (const isKeptFirst of [true, false]) {
      const cache = cacheOf(2);
      const spoilt = cache.decode(der(0));
      if (isKeptFirst) cache.keep(spoilt);
      spoilt.der.fill(0);
      cache.keep(spoilt);
      const anew = kept(cache, der(0));
      expect(anew).not.toBe(spoilt);
      expect(anew.der).toEqual(der(0));
      expect([cache.size, cache.bytes]).toEqual([1, der(0).length]);
    }
  });
});
