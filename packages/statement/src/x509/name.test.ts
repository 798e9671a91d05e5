import { describe, expect, test } from "@jest/globals";
import { attribute, issue, name } from "../testing/certificate.js";
import { der, integer, oid, sequence, text } from "../testing/der.js";
import { refusal } from "../testing/refusal.js";
import { Certificate } from "./certificate.js";
import { parseDer } from "./der.js";
import { isSameName, isWithin, nameOf } from "./name.js";

describe("names", () => {
  test.each([
    ["UTF-8", text(0x0c, "Käte"), "Käte"],
    ["printable", text(0x13, "Kate"), "Kate"],
    ["numeric", text(0x12, "12 3"), "12 3"],
    ["IA5", text(0x16, "a@b"), "a@b"],
    ["Latin-1", der(0x14, Uint8Array.of(0xe4)), "ä"],
    ["UTF-16", der(0x1e, Uint8Array.of(0, 0xe4)), "ä"],
    ["UTF-32", der(0x1c, Uint8Array.of(0, 1, 0xf6, 0)), "\u{1f600}"],
    ["anything else", integer(7), "#020107"],
  ])("%s", async (_name, value, shown) => {
    const own = sequence(der(0x31, sequence(oid("2.5.4.3"), value)));
    expect((await issue(own)).certificate.subject.attributes[0]?.value).toBe(shown);
  });

  test.each([
    ["UTF-8 that is none", der(0x0c, Uint8Array.of(0xff))],
    ["printable with @", text(0x13, "a@b")],
    ["IA5 above 7 bits", der(0x16, Uint8Array.of(0x80))],
    ["UTF-16 that ends early", der(0x1e, Uint8Array.of(0))],
    ["half a surrogate pair", der(0x1e, Uint8Array.of(0xd8, 0))],
  ])("%s is refused", async (_name, value) => {
    const own = sequence(der(0x31, sequence(oid("2.5.4.3"), value)));
    const { der: bytes } = await issue(own);
    expect(refusal(() => Certificate.decode(bytes))).toBe("STATEMENT_CERTIFICATE_MALFORMED");
  });

  test("members of one relative name are in order, and at least one", async () => {
    const pair = [attribute("CN=a"), attribute("O=b")];
    const good = await issue(sequence(der(0x31, ...pair)));
    expect(good.certificate.subject.canonical).toHaveLength(1);
    for (const set of [der(0x31, ...pair.toReversed()), der(0x31)]) {
      const { der: bytes } = await issue(sequence(set));
      expect(refusal(() => Certificate.decode(bytes))).toBe("STATEMENT_CERTIFICATE_MALFORMED");
    }
  });

  test("a label is short and printable", async () => {
    const { label } = (await issue(name(`CN=\u001b[31m\n${"x".repeat(200)}`))).certificate;
    expect(label).toMatch(/^[ -~]{3,70}$/);
    expect((await issue(sequence(), { issuer: name("CN=CA") })).certificate.label).toBe("no name");
  });
});

describe("names are the same (RFC 5280 §7.1)", () => {
  const read = (pairs: string, tag?: number) => nameOf(parseDer(name(pairs, tag)));

  test.each<[string, string, number | undefined, boolean]>([
    ["as they are", "O=Vendor, CN=CA", undefined, true],
    ["in another case", "O=VENDOR, CN=ca", undefined, true],
    ["with more spaces", "O= Vendor , CN=CA", undefined, true],
    ["in another string type", "O=Vendor, CN=CA", 0x13, true],
    ["in another order", "CN=CA, O=Vendor", undefined, false],
    ["with less", "O=Vendor", undefined, false],
    ["with more", "O=Vendor, CN=CA, CN=CA", undefined, false],
    ["with two in one", "O=Vendor:2.5.4.3=CA", undefined, false],
    ["with another type", "CN=Vendor, CN=CA", undefined, false],
  ])("%s", (_name, other, ...[tag, isSame]) => {
    const [left, right] = [read("O=Vendor, CN=CA"), read(other, tag)];
    expect(isSameName(left, right)).toBe(isSame);
    expect(isSameName(right, left)).toBe(isSame);
  });

  test("letters outside ASCII have to be the same", () => {
    expect(isSameName(read("O=Käte"), read("O=KäTE"))).toBe(true);
    expect(isSameName(read("O=Käte"), read("O=KÄte"))).toBe(false);
  });

  test("spaces within count once", () => {
    expect(isSameName(read("O=A  B"), read("O=a b"))).toBe(true);
    expect(isSameName(read("O=A B"), read("O=ab"))).toBe(false);
  });

  test("a name lies within what it begins with", () => {
    expect(isWithin(read("O=Vendor, CN=CA"), read("O=VENDOR"))).toBe(true);
    expect(isWithin(read("O=Vendor"), read("O=Vendor, CN=CA"))).toBe(false);
    expect(isWithin(read("O=Vendor"), read(""))).toBe(true);
  });
});
