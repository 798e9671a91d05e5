import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { ContentError } from "./error.js";
import { factsOfContent } from "./facts.js";
import { recogniseContent } from "./recognise.js";
import { readSwidRim } from "./swid.js";
import { refusal } from "./testing/refusal.js";
import { resource, swidXml } from "./testing/swid.js";

const AB = "ab".repeat(48);
const TYPE = "application/swid+xml";
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const BOMB = `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>`;
const OUTSIDE = `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>`;

describe("a SWID tag", () => {
  test("is read into one form", () => {
    const rim = readSwidRim(swidXml({ before: '<?xml version="1.0" encoding="UTF-8"?>\n' }));
    expect(rim).toStrictEqual({
      ...{ tagId: "tag-1", version: "1.0", name: "GPU", firmware: "7.0.1", product: "RoT" },
      ...{ vendor: "Example Silicon", files: [], isSigned: false },
      measurements: [
        {
          ...{ index: 1, isActive: true, alternatives: 1, name: "one" },
          digests: [{ alg: "sha-384", value: new Uint8Array(48).fill(0xab) }],
        },
      ],
    });
  });

  test("has its measurements by index, alternatives in their order, and files", () => {
    const cd = "CD".repeat(48);
    const payload = [
      `<Resource type="Measurement" index="9" active="false" alternatives="2" h:Hash1="${cd}" h:Hash0="${AB}"/>`,
      resource('index="2" active="True"'),
      `<Directory name="d"><File name="rom.bin" s:hash="${"01".repeat(32)}"/></Directory>`,
    ].join("");
    const { measurements, files } = readSwidRim(swidXml({ payload }));
    expect(measurements.map(({ index, isActive }) => [index, isActive])).toStrictEqual([
      [2, true],
      [9, false],
    ]);
    expect(measurements[1]?.digests.map(({ value }) => value[0])).toStrictEqual([0xab, 0xcd]);
    expect(files).toStrictEqual([
      { name: "rom.bin", digests: [{ alg: "sha-256", value: new Uint8Array(32).fill(1) }] },
    ]);
  });

  test("is recognised by its type and by its root, and has facts", () => {
    for (const contentType of [undefined, TYPE, "text/xml; charset=utf-8", 41]) {
      expect(recogniseContent(swidXml(), { contentType }).kind).toBe("swid");
    }
    const payload = `${resource('index="1" active="True"')}${resource('index="2" active="False"', "cd".repeat(48))}`;
    expect(factsOfContent(recogniseContent(swidXml({ payload })))).toMatchObject({
      kind: "swid",
      swid: { tagId: "tag-1", digests: [{ alg: "sha-384", value: AB }] },
    });
  });

  test.each([
    ["a document type", swidXml({ before: "<!DOCTYPE x>" })],
    ["an entity bomb", swidXml({ before: BOMB, inside: "&c;" })],
    ["an entity from outside", swidXml({ before: OUTSIDE, inside: "&a;" })],
    ["a document type in UTF-16", text("\ufeff<!DOCTYPE x>".split("").join("\0"))],
    ["an entity that nobody declared", swidXml({ inside: "&nbsp;" })],
    ["half a reference", swidXml({ inside: "&#38" })],
    ["a reference to no character", swidXml({ inside: "&#0;" })],
    ["a reference to half a pair", swidXml({ inside: "&#xD800;" })],
    ["a CDATA section", swidXml({ inside: "<![CDATA[x]]>" })],
    ["the end of a CDATA section", swidXml({ inside: "]]>" })],
    ["a processing instruction", swidXml({ before: "<?xml-stylesheet href='x'?>" })],
    ["another encoding", swidXml({ before: '<?xml version="1.0" encoding="latin1"?>' })],
    ["XML 1.1", swidXml({ before: '<?xml version="1.1"?>' })],
    ["bytes that are not UTF-8", Uint8Array.of(0x3c, 0xff)],
    ["a control character", swidXml({ inside: "\u0001" })],
    ["an attribute twice", swidXml({ root: 'tagId="a" tagId="b" name="x"' })],
    [
      "an attribute twice by two prefixes",
      swidXml({ inside: '<a xmlns:p="urn:1" xmlns:q="urn:1" p:x="1" q:x="2"/>' }),
    ],
    ["a prefix that is not bound", swidXml({ inside: "<p:a/>" })],
    ["xml bound to something else", swidXml({ inside: '<a xmlns:xml="urn:1"/>' })],
    ["elements that cross", swidXml({ inside: "<a><b></a></b>" })],
    ["a second root", swidXml({ after: "<a/>" })],
    ["text behind the root", swidXml({ after: "x" })],
    ["a comment that does not end", swidXml({ inside: "<!-- " })],
    ["a comment with two dashes", swidXml({ inside: "<!-- -- -->" })],
    ["an attribute without quotes", swidXml({ root: "tagId=a" })],
    ["a tag in an attribute", swidXml({ root: 'tagId="<a>" name="x"' })],
    ["a document that is cut short", swidXml().slice(0, -5)],
    ["nothing", new Uint8Array(0)],
    ["many levels", swidXml({ inside: "<a>".repeat(40) + "</a>".repeat(40) })],
  ])("is refused where its XML is not plain: %s", (_name, payload) => {
    expect(refusal(() => readSwidRim(payload))).toBe("CONTENT_MALFORMED");
    expect(recogniseContent(payload).kind).toBe("opaque");
    expect(refusal(() => recogniseContent(payload, { contentType: TYPE }))).toBe(
      "CONTENT_MALFORMED",
    );
  });

  test.each([
    ["elements", "<a/>".repeat(60)],
    ["comments", "<!---->".repeat(60)],
    ["attributes", `<a ${Array.from({ length: 129 }, (_, i) => `b${i}="1"`).join(" ")}/>`],
    ["namespaces", '<a xmlns:b="urn:1"/>'.repeat(130)],
  ])("is refused with more than its limit of %s", (_name, inside) => {
    const maxItems = inside.length > 1000 ? 100_000 : 50;
    expect(refusal(() => readSwidRim(swidXml({ inside }), { maxItems }))).toBe("CONTENT_MALFORMED");
  });

  test.each([
    ["no identifier", swidXml({ root: 'name="x"' })],
    ["an empty identifier", swidXml({ root: 'tagId="" name="x"' })],
    ["one index twice", swidXml({ payload: resource('index="1" active="True"').repeat(2) })],
    ["no index", swidXml({ payload: resource('active="True"') })],
    ["an index that is no number", swidXml({ payload: resource('index="0x1" active="True"') })],
    ["a state that is no truth", swidXml({ payload: resource('index="1" active="1"') })],
    ["too few digests", swidXml({ payload: resource('index="1" active="True" alternatives="2"') })],
    ["a short digest", swidXml({ payload: resource('index="1" active="True"', "ab") })],
    [
      "a digest that is no hex",
      swidXml({ payload: resource('index="1" active="True"', "zz".repeat(48)) }),
    ],
    [
      "a digest of an unknown algorithm",
      swidXml({ payload: `<File name="a" xmlns:m="urn:md5" m:hash="${"ab".repeat(16)}"/>` }),
    ],
    ["no digest", swidXml({ payload: '<Resource type="Measurement" index="1" active="True"/>' })],
    ["two payloads", swidXml({ inside: "<Payload/>" })],
    ["many files", swidXml({ payload: '<File name="a"/>'.repeat(4097) })],
  ])("is refused where it is not as it has to be: %s", (_name, payload) => {
    expect(refusal(() => readSwidRim(payload))).toBe("CONTENT_STRUCTURE_INVALID");
    expect(refusal(() => recogniseContent(payload))).toBe("CONTENT_STRUCTURE_INVALID");
  });

  test("is refused in few words, however long its names are", () => {
    const payload = `<File name="${"x".repeat(9000)}" s:hash="ab"/>`;
    expect(() => readSwidRim(swidXml({ payload }))).toThrow(/^File x{128} has a digest .{1,40}$/);
  });

  test.each([
    ["the namespace of XML signatures", "http://www.w3.org/2000/09/xmldsig#", true],
    ["another namespace", "urn:other", false],
    ["that of the tag", "http://standards.iso.org/iso/19770/-2/2015/schema.xsd", false],
  ])("is signed where an element Signature is of %s", (_name, namespace, isSigned) => {
    const inside = `<p:Signature xmlns:p="${namespace}"/>`;
    expect(readSwidRim(swidXml({ inside })).isSigned).toBe(isSigned);
  });

  test("is refused where it is too large, and other XML is opaque", () => {
    expect(refusal(() => readSwidRim(new Uint8Array(1024 * 1024 + 1)))).toBe("CONTENT_TOO_LARGE");
    expect(recogniseContent(text("<svg/>"))).toMatchObject({ kind: "opaque", problem: undefined });
    expect(refusal(() => recogniseContent(text("<svg/>"), { contentType: TYPE }))).toBe(
      "CONTENT_TYPE_MISMATCH",
    );
    expect(refusal(() => readSwidRim(text("<svg/>")))).toBe("CONTENT_STRUCTURE_INVALID");
  });

  test("is read or refused, with any bytes changed", () => {
    const whole = swidXml();
    const change = fc.record({
      at: fc.nat(whole.length - 1),
      cut: fc.nat(8),
      put: fc.uint8Array({ maxLength: 8 }),
    });
    fc.assert(
      fc.property(change, ({ at, cut, put }) => {
        const changed = Uint8Array.of(...whole.slice(0, at), ...put, ...whole.slice(at + cut));
        try {
          expect(readSwidRim(changed).tagId).not.toBe("");
        } catch (error) {
          if (!(error instanceof ContentError)) throw error;
        }
      }),
    );
  });
});
