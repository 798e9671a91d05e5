import { CLAIM, LABEL, signSign1, type CborValue } from "@tallystick/cose";
import { SignedStatement } from "@tallystick/statement";
import { VENDOR, bytesOf } from "./sample.js";

/** A root `CN=Root` with an Ed25519 key, from November 2026 to 2046. */
export const ROOT_BASE64 =
  "MIIBITCB1KADAgECAhQkw9cqjPNw53W0Hx6fqIN2Bl/QbjAFBgMrZXAwDzENMAsGA1UEAwwEUm9vdDAeFw0yNjExMjYxMTQ1MzJaFw00NjExMjExMTQ1MzJaMA8xDTALBgNVBAMMBFJvb3QwKjAFBgMrZXADIQCv5GCX5iTO/jgU20P3rgVsxtJLAUWlKaq0e4EI3Xx3CaNCMEAwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAgQwHQYDVR0OBBYEFPMWNbaC6eeuMZZQzs/bs/IJ/hjKMAUGAytlcANBAPjaE/aSdVlKEIXTkyM8ZMrDG1Rmus4LP9LIoHkhjoGgPu50kuJMK2q177xPFPz9x1x9SXfzhh1sX6x5tWct8gw=";

/**
 * The certificate `CN=Leaf` of the vendor's key under that root, to November 2036, with the
 * alternative names vendor.example and urn:example:vendor.
 */
export const LEAF_BASE64 =
  "MIIBXjCCARCgAwIBAgIBAjAFBgMrZXAwDzENMAsGA1UEAwwEUm9vdDAeFw0yNjExMjYxMTQ1MzJaFw0zNjExMjMxMTQ1MzJaMA8xDTALBgNVBAMMBExlYWYwKjAFBgMrZXADIQDXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGqOBkDCBjTAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB/wQEAwIHgDAtBgNVHREEJjAkgg52ZW5kb3IuZXhhbXBsZYYSdXJuOmV4YW1wbGU6dmVuZG9yMB8GA1UdIwQYMBaAFPMWNbaC6eeuMZZQzs/bs/IJ/hjKMB0GA1UdDgQWBBRbJ6pViReXcOR1dbFiod7Ze4v8bTAFBgMrZXADQQCQDq9OXYzUOrgShsMbzeljnFjkdm6hy5Dd8OPTa/umAF1H8sV9Cezhg6GPmHXHwX7IDUzFaq6GBZzTUnbLPTwG";

/** The root as PEM. */
export const ROOT_PEM: string = [
  "-----BEGIN CERTIFICATE-----",
  ...(ROOT_BASE64.match(/.{1,64}/g) ?? []),
  "-----END CERTIFICATE-----",
  "",
].join("\n");

/** A statement by the vendor's key that its protected certificate identifies, and no kid. */
export async function certifiedStatement(
  issuer: string,
  contentType = "application/json",
): Promise<SignedStatement> {
  const claims = new Map<number, string>([
    [CLAIM.iss, issuer],
    [CLAIM.sub, "board 7"],
  ]);
  const leaf = Uint8Array.from(atob(LEAF_BASE64), (char) => char.charCodeAt(0));
  const protectedHeader = new Map<number, CborValue>([
    [LABEL.contentType, contentType],
    [LABEL.cwtClaims, claims],
    [LABEL.x5chain, leaf],
  ]);
  const payload = bytesOf({ sbom: 1 });
  return SignedStatement.decode(await signSign1({ protectedHeader, payload }, VENDOR));
}
