import { X509Certificate } from "node:crypto";
import { encodeHex } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { StatementError } from "../error.js";
import {
  authorityKeyId,
  ca,
  CERT_SIGN,
  constraints,
  ED25519,
  ed25519,
  extension,
  general,
  issue,
  NOT_CA,
  NOW,
  san,
  subjectKeyId,
  utcTime,
  type Recipe,
} from "../testing/certificate.js";
import { bits, der, integer, octets, oid, sequence, text } from "../testing/der.js";
import { refusal } from "../testing/refusal.js";
import { Certificate } from "./certificate.js";

const MALFORMED = "STATEMENT_CERTIFICATE_MALFORMED";
const NULL = Uint8Array.of(5, 0);

async function decoded(recipe: Recipe = {}, subject: string | Uint8Array = "CN=Leaf, O=Vendor") {
  return (await issue(subject, recipe)).certificate;
}

test("says what it is, as node:crypto reads it", async () => {
  const { der: bytes, certificate } = await issue("CN=Leaf, O=Vendor", { serial: integer(0, 200) });
  const node = new X509Certificate(bytes);
  expect(certificate.label).toBe("CN=Leaf");
  expect(certificate.serial.toUpperCase()).toBe(node.serialNumber);
  expect(certificate.notBefore).toBe(Date.parse(node.validFrom) / 1000);
  expect(certificate.notAfter).toBe(Date.parse(node.validTo) / 1000);
  expect(encodeHex(certificate.fingerprint("sha-256")).toUpperCase()).toBe(
    node.fingerprint256.replaceAll(":", ""),
  );
  expect(certificate.publicKey.toJwk()).toMatchObject({
    ...node.publicKey.export({ format: "jwk" }),
  });
  expect(certificate.subject.attributes).toStrictEqual([
    { oid: "2.5.4.3", name: "CN", value: "Leaf" },
    { oid: "2.5.4.10", name: "O", value: "Vendor" },
  ]);
  expect(Certificate.is(certificate)).toBe(true);
  expect(Certificate.is(Object.assign({}, certificate))).toBe(false);
});

test("is its own copy", async () => {
  const { der: bytes } = await issue("CN=Leaf");
  const certificate = Certificate.decode(bytes);
  const before = encodeHex(certificate.der);
  bytes.fill(0);
  expect(encodeHex(certificate.der)).toBe(before);
  expect(Object.isFrozen(certificate)).toBe(true);
});

test("extensions are read", async () => {
  const { extensions } = await decoded({
    extensions: [
      ca(3),
      extension("2.5.29.15", bits(Uint8Array.of(0x84), 2), true),
      extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.3"), oid("1.3.6.1.4.1.311.10.3.1"))),
      san(
        general.dns("vendor.example"),
        general.email("a@vendor.example"),
        general.uri("https://vendor.example/x"),
        general.ip(192, 0, 2, 1),
        general.ip(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
        general.directory("O=Vendor"),
        general.registered("1.2.3"),
        general.other("1.3.6.1.4.1.311.20.2.3", text(0x0c, "user@vendor.example")),
      ),
      constraints([general.dns("example")], [general.ip(10, 0, 0, 0, 255, 0, 0, 0)]),
      subjectKeyId(1, 2),
      authorityKeyId(3, 4),
      extension("1.2.3.4", NULL, true),
      extension("1.2.3.5", NULL),
    ],
  });
  expect(extensions.basicConstraints).toStrictEqual({ isCa: true, pathLength: 3 });
  expect([...(extensions.keyUsage ?? [])]).toStrictEqual(["digitalSignature", "keyCertSign"]);
  expect(extensions.extendedKeyUsage).toStrictEqual([
    "1.3.6.1.5.5.7.3.3",
    "1.3.6.1.4.1.311.10.3.1",
  ]);
  const names = extensions.subjectAltName;
  expect(names).toMatchObject({
    dns: ["vendor.example"],
    email: ["a@vendor.example"],
    uri: ["https://vendor.example/x"],
    others: [
      { form: "registeredID", oid: undefined },
      { form: "otherName", oid: "1.3.6.1.4.1.311.20.2.3" },
    ],
  });
  expect(names?.ip.map(encodeHex)).toStrictEqual(["c0000201", "20010db8000000000000000000000001"]);
  expect(names?.directory[0]?.attributes).toMatchObject([{ name: "O", value: "Vendor" }]);
  expect(extensions.nameConstraints?.permitted?.dns).toStrictEqual(["example"]);
  expect(extensions.nameConstraints?.excluded?.ip.map(encodeHex)).toStrictEqual([
    "0a000000ff000000",
  ]);
  expect(extensions.subjectKeyId).toStrictEqual(Uint8Array.of(1, 2));
  expect(extensions.authorityKeyId).toStrictEqual(Uint8Array.of(3, 4));
  expect(extensions.unknownCritical).toStrictEqual(["1.2.3.4"]);
  expect(extensions.raw.get("1.2.3.5")).toStrictEqual({ isCritical: false, value: NULL });
});

describe("validity (RFC 5280 §4.1.2.5)", () => {
  test.each([
    [0x17, "500101000000Z", -631_152_000],
    [0x17, "491231235959Z", 2_524_607_999],
    [0x18, "20500101000000Z", 2_524_608_000],
    [0x18, "99991231235959Z", 253_402_300_799],
    [0x17, "240229000000Z", 1_709_164_800],
  ])("tag %i %s", async (tag, value, seconds) => {
    expect((await decoded({ notAfter: text(tag, value) })).notAfter).toBe(seconds);
  });

  test.each([
    ["without seconds", 0x17, "2601010000Z"],
    ["with an offset", 0x17, "260101000000+0000"],
    ["without Z", 0x17, "260101000000"],
    ["with a fraction", 0x18, "20260101000000.5Z"],
    ["with bytes behind", 0x18, "20260101000000Z  "],
    ["of a day that there is not", 0x17, "250229000000Z"],
    ["with a leap second", 0x17, "261231235960Z"],
    ["of hour 24", 0x17, "260101240000Z"],
    ["of month 13", 0x17, "261301000000Z"],
    ["as text", 0x0c, "260101000000Z"],
  ])("%s is refused", async (_name, tag, value) => {
    const { der: bytes } = await issue("CN=Leaf", { notAfter: text(tag, value) });
    expect(refusal(() => Certificate.decode(bytes))).toBe(MALFORMED);
  });
});

const twice = (id: string, value: Uint8Array): Uint8Array[] => [
  extension(id, value),
  extension(id, value),
];
const withExtensions = (...extensions: readonly Uint8Array[]): Recipe => ({ extensions });
const nested = (levels: number): Uint8Array => (levels === 0 ? NULL : sequence(nested(levels - 1)));

describe("refused, and why", () => {
  test.each<[string, Recipe, string]>([
    ["bytes behind the end", { edit: (b) => Uint8Array.of(...b, 0) }, "bytes behind the end"],
    ["a truncated one", { edit: (b) => b.subarray(0, -1) }, "truncated"],
    ["nothing", { edit: () => new Uint8Array() }, "element is missing"],
    ["more than 64 KiB", { edit: () => der(4, new Uint8Array(65_536)) }, "want 65536 at most"],
    ["an indefinite length", { edit: (b) => Uint8Array.of(0x30, 0x80, ...b, 0, 0) }, "indefinite"],
    ["a length in two bytes", { serial: Uint8Array.of(2, 0x81, 1, 1) }, "shortest form"],
    ["an inner indefinite length", { serial: Uint8Array.of(0x30, 0x80, 0, 0) }, "indefinite"],
    ["too many levels", { edit: () => nested(20) }, "more than 16 levels"],
    [
      "too many elements",
      { edit: () => sequence(...Array.from({ length: 5000 }, () => NULL)) },
      "more than 4096 elements",
    ],
    ["a string in parts", { edit: () => der(0x24, octets(NULL)) }, "wrong form"],
    ["a primitive sequence", { edit: () => der(0x10, NULL) }, "wrong form"],
    ["a tag of many bytes", { edit: () => Uint8Array.of(0x1f, 0x81, 1, 0) }, "tag 31"],
    ["an application tag", { edit: () => der(0x61, NULL) }, "tag 97"],
    ["one part too many", { edit: (b) => sequence(...[b, b, b, b]) }, "three parts"],
    ["another algorithm inside", { inner: sequence(oid("1.3.101.113")) }, "inside and outside"],
    [
      "parameters inside alone",
      { inner: sequence(oid("1.3.101.112"), NULL) },
      "inside and outside",
    ],
    ["a negative serial number", { serial: integer(0x80) }, "serial number"],
    ["a zero serial number", { serial: integer(0) }, "serial number"],
    ["21 octets of serial number", { serial: integer(...Array<number>(21).fill(1)) }, "serial"],
    ["a padded serial number", { serial: integer(0, 1) }, "shortest form"],
    ["version 1 with extensions", { version: null }, "below version 3"],
    ["version 2 with extensions", { version: der(0xa0, integer(1)) }, "below version 3"],
    ["version 1 in writing", { version: der(0xa0, integer(0)) }, "version is not"],
    ["version 4", { version: der(0xa0, integer(3)) }, "version is not"],
    ["no issuer", { issuer: sequence() }, "issuer is empty"],
    ["a duplicate extension", withExtensions(...twice("1.2.3", NULL)), "there twice"],
    ["a duplicate known extension", withExtensions(NOT_CA, NOT_CA), "there twice"],
    [
      "an extension that says critical: no",
      withExtensions(sequence(oid("1.2.3"), Uint8Array.of(1, 1, 0), octets(NULL))),
      "critical: no",
    ],
    [
      "a boolean that is neither",
      withExtensions(sequence(oid("1.2.3"), Uint8Array.of(1, 1, 1), octets(NULL))),
      "boolean",
    ],
    [
      "65 extensions",
      withExtensions(...Array.from({ length: 65 }, (_, i) => extension(`1.2.${i}`, NULL))),
      "65 extensions",
    ],
    [
      "CA: no in writing",
      withExtensions(extension("2.5.29.19", sequence(Uint8Array.of(1, 1, 0)))),
      "one encoding",
    ],
    [
      "more in basic constraints",
      withExtensions(extension("2.5.29.19", sequence(Uint8Array.of(1, 1, 255), integer(1), NULL))),
      "BasicConstraints",
    ],
    [
      "a path length of no CA",
      withExtensions(extension("2.5.29.19", sequence(integer(1)))),
      "path length of what is no CA",
    ],
    ["a negative path length", withExtensions(ca(0xff)), "path length is negative"],
    [
      "key usage without a bit",
      withExtensions(extension("2.5.29.15", bits(new Uint8Array()))),
      "key usage",
    ],
    [
      "key usage with trailing zeros",
      withExtensions(extension("2.5.29.15", bits(Uint8Array.of(0x80), 0))),
      "key usage",
    ],
    [
      "key usage with an unknown bit",
      withExtensions(extension("2.5.29.15", bits(Uint8Array.of(0x80, 0x40), 6))),
      "key usage",
    ],
    [
      "spare bits that are set",
      withExtensions(extension("2.5.29.15", bits(Uint8Array.of(0x81), 7))),
      "spare bits",
    ],
    ["no extended key usage", withExtensions(extension("2.5.29.37", sequence())), "is empty"],
    ["no alternative name", withExtensions(san()), "names are empty"],
    ["a name with a NUL", withExtensions(san(general.dns("a.example\0.evil"))), "printable"],
    ["an empty name", withExtensions(san(general.dns(""))), "printable"],
    [
      "an IP address with a mask",
      withExtensions(san(general.ip(1, 2, 3, 4, 255, 0, 0, 0))),
      "8 bytes",
    ],
    ["an IP address of 5 bytes", withExtensions(san(general.ip(1, 2, 3, 4, 5))), "AlternativeName"],
    [
      "a subject key id of 65 bytes",
      withExtensions(subjectKeyId(...Array<number>(65).fill(1))),
      "65",
    ],
    ["an empty authority key id", withExtensions(authorityKeyId()), "key identifier"],
    ["empty name constraints", withExtensions(constraints([])), "constraints are empty"],
    [
      "a constraint with a leading dot",
      withExtensions(constraints([general.dns(".example")])),
      "no known form",
    ],
    ["a constraint on a URI", withExtensions(constraints([general.uri("https://a")])), "no known"],
    [
      "a constraint with a hole in its mask",
      withExtensions(constraints([general.ip(10, 0, 0, 0, 255, 0, 255, 0)])),
      "one encoding",
    ],
    [
      "a constraint with a distance",
      withExtensions(
        extension(
          "2.5.29.30",
          sequence(der(0xa0, sequence(general.dns("a"), der(0x80, Uint8Array.of(1))))),
        ),
      ),
      "distances",
    ],
    [
      "257 names",
      withExtensions(san(...Array.from({ length: 257 }, () => general.dns("a")))),
      "more than 256 names",
    ],
    [
      "a key that is not supported",
      {
        key: {
          ...ed25519(),
          spki: sequence(sequence(oid("1.3.101.113")), bits(new Uint8Array(57))),
        },
      },
      "public key",
    ],
    [
      "a weak key",
      {
        key: {
          ...ed25519(),
          spki: sequence(ED25519, bits(Uint8Array.of(1, ...new Uint8Array(31)))),
        },
      },
      "public key",
    ],
  ])("%s", async (_name, recipe, part) => {
    const { der: bytes } = await issue("CN=Leaf", recipe);
    expect(refusal(() => Certificate.decode(bytes))).toBe(MALFORMED);
    expect(() => Certificate.decode(bytes)).toThrow(part);
  });
});

describe("one encoding of each length", () => {
  test.each([
    ["one byte where none is needed", [0x05, 0x81, 0x00]],
    ["two bytes where one is enough", [0x04, 0x82, 0x00, 0x80, ...new Array<number>(128).fill(0)]],
    ["indefinite", [0x30, 0x80, 0x00, 0x00]],
    ["four bytes", [0x04, 0x84, 0, 0, 0, 1, 0]],
    ["none", [0x04]],
    ["cut", [0x04, 0x82, 1]],
  ])("%s", (_name, bytes) => {
    expect(() => Certificate.decode(Uint8Array.from(bytes))).toThrow(/length/);
  });
});

describe("any bytes", () => {
  const decodeOrRefuse = (bytes: Uint8Array): void => {
    try {
      Certificate.decode(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(StatementError);
    }
  };

  test("give a certificate or this package's error", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), decodeOrRefuse), { numRuns: 1000 });
  });

  test("in the place of good ones give a certificate or this package's error", async () => {
    const { der: good } = await issue("CN=Leaf", {
      extensions: [ca(1), CERT_SIGN, san(general.dns("a"), general.ip(1, 2, 3, 4))],
    });
    const at = fc.nat({ max: good.length - 1 });
    fc.assert(
      fc.property(at, fc.uint8Array({ minLength: 1, maxLength: 4 }), (offset, splice) => {
        const changed = new Uint8Array(good);
        changed.set(splice.subarray(0, good.length - offset), offset);
        decodeOrRefuse(changed);
      }),
      { numRuns: 3000 },
    );
  });

  test("as the value of a known extension give a certificate or this package's error", async () => {
    const ids = fc.constantFrom(...[14, 15, 17, 19, 30, 35, 37].map((last) => `2.5.29.${last}`));
    const value = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }).map((content) => sequence(content)),
      fc.uint8Array({ maxLength: 40 }).map((content) => sequence(der(0xa0, sequence(content)))),
    );
    await fc.assert(
      fc.asyncProperty(ids, value, async (id, bytes) => {
        decodeOrRefuse((await issue("CN=Leaf", { extensions: [extension(id, bytes)] })).der);
      }),
      { numRuns: 1000 },
    );
  });
});

test("a key identifier that holds ever deeper octet strings is not opened", async () => {
  let inside = octets();
  while (inside.length < 60) inside = octets(inside);
  const { extensions } = await decoded({ extensions: [subjectKeyId(...inside)] });
  expect(extensions.subjectKeyId).toStrictEqual(inside);
});

test("utcTime and the sample time agree", async () => {
  expect((await decoded({ notAfter: utcTime("260601000000Z") })).notAfter).toBe(NOW);
});
