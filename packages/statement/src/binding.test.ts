import { describe, expect, test } from "@jest/globals";

import { requireBinding } from "./identity.js";
import {
  CERT_SIGN,
  SIGNATURE,
  ca,
  certificatesOf,
  constraints,
  general,
  issue,
  NOW,
  san,
} from "./testing/certificate.js";
import { refusal } from "./testing/refusal.js";
import { CertificatePath } from "./x509/path.js";

const { dns, uri } = general;

/** Holds an `iss`, that the leaf has as a URI, against a path with these constraints in it. */
async function bound(iss: string, constrained: Uint8Array): Promise<() => boolean> {
  const root = await issue("CN=Root");
  const extensions = [ca(), CERT_SIGN, constrained];
  const middle = await issue("CN=Middle", { by: root, extensions });
  const leaf = await issue("CN=Leaf", {
    by: middle,
    extensions: [SIGNATURE, san(dns("x.a.example"), uri(iss))],
  });
  const [certificate, ...chain] = certificatesOf(root, leaf, middle);
  if (certificate === undefined) throw new Error("no root");
  const path = await CertificatePath.verify(chain, [certificate], { time: NOW });
  const anchor = { certificate, issuers: [], bindings: new Set(["san"] as const) };
  return () => requireBinding(iss, path, [anchor]);
}

const A = constraints([dns("a.example")]);
const NOT_B = constraints([], [dns("b.example")]);

describe("a URI that is iss binds it", () => {
  test.each([
    ["on a permitted host", "https://y.a.example/path", A],
    ["on a permitted host with a port", "https://u@y.A.example:8443?q", A],
    ["beside an excluded host", "http://c.example", NOT_B],
    ["where it names no host", "urn:example:b", A],
    ["where hosts are not constrained", "https://b.example", constraints([general.email("a")])],
  ])("%s", async (_name, iss, constrained) => {
    const verify = await bound(iss, constrained);
    expect(verify()).toBe(false);
  });

  test.each([
    ["not on another host than the permitted", "https://b.example", A],
    ["not on a host that ends alike", "https://ba.example", A],
    ["not on an excluded host", "HTTPS://x.B.example:1/", NOT_B],
    ["not with http either", "http://b.example/", NOT_B],
    ["not on an address", "https://192.0.2.1/", NOT_B],
    ["not without a host", "https:b.example", NOT_B],
  ])("%s", async (_name, iss, constrained) => {
    const verify = await bound(iss, constrained);
    expect(refusal(verify)).toBe("STATEMENT_IDENTIFIER_MISMATCH");
  });
});
