import { PrivateKey } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { VerifierKey } from "@tallystick/tlog";
import type { SignatureType } from "@tallystick/tlog";
import { TrustStore } from "./trust.js";
import { issue } from "./testing/certificate.js";
import { refusal } from "./testing/refusal.js";
import { ISSUERS, VENDOR, VENDOR_ISS } from "./testing/sample.js";
import { makeService, pinned, trustIn } from "./testing/service.js";

const [alpha, beta] = await Promise.all([makeService("alpha"), makeService("beta")]);
const [alphaJwk, betaJwk] = [alpha.key.publicKey.toJwk(), beta.key.publicKey.toJwk()];

function file(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({ services: [pinned(alpha)], ...changes });
}

function service(changes: Readonly<Record<string, unknown>>): string {
  return file({ services: [{ ...pinned(alpha), ...changes }] });
}

function named(kid: string, jwk: object = alphaJwk): object {
  return { ...jwk, kid };
}

const utf8 = (text: string) => new TextEncoder().encode(text);

const root = await issue("CN=Root", { window: [0, 2_000_000_000] });
const anchored = { certificate: root.base64, issuers: [VENDOR_ISS] };

function anchor(changes: object): string {
  return file({ anchors: [{ ...anchored, ...changes }] });
}

function issuerKey(changes: object): string {
  return file({ issuers: [{ iss: "a", keys: [{ ...VENDOR.publicKey.toJwk(), ...changes }] }] });
}

const COSIGNATURE = "ed25519-cosignature";

function noteKey(name = alpha.origin, type: SignatureType = "ed25519"): string {
  return VerifierKey.of(name, type, VENDOR.publicKey).format();
}

describe("a trust file", () => {
  test("is read with its defaults", () => {
    const trust = TrustStore.parse(file());
    expect(trust.services).toHaveLength(1);
    expect(trust.services[0]).toMatchObject({ issuer: alpha.issuer, origin: alpha.origin, vds: 1 });
    expect(trust.issuers).toBeUndefined();
    expect(trust.requireReceipts).toBe(1);
    expect(Object.isFrozen(trust)).toBe(true);
  });

  test("is read with all it may hold", () => {
    const services = [{ ...pinned(alpha), vds: 2 }, pinned(beta)];
    const trust = TrustStore.parse(file({ services, issuers: ISSUERS, requireReceipts: 2 }));
    expect(trust.services.map(({ vds }) => vds)).toStrictEqual([2, 1]);
    expect(trust.issuers).toBeDefined();
    expect(trust.requireReceipts).toBe(2);
  });

  test("W4: may pin the key of a service's notes, as a vkey", () => {
    const trust = TrustStore.parse(service({ note: noteKey() }));
    expect(trust.services.map(({ note }) => note?.format())).toStrictEqual([noteKey()]);
    expect(TrustStore.parse(file()).services[0]?.note).toBeUndefined();
  });

  test("may name issuers by key, certificate authority and DID method", () => {
    const pem = `-----BEGIN CERTIFICATE-----\n${root.base64}\n-----END CERTIFICATE-----\n`;
    const key = { ...VENDOR.publicKey.toJwk(), nbf: 1, exp: 9, revoked: { from: 7 } };
    const said = { issuers: [{ iss: "a", keys: [key] }], selfContained: ["did:jwk", "did:key"] };
    const more = { acceptsSingleCertificateArray: true };
    const trust = TrustStore.parse(
      file({ ...said, ...more, anchors: [{ ...anchored, certificate: pem, bindings: ["san"] }] }),
    );
    expect(trust.issuers?.anchors[0]?.certificate.der).toStrictEqual(root.der);
    expect(trust.issuers?.acceptsSingleCertificateArray).toBe(true);
    // In canonical form, whence the file can be written again.
    const revoked = { from: 7, origin: alpha.origin };
    expect(trust.issuersDocument).toStrictEqual({
      ...said,
      ...more,
      issuers: [{ iss: "a", keys: [{ ...key, revoked }] }],
      anchors: [{ ...anchored, bindings: ["san"] }],
    });
    const again = TrustStore.parse(file({ ...trust.issuersDocument }));
    expect(again.issuersDocument).toStrictEqual(trust.issuersDocument);
  });

  test.each<[string, object]>([
    ["anchors", { anchors: [anchored] }],
    ["DID methods", { selfContained: [] }],
  ])("verifies issuers once it names %s", (_name, said) => {
    expect(TrustStore.parse(file({ ...said })).issuers).toBeDefined();
  });

  test("does not verify issuers for a flag alone", () => {
    const trust = TrustStore.parse(file({ acceptsSingleCertificateArray: true }));
    expect(trust.issuers).toBeUndefined();
  });

  test("may name no issuer, which trusts none", () => {
    expect(TrustStore.parse(file({ issuers: [] })).issuers).toBeDefined();
  });

  test("may name a service's retired keys, and its second log", async () => {
    const second = await makeService("alpha", "2");
    const trust = TrustStore.parse(file({ services: [pinned(alpha, [betaJwk]), pinned(second)] }));
    const kids = [alpha, beta, second].map(({ key }) => key.publicKey.kid);
    const origins = kids.map((kid) => trust.resolve(alpha.issuer, kid)?.service.origin);
    expect(origins).toStrictEqual([alpha.origin, alpha.origin, second.origin]);
  });
});

describe("a receipt's key is found", () => {
  test("by issuer and kid together", () => {
    const trust = trustIn([alpha, beta]);
    const kid = alpha.key.publicKey.kid;
    expect(trust.resolve(alpha.issuer, kid)?.key.thumbprint()).toStrictEqual(kid);
    expect(trust.resolve(beta.issuer, kid)).toBeUndefined();
    expect(trust.resolve(alpha.issuer, undefined)).toBeUndefined();
    expect(trust.resolve(undefined, kid)).toBeUndefined();
    expect(trust.resolve(alpha.issuer, new Uint8Array())).toBeUndefined();
    expect(trust.resolve(`${alpha.issuer} `, kid)).toBeUndefined();
  });

  test("by the kid that the file gives, and by the thumbprint all the same", () => {
    const encoded = TrustStore.parse(service({ keys: [named("AQID")] }));
    expect(encoded.resolve(alpha.issuer, utf8("AQID"))).toBeDefined();
    expect(encoded.resolve(alpha.issuer, Uint8Array.of(1, 2, 3))).toBeDefined();
    const trust = TrustStore.parse(service({ keys: [named("log key!")] }));
    expect(trust.resolve(alpha.issuer, utf8("log key!"))).toBeDefined();
    expect(trust.resolve(alpha.issuer, alpha.key.publicKey.thumbprint())).toBeDefined();
    expect(trust.resolve(alpha.issuer, utf8("log key"))).toBeUndefined();
  });
});

const rsa = { ...(await PrivateKey.generate("PS256")).toJwk(), d: undefined };

describe("a trust file is malformed", () => {
  test.each<[string, string]>([
    ["no JSON", "{"],
    ["nothing", ""],
    ["null", "null"],
    ["a list", `[${file()}]`],
    ["no services", "{}"],
    ["services that are null", file({ services: null })],
    ["an empty list of services", file({ services: [] })],
    ["an unknown member", file({ threshold: 2 })],
    ["a prototype", file().replace(/^\{/, '{"__proto__":{},')],
    ["a member twice", file().replace(/^\{/, '{"services":[],')],
    ["a member twice, once escaped", file().replace(/^\{/, '{"\\u0073ervices":[],')],
    ["half a surrogate pair", service({ origin: "\ud800" })],
    ["services in a prototype", `{"__proto__":${file()}}`],
    ["a service that is a text", file({ services: [alpha.issuer] })],
    ["a service without issuer", service({ issuer: undefined })],
    ["a service without origin", service({ origin: undefined })],
    ["a service without keys", service({ keys: undefined })],
    ["an unknown member of a service", service({ url: "https://alpha.example" })],
    ["an issuer that is a number", service({ issuer: 1 })],
    ["an empty issuer", service({ issuer: "" })],
    ["an empty origin", service({ origin: "" })],
    ["an empty origin of a ledger", service({ origin: "", vds: 2 })],
    ["an origin that is a list", service({ origin: [alpha.origin] })],
    ["vds 0", service({ vds: 0 })],
    ["vds 3", service({ vds: 3 })],
    ["vds as text", service({ vds: "1" })],
    ["a note key that is a number", service({ note: 1 })],
    ["a note key that is no vkey", service({ note: alpha.origin })],
    [
      "a note key with another id",
      service({ note: noteKey().replace(/\+[0-9a-f]{8}/, "+00000000") }),
    ],
    ["a note key of another log", service({ note: noteKey("other.example/log") })],
    ["a key of cosignatures for notes", service({ note: noteKey(alpha.origin, COSIGNATURE) })],
    ["no key", service({ keys: [] })],
    ["keys that are one key", service({ keys: alphaJwk })],
    ["a key that is null", service({ keys: [null] })],
    ["a key of an unknown type", service({ keys: [{ kty: "oct", k: "AA" }] })],
    ["a key off its curve", service({ keys: [{ ...alphaJwk, y: alphaJwk.x }] })],
    ["a private key", service({ keys: [alpha.key.toJwk()] })],
    ["the primes of a private key", service({ keys: [rsa] })],
    ["an empty kid", service({ keys: [named("")] })],
    ["requireReceipts of 0", file({ requireReceipts: 0 })],
    ["requireReceipts with a fraction", file({ requireReceipts: 0.5 })],
    ["requireReceipts as text", file({ requireReceipts: "1" })],
    ["requireReceipts of null", file({ requireReceipts: null })],
    ["requireReceipts beyond the services", file({ requireReceipts: 2 })],
    ["issuers that are null", file({ issuers: null })],
    ["an issuer that is a text", file({ issuers: ["https://vendor.example"] })],
    ["an issuer without keys", file({ issuers: [{ iss: "a" }] })],
    ["an issuer without iss", file({ issuers: [{ keys: [] }] })],
    ["an issuer whose iss is empty", file({ issuers: [{ iss: "", keys: [] }] })],
    ["an issuer whose iss is a number", file({ issuers: [{ iss: 1, keys: [] }] })],
    ["an unknown member of an issuer", file({ issuers: [{ iss: "a", keys: [], sub: "b" }] })],
    ["a private key of an issuer", file({ issuers: [{ iss: "a", keys: [VENDOR.toJwk()] }] })],
    ["an unknown member of a key", service({ keys: [{ ...alphaJwk, revoked: { from: 1 } }] })],
    ["an unknown member of an issuer's key", issuerKey({ nfb: 1 })],
    ["an iss that is no URI", file({ issuers: [{ iss: "a: b", keys: [] }] })],
    ["an iss twice", file({ issuers: [...ISSUERS, ...ISSUERS] })],
    ["a window that is never open", issuerKey({ nbf: 2, exp: 2 })],
    ["nbf as text", issuerKey({ nbf: "2" })],
    ["a revocation from nowhere", issuerKey({ revoked: {} })],
    ["an unknown member of a revocation", issuerKey({ revoked: { from: 1, until: 2 } })],
    [
      "a member of a revocation twice",
      issuerKey({ revoked: 0 }).replace("0}", '{"from":1,"from":2}}'),
    ],
    ["anchors that are null", file({ anchors: null })],
    ["an anchor without certificate", file({ anchors: [{ issuers: [] }] })],
    ["an unknown member of an anchor", anchor({ iss: "a" })],
    ["an anchor that is no certificate", anchor({ certificate: "AAAA" })],
    ["an anchor cut short", anchor({ certificate: root.base64.slice(0, -4) })],
    ["an anchor in base64url", anchor({ certificate: "-_-_" })],
    ["an anchor in no PEM", anchor({ certificate: "-----BEGIN CERTIFICATE-----" })],
    ["an anchor twice", file({ anchors: [anchored, anchored] })],
    ["an unknown binding", anchor({ bindings: ["cn"] })],
    ["an anchor's iss that is a number", anchor({ issuers: [1] })],
    ["an unknown DID method", file({ selfContained: ["did:web"] })],
    ["a DID method twice", file({ selfContained: ["did:key", "did:key"] })],
    ["a DID method that is no list", file({ selfContained: "did:key" })],
    ["a flag of text", file({ acceptsSingleCertificateArray: "yes" })],
    [
      "two keys of an issuer under one kid",
      file({ issuers: [{ iss: "a", keys: [named("k!"), named("k!", betaJwk)] }] }),
    ],
    [
      "two keys of one issuer under one kid, in two places",
      file({
        issuers: [
          { iss: "a", keys: [named("k!")] },
          { iss: "a", keys: [named("k!", betaJwk)] },
        ],
      }),
    ],
  ])("%s", (_name, text) => {
    const error = refusal(() => TrustStore.parse(text));
    expect(error.code).toBe("VERIFIER_TRUST_MALFORMED");
    expect(error.steps).toStrictEqual([]);
  });
});

describe("distinct services", () => {
  test("one key under two names is refused", () => {
    const disguised = { ...alpha, issuer: "https://gamma.example", origin: "gamma.example/1" };
    const services = [pinned(alpha), pinned(disguised)];
    const error = refusal(() => TrustStore.parse(file({ services })));
    expect(error.code).toBe("VERIFIER_TRUST_MALFORMED");
    expect(error.message).toContain("twice");
  });

  test("one key under two names and two kids is refused too", () => {
    const disguised = { issuer: "https://gamma.example", origin: "g", keys: [named("k2!")] };
    const services = [pinned(alpha), disguised];
    expect(() => TrustStore.parse(file({ services }))).toThrow(/twice/);
  });

  test("one key twice in one service is refused", () => {
    expect(() => TrustStore.parse(service({ keys: [alphaJwk, named("k2!")] }))).toThrow(/twice/);
  });

  test("two keys of one service under one kid are refused, in one entry or two", () => {
    const [one, two] = [named("k!"), named("k!", betaJwk)];
    expect(() => TrustStore.parse(service({ keys: [one, two] }))).toThrow(/share a kid/);
    const services = [
      { ...pinned(alpha), keys: [one] },
      { ...pinned(alpha), origin: "2", keys: [two] },
    ];
    expect(() => TrustStore.parse(file({ services }))).toThrow(/share a kid/);
    const encoded = [named("AQID"), named(Buffer.from("AQID").toString("base64url"), betaJwk)];
    expect(() => TrustStore.parse(service({ keys: encoded }))).toThrow(/share a kid/);
    const thumbprint = named(alphaJwk.kid ?? "", betaJwk);
    expect(() => TrustStore.parse(service({ keys: [one, thumbprint] }))).toThrow(/share a kid/);
  });

  test("one kid of two services is no conflict", () => {
    const services = [
      { ...pinned(alpha), keys: [named("k!")] },
      { ...pinned(beta), keys: [named("k!", betaJwk)] },
    ];
    const trust = TrustStore.parse(file({ services, requireReceipts: 2 }));
    expect(trust.resolve(beta.issuer, utf8("k!"))?.service.issuer).toBe(beta.issuer);
  });

  test("two entries of one service do not meet a threshold of two", () => {
    const services = [pinned(alpha), pinned({ ...beta, issuer: alpha.issuer })];
    const error = refusal(() => TrustStore.parse(file({ services, requireReceipts: 2 })));
    expect(error.message).toBe("requireReceipts is 2, services named: 1");
  });
});
