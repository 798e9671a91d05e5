import type { Certificate } from "@tallystick/statement";

import { fingerprintOf } from "../facts.js";
import { listed, quote } from "./parameters.js";
import type { ReadyRule } from "./ready.js";

/**
 * A certificate of the verified path is the pinned one, and the leaf is of the wanted kind, as far as
 * its issuers may certify that kind.
 */
export const certificatePin: ReadyRule = {
  parameters: ["fingerprint", "eku", "subject"],
  compile: (parameters) => {
    const fingerprint = parameters.text("fingerprint");
    if (!/^sha256:[0-9a-f]{64}$/.test(fingerprint)) {
      throw parameters.malformed("fingerprint", 'is not "sha256:" and 64 hexadecimal digits');
    }
    const eku = parameters.has("eku") ? parameters.texts("eku") : [];
    if (!eku.every((oid) => /^[0-2](?:\.(?:0|[1-9]\d*))+$/.test(oid))) {
      throw parameters.malformed("eku", "is not a list of dotted object identifiers");
    }
    const subject = parameters.has("subject") ? parameters.record("subject") : [];
    return ({ path }) => {
      const [leaf] = path;
      if (leaf === undefined) return `no certificate identifies the issuer, want ${fingerprint}`;
      if (!path.some((certificate) => fingerprintOf(certificate) === fingerprint)) {
        return `no certificate of the chain of ${leaf.label} has the fingerprint ${fingerprint}`;
      }
      return ekuProblem(path, eku) ?? subjectProblem(leaf, subject);
    };
  },
};

/** Stands for every usage (RFC 5280 §4.2.1.12). */
const ANY_EKU = "2.5.29.37.0";

// The leaf has to name the usages itself. An issuer that says what its certificates are for cannot
// give a leaf another use: a CA for web servers would otherwise make signers of code.
function ekuProblem(path: readonly Certificate[], wanted: readonly string[]): string | undefined {
  for (const [place, { label, extensions }] of path.entries()) {
    const present = extensions.extendedKeyUsage ?? [];
    const isUnbound = present.length === 0 || present.includes(ANY_EKU);
    if (place > 0 && isUnbound) continue;
    const missing = wanted.filter((oid) => !present.includes(oid));
    if (missing.length === 0) continue;
    const found = present.length === 0 ? "none" : listed(present);
    return `certificate ${label} lacks the extended key usage ${listed(missing)}, it has ${found}`;
  }
  return undefined;
}

// An attribute that the subject has twice could be read either way.
function subjectProblem(
  { label, subject: { attributes } }: Certificate,
  wanted: readonly (readonly [string, string])[],
): string | undefined {
  for (const [name, value] of wanted) {
    const found = attributes.filter((attribute) => attribute.name === name);
    if (found.length === 1 && found[0]?.value === value) continue;
    const seen = found.length === 0 ? "none" : listed(found.map((attribute) => attribute.value));
    return `certificate ${label} has ${seen} for ${quote(name)} of its subject, want ${quote(value)}`;
  }
  return undefined;
}
