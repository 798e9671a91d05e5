import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "@jest/globals";
import { parseCertificates, type Certificate } from "@tallystick/statement";

import * as inBrowsers from "./swid-signature-browser.js";
import { verifySwidRim } from "./swid-signature.js";
import { readSwidRim } from "./swid.js";
import { bytesOf } from "./testing/published.js";
import { rejection } from "./testing/refusal.js";
import { sharedFolder } from "./testing/shared.js";
import { signedSwid } from "./testing/signed-swid.js";
import { swidXml } from "./testing/swid.js";

const MATCHING = "1010_0200_882_96005E0001_PROD.swidtag";
const OTHER = "NV_GPU_VBIOS_1010_0200_882_96005E0001_measurement_mismatch.xml";
const TIME = 1_742_000_000;

const folder = sharedFolder("published manifests in XML", "data", "rim", "nvidia-swid");
const describeIt = folder === undefined ? describe.skip : describe;
const root = (): readonly Certificate[] =>
  parseCertificates(readFileSync(join(folder ?? "", "verifier_RIM_root.pem"), "utf8"));
const published = (name: string): string => readFileSync(join(folder ?? "", name), "utf8");
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describeIt("a published manifest in XML", () => {
  test.each([MATCHING, OTHER])("verifies to the pinned root: %s", async (name) => {
    const payload = bytesOf(folder ?? "", name);
    const { rim, certificates } = await verifySwidRim(payload, { anchors: root(), time: TIME });
    expect(rim).toStrictEqual(readSwidRim(payload));
    expect(rim).toMatchObject({ firmware: "96.00.5E.00.01", vendor: "NVIDIA Corporation" });
    expect(rim.measurements).toHaveLength(64);
    expect(rim.measurements.filter(({ isActive }) => isActive)).toHaveLength(12);
    expect(certificates).toHaveLength(4);
  });

  test("differs from its twin at one active index", async () => {
    const options = { anchors: root(), time: TIME };
    const [one, other] = await Promise.all(
      [MATCHING, OTHER].map((name) => verifySwidRim(bytesOf(folder ?? "", name), options)),
    );
    const differing = one?.rim.measurements.filter(
      ({ isActive, digests }, i) =>
        isActive && JSON.stringify(digests) !== JSON.stringify(other?.rim.measurements[i]?.digests),
    );
    expect(differing?.map(({ index }) => index)).toStrictEqual([9]);
  });

  test.each([
    ["after its signer's certificate", 1_760_000_000, "CONTENT_KEY_OUT_OF_TERM"],
    ["before its signer's certificate", 1_600_000_000, "CONTENT_KEY_OUT_OF_TERM"],
  ])("is refused %s", async (_name, time, code) => {
    const payload = bytesOf(folder ?? "", MATCHING);
    expect(await rejection(verifySwidRim(payload, { anchors: root(), time }))).toBe(code);
  });

  test("is refused under no root, and under another one", async () => {
    const payload = bytesOf(folder ?? "", MATCHING);
    const { anchor } = await signedSwid();
    for (const anchors of [[], [anchor]]) {
      expect(await rejection(verifySwidRim(payload, { anchors, time: TIME }))).toBe(
        "CONTENT_KEY_UNKNOWN",
      );
    }
  });

  const SIGNATURE = /<ds:Signature .*<\/ds:Signature>/s;
  const insideOf = (text: string, what: string): string =>
    text.replace("<ds:Signature ", `${what}<ds:Signature `);
  const REFUSALS: readonly (readonly [string, (text: string) => string, string])[] = [
    [
      "a changed digest",
      (text) => text.replace("c3f65ef7", "c3f65ef8"),
      "CONTENT_SIGNATURE_INVALID",
    ],
    ["an element added", (text) => insideOf(text, "<ns0:Link/>"), "CONTENT_SIGNATURE_INVALID"],
    [
      "the digest of another document",
      (text) =>
        text.replace(
          /D3Bc48[^<]*/,
          "IzU7UbaxCH03fdMm/owQAsO5/UNENvQ2USY4Qhg/NOvYWBSM0nljM89g+jqDHG+M",
        ),
      "CONTENT_SIGNATURE_INVALID",
    ],
    [
      "the signature of another document",
      (text) => text.replace(SIGNATURE, SIGNATURE.exec(published(OTHER))?.[0] ?? ""),
      "CONTENT_SIGNATURE_INVALID",
    ],
    [
      "a signature of another length",
      (text) => text.replace(/<ds:SignatureValue>.{4}/, "<ds:SignatureValue>"),
      "CONTENT_SIGNATURE_INVALID",
    ],
    ["no signature", (text) => text.replace(SIGNATURE, ""), "CONTENT_KEY_UNKNOWN"],
    [
      "no certificate",
      (text) => text.replace(/<ds:X509Data>.*<\/ds:X509Data>/s, ""),
      "CONTENT_KEY_UNKNOWN",
    ],
    [
      "the certificates above its signer's alone",
      (text) => text.replace(/<ds:X509Certificate>[^<]*<\/ds:X509Certificate>/, ""),
      "CONTENT_KEY_UNKNOWN",
    ],
    [
      "certificates that are none",
      (text) => text.replaceAll(/(<ds:X509Certificate>)[^<]*/g, "$1AAAA"),
      "CONTENT_MALFORMED",
    ],
    [
      "two signatures",
      (text) => insideOf(text, SIGNATURE.exec(text)?.[0] ?? ""),
      "CONTENT_HEADER_REFUSED",
    ],
    [
      "a signature inside of the payload",
      (text) => {
        const signature = SIGNATURE.exec(text)?.[0] ?? "";
        return text.replace(SIGNATURE, "").replace("</ns0:Payload>", `${signature}</ns0:Payload>`);
      },
      "CONTENT_HEADER_REFUSED",
    ],
    [
      "the signed document wrapped in an object",
      (text) => text.replace("</ds:Signature>", `<ds:Object>x</ds:Object></ds:Signature>`),
      "CONTENT_HEADER_REFUSED",
    ],
    [
      "a reference to a part",
      (text) => text.replace('URI=""', 'URI="#part"'),
      "CONTENT_HEADER_REFUSED",
    ],
    [
      "a reference elsewhere",
      (text) => text.replace('URI=""', 'URI="https://example.com/rim.xml"'),
      "CONTENT_HEADER_REFUSED",
    ],
    [
      "no reference",
      (text) => text.replace(/<ds:Reference.*<\/ds:Reference>/s, ""),
      "CONTENT_HEADER_REFUSED",
    ],
    [
      "two references",
      (text) => text.replace(/(<ds:Reference.*<\/ds:Reference>)/s, "$1$1"),
      "CONTENT_HEADER_REFUSED",
    ],
    [
      "a transform that chooses",
      (text) =>
        text.replace(
          /<ds:Transform [^>]*c14n11"\/>/,
          '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>1</ds:XPath></ds:Transform>',
        ),
      "CONTENT_HEADER_REFUSED",
    ],
    [
      "a transform that rewrites",
      (text) => text.replace(/(Transform Algorithm="[^"]*)c14n11"/, '$1xslt"'),
      "CONTENT_ALG_UNSUPPORTED",
    ],
    [
      "SHA-1",
      (text) => text.replace("xmldsig-more#sha384", "xmldsig#sha1"),
      "CONTENT_ALG_UNSUPPORTED",
    ],
    ["HMAC", (text) => text.replace("ecdsa-sha384", "hmac-sha384"), "CONTENT_ALG_UNSUPPORTED"],
    ["RSA", (text) => text.replace("ecdsa-sha384", "rsa-sha384"), "CONTENT_SIGNATURE_INVALID"],
    [
      "a comment in the signature",
      (text) => text.replace("<ds:SignatureValue>", "<ds:SignatureValue><!---->"),
      "CONTENT_HEADER_REFUSED",
    ],
    ["a comment elsewhere", (text) => insideOf(text, "<!---->"), "CONTENT_HEADER_REFUSED"],
    [
      "one identifier twice",
      (text) => insideOf(text, '<ns0:Link Id="a"/><ns0:Link ID="a"/>'),
      "CONTENT_HEADER_REFUSED",
    ],
    [
      "xml:base",
      (text) => insideOf(text, '<ns0:Link xml:base="urn:1"/>'),
      "CONTENT_HEADER_REFUSED",
    ],
    ["a document type", (text) => `<!DOCTYPE x [<!ENTITY a "b">]>${text}`, "CONTENT_MALFORMED"],
    ["many elements", (text) => insideOf(text, "<ns0:Link/>".repeat(1024)), "CONTENT_TOO_LARGE"],
    ["many bytes", (text) => `${text}${" ".repeat(262_144)}`, "CONTENT_TOO_LARGE"],
  ];

  test.each(REFUSALS)("is refused with %s", async (_name, change, code) => {
    const text = published(MATCHING);
    const changed = change(text);
    expect(changed).not.toBe(text);
    const options = { anchors: root(), time: TIME };
    expect(await rejection(verifySwidRim(bytes(changed), options))).toBe(code);
  });
});

describe("a manifest in XML", () => {
  test.each([["RSA"], ["P-256"], ["P-521"]] as const)("verifies by %s", async (kind) => {
    const { payload, anchor, time } = await signedSwid(kind);
    const { rim } = await verifySwidRim(payload, { anchors: [anchor], time });
    expect(rim).toMatchObject({ tagId: "tag-1", isSigned: true });
  });

  test("is no manifest where another root is signed", async () => {
    const { anchor, time } = await signedSwid();
    const svg = bytes("<svg/>");
    expect(await rejection(verifySwidRim(svg, { anchors: [anchor], time }))).toBe(
      "CONTENT_STRUCTURE_INVALID",
    );
    expect(await rejection(verifySwidRim(swidXml(), { anchors: [anchor], time }))).toBe(
      "CONTENT_KEY_UNKNOWN",
    );
  });
});

test("is not verified in browsers, aloud", async () => {
  const refusal = { name: "ContentError", code: "CONTENT_PART_MISSING" };
  await expect(inBrowsers.verifySwidRim()).rejects.toMatchObject(refusal);
  await expect(inBrowsers.findSwidAuthorities()).rejects.toMatchObject(refusal);
});
