import { encodeHex, formatThumbprint } from "@tallystick/cose";
import type { Certificate, Identity } from "@tallystick/statement";

/** Yields who signed a statement, and what says so, as JSON for scripts. */
export function identityJson(identity: Identity): Readonly<Record<string, unknown>> {
  const { kind, key } = identity;
  const named = { kind, thumbprint: formatThumbprint(key) };
  if (identity.kind === "key") return named;
  if (identity.kind === "did") return { ...named, method: identity.method };
  const { leaf, anchor } = identity.path;
  return {
    ...named,
    isDid: identity.isDid,
    certificate: certificateJson(leaf),
    anchor: certificateJson(anchor),
  };
}

function certificateJson(certificate: Certificate): object {
  const { label, serial, notBefore, notAfter } = certificate;
  const sha256 = encodeHex(certificate.fingerprint("sha-256"));
  return { subject: label, serial, notBefore, notAfter, sha256 };
}
