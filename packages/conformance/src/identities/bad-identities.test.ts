import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { LABEL, PrivateKey } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";

import {
  DIGITAL_SIGNATURE,
  KEY_CERT_SIGN,
  KEY_ENCIPHERMENT,
  alternativeNames,
  base64Of,
  ca,
  issue,
  issueCa,
  issueLeaf,
  permittedHost,
  unknownCritical,
} from "../testing/pki.js";
import type { Issued, Recipe } from "../testing/pki.js";
import { VENDOR, didX509, signed, x5chain, x5t } from "../testing/vendor.js";
import type { Headers } from "../testing/vendor.js";
import { Engine, TIME } from "./engine.js";
import { post, refusal } from "./tally-service.js";

const OTHER = "https://other.example";
const EXPIRED: Recipe = { notAfter: TIME - 1 };
const FUTURE: Recipe = { notBefore: TIME + 1 };
const ED: Recipe = { alg: "EdDSA" };

let engine: Engine;
let root: Issued;
let lapsed: Issued;
let middle: Issued;
let leaf: Issued;
let vendor: PrivateKey;
let other: PrivateKey;

beforeAll(async () => {
  root = await issueCa("CN=Root", ED);
  lapsed = await issueCa("CN=Lapsed", { ...ED, ...EXPIRED });
  middle = await issueCa("CN=Middle", { ...ED, by: root });
  leaf = await issueLeaf("CN=Leaf, O=Vendor", { ...ED, by: middle });
  [vendor, other] = await Promise.all([PrivateKey.generate("ES256"), PrivateKey.generate("ES256")]);
  engine = await Engine.start({
    issuers: [
      { iss: VENDOR, keys: [vendor.publicKey.toJwk()] },
      { iss: OTHER, keys: [other.publicKey.toJwk()] },
    ],
    anchors: [root, lapsed].map((anchor) => ({
      certificate: base64Of(anchor),
      issuers: [VENDOR],
      bindings: ["did:x509"] as const,
    })),
  });
});

afterAll(async () => {
  await engine.close();
});

/** A chain, leaf first, and what its leaf signs. */
interface Bad {
  readonly chain: readonly Issued[];
  readonly headers?: Headers;
  readonly signer?: PrivateKey;
}

type Row = readonly [name: string, make: () => Promise<Bad>, detail: string];

const withLeaf = (recipe: Recipe) => async (): Promise<Bad> => ({
  chain: [await issueLeaf("CN=Leaf", { ...ED, by: middle, ...recipe }), middle],
});

const withMiddle = (recipe: Recipe) => async (): Promise<Bad> => {
  const by = await issueCa("CN=Middle", { ...ED, by: root, ...recipe });
  return { chain: [await issueLeaf("CN=Leaf", { ...ED, by }), by] };
};

/** A chain with so many CAs between the leaf and the root. */
async function long(count: number): Promise<Bad> {
  const below: Issued[] = [];
  for (let n = 0; n < count; n++) {
    below.unshift(await issueCa(`CN=CA ${n}`, { ...ED, by: below[0] ?? root }));
  }
  return { chain: [await issueLeaf("CN=Leaf", { ...ED, by: below[0] ?? root }), ...below] };
}

const INVALID: readonly Row[] = [
  ["an expired leaf", withLeaf(EXPIRED), "certificate 0 (CN=Leaf): it has expired"],
  ["an expired CA", withMiddle(EXPIRED), "certificate 1 (CN=Middle): it has expired"],
  [
    "an expired anchor",
    async () => ({ chain: [await issueLeaf("CN=Leaf", { ...ED, by: lapsed })] }),
    "certificate 1 (CN=Lapsed): it has expired",
  ],
  ["a leaf not yet valid", withLeaf(FUTURE), "certificate 0 (CN=Leaf): it is not yet valid"],
  ["a CA not yet valid", withMiddle(FUTURE), "certificate 1 (CN=Middle): it is not yet valid"],
  [
    "a leaf that may encipher alone",
    withLeaf({ extensions: [KEY_ENCIPHERMENT] }),
    "certificate 0 (CN=Leaf): its key usage does not allow digitalSignature",
  ],
  [
    "a CA that may not certify",
    withMiddle({ extensions: [ca(), DIGITAL_SIGNATURE] }),
    "certificate 1 (CN=Middle): its key usage does not allow keyCertSign",
  ],
  [
    "a leaf in the place of a CA",
    withMiddle({ extensions: [KEY_CERT_SIGN] }),
    "certificate 1 (CN=Middle): it is not a CA",
  ],
  [
    "a CA below one that allows none",
    async () => {
      const strict = await issueCa("CN=Strict", {
        ...ED,
        by: root,
        extensions: [ca(0), KEY_CERT_SIGN],
      });
      const below = await issueCa("CN=Below", { ...ED, by: strict });
      return { chain: [await issueLeaf("CN=Leaf", { ...ED, by: below }), below, strict] };
    },
    "certificate 2 (CN=Strict): path length is 0, and 1 CAs follow",
  ],
  [
    "a self-signed leaf",
    async () => ({ chain: [await issue("CN=Self", { ...ED, extensions: [DIGITAL_SIGNATURE] })] }),
    "certificate 0 (CN=Self): the leaf names itself as its issuer",
  ],
  [
    "a self-signed leaf in front of a genuine CA",
    async () => ({ chain: [await issue("CN=Self", ED), middle] }),
    "certificate 0 (CN=Self): the leaf names itself as its issuer",
  ],
  [
    "a leaf by another CA than the next",
    async () => {
      const stranger = await issueCa("CN=Stranger", { ...ED, by: root });
      return { chain: [await issueLeaf("CN=Leaf", { ...ED, by: stranger }), middle] };
    },
    "certificate 0 (CN=Leaf): its issuer is not CN=Middle",
  ],
  [
    "a leaf by another key under the CA's name",
    async () => {
      const forged = await issueCa("CN=Middle", ED);
      return { chain: [await issueLeaf("CN=Leaf", { ...ED, by: forged }), middle] };
    },
    "certificate 0 (CN=Leaf): signature does not hold under the key of CN=Middle",
  ],
  [
    "eight, and the anchor the ninth",
    () => long(7),
    "certificate 8 (CN=Root): path of 9 certificates, want 8 at most",
  ],
  [
    "CAs that certify each other",
    async () => {
      const one = await issueCa("CN=One", ED);
      const two = await issueCa("CN=Two", { ...ED, by: one });
      const back = await issueCa("CN=One", { ...ED, by: two, key: one.key });
      return { chain: [await issueLeaf("CN=Leaf", { ...ED, by: one }), back, two, one] };
    },
    "certificate 3 (CN=One): the same name and key is there twice",
  ],
  [
    "CAs in the wrong order",
    async () => {
      const above = await issueCa("CN=Above", { ...ED, by: root });
      const below = await issueCa("CN=Below", { ...ED, by: above });
      return { chain: [await issueLeaf("CN=Leaf", { ...ED, by: below }), above, below] };
    },
    "certificate 0 (CN=Leaf): its issuer is not CN=Above",
  ],
  [
    "an extra certificate behind the chain",
    async () => ({ chain: [leaf, middle, await issueCa("CN=Extra", { ...ED, by: root })] }),
    "certificate 1 (CN=Middle): its issuer is not CN=Extra",
  ],
  [
    "an extra certificate behind the anchor",
    async () => ({ chain: [leaf, middle, root, await issueCa("CN=Extra", ED)] }),
    "certificate 2 (CN=Root): its issuer is not CN=Extra",
  ],
  [
    "a host that the name constraints of the CA leave out",
    async () => {
      const by = await issueCa("CN=Middle", {
        ...ED,
        by: root,
        extensions: [ca(), KEY_CERT_SIGN, permittedHost("vendor.example")],
      });
      const extensions = [DIGITAL_SIGNATURE, alternativeNames(["dns", "other.example"])];
      return { chain: [await issueLeaf("CN=Leaf", { ...ED, by, extensions }), by] };
    },
    "certificate 0 (CN=Leaf): dns name is not permitted by the name constraints of CN=Middle",
  ],
  [
    "a leaf with a critical extension that is not known",
    withLeaf({ extensions: [DIGITAL_SIGNATURE, unknownCritical("1.2.3.4")] }),
    "certificate 0 (CN=Leaf): critical extension 1.2.3.4 is not known",
  ],
  [
    "a CA with a critical extension that is not known",
    withMiddle({ extensions: [ca(), KEY_CERT_SIGN, unknownCritical("1.2.3.5")] }),
    "certificate 1 (CN=Middle): critical extension 1.2.3.5 is not known",
  ],
  [
    "the anchor as the leaf",
    () => Promise.resolve({ chain: [root] }),
    "certificate 0 (CN=Root): the leaf names itself as its issuer",
  ],
];

const UNTRUSTED: readonly Row[] = [
  [
    "an anchor of its own in the message",
    async () => {
      const own = await issueCa("CN=Own Root", ED);
      return { chain: [await issueLeaf("CN=Leaf", { ...ED, by: own }), own] };
    },
    "certificate 1 (CN=Own Root): no trust anchor has the name of its issuer",
  ],
  [
    "an end of the chain that is missing",
    () => Promise.resolve({ chain: [leaf] }),
    "certificate 0 (CN=Leaf): no trust anchor has the name of its issuer",
  ],
];

const MISMATCHED: readonly Row[] = [
  [
    "an iss that the anchor does not vouch for",
    () => Promise.resolve({ chain: [leaf, middle], headers: { iss: OTHER } }),
    "CN=Root does not vouch for this iss, nor does CN=Leaf",
  ],
  [
    "a kid of another key",
    () =>
      Promise.resolve({
        chain: [leaf, middle],
        headers: { set: [[LABEL.kid, Uint8Array.of(7)]] },
      }),
    "kid (header 4) is not a name of the key of CN=Leaf",
  ],
  [
    "a kid of the issuer's listed key",
    () =>
      Promise.resolve({
        chain: [leaf, middle],
        headers: { set: [[LABEL.kid, vendor.publicKey.kid]] },
      }),
    "kid (header 4) is not a name of the key of CN=Leaf",
  ],
  [
    "an x5t of another certificate",
    () => Promise.resolve({ chain: [leaf, middle], headers: { set: [x5t(middle)] } }),
    "x5t (header 34) is not the thumbprint of the first certificate",
  ],
];

const DID: readonly Row[] = [
  [
    "a did:x509 of another leaf",
    () =>
      Promise.resolve({
        chain: [leaf, middle],
        headers: { iss: didX509({ alg: "ES256", root, middle, leaf }) },
      }),
    "did:x509: certificate 0 (CN=Leaf): its subject has another CN",
  ],
];

const ANCHOR_MEND =
  "Send the chain up to an anchor that the policy lists, or ask the operator to add yours.";
const CHAIN_MEND = "Send the certificates that certify the signing key, leaf first, and no others.";
const SAME_MEND = "Let iss, kid and certificate name one and the same key.";
const DID_MEND = "Use a DID that the key or the certificate chain bears out.";
const REJECTED = "Signed Statement not accepted by the current Registration Policy";

describe.each([
  ["a chain", INVALID, CHAIN_MEND],
  ["a chain that leads nowhere", UNTRUSTED, ANCHOR_MEND],
  ["identifiers that differ", MISMATCHED, SAME_MEND],
  ["a DID", DID, DID_MEND],
])("refuses %s, and says which and why:", (_what, rows, mend) => {
  test.each(rows)("%s", async (_name, make, detail) => {
    const { chain, headers = {}, signer = chain[0]?.key ?? vendor } = await make();
    const { size } = engine;
    const set = [x5chain(...chain), ...(headers.set ?? [])];
    const refused = await refusal(engine.url, await signed(signer, { ...headers, set }));
    expect(refused).toMatchObject({ status: 400, title: "Rejected" });
    expect(refused.detail).toContain(`${REJECTED}: `);
    expect(refused.detail).toContain(detail);
    expect(refused.detail).toContain(mend);
    expect(engine.size).toBe(size);
  });
});

describe("takes", () => {
  test("a chain that ends with the anchor itself", async () => {
    const bytes = await signed(leaf.key, { set: [x5chain(leaf, middle, root)] });
    expect(await post(engine.url, bytes)).toMatchObject({ status: 201 });
  });
});

describe("refuses headers that are not of RFC 9360:", () => {
  const array = (...items: readonly CborValue[]): Headers => ({ set: [[LABEL.x5chain, items]] });

  test.each<[string, () => Headers, string]>([
    ["an array of one", () => array(leaf.der), "x5chain (header 33) is an array of one"],
    ["an empty array", () => array(), "x5chain (header 33) has 0 certificates"],
    [
      "nine certificates",
      () => array(...Array.from({ length: 9 }, () => leaf.der)),
      "x5chain (header 33) has 9 certificates, want 1 to 8",
    ],
    ["a text", () => ({ set: [[LABEL.x5chain, "x"]] }), "x5chain (header 33) is neither"],
    ["a number in it", () => array(leaf.der, 1), "x5chain (header 33) holds something else"],
    ["what is no certificate", () => array(leaf.der, Uint8Array.of(0x30, 0)), "certificate 1: "],
    [
      "an x5t of an unknown hash",
      () => ({ set: [[LABEL.x5t, [-15, new Uint8Array(20)]]] }),
      "x5t (header 34)",
    ],
  ])("%s", async (_name, headers, detail) => {
    const refused = await refusal(engine.url, await signed(leaf.key, headers()));
    expect(refused).toMatchObject({ status: 400, title: "Malformed request" });
    expect(refused.detail).toContain(detail);
  });

  test("an array of one is taken under a policy that says so", async () => {
    const lax = await Engine.start({
      anchors: [{ certificate: base64Of(root), issuers: [VENDOR] }],
      acceptsSingleCertificateArray: true,
    });
    const direct = await issueLeaf("CN=Direct", { ...ED, by: root });
    const bytes = await signed(direct.key, array(direct.der));
    expect(await post(lax.url, bytes)).toMatchObject({ status: 201 });
    expect(await refusal(engine.url, bytes)).toMatchObject({ title: "Malformed request" });
    await lax.close();
  });
});
