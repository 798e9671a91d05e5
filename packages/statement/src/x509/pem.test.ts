import { describe, expect, test } from "@jest/globals";
import { StatementError } from "../error.js";
import { decodeBase64, encodeBase64, parseCertificates } from "./pem.js";
import { issue } from "../testing/certificate.js";

const [first, second] = await Promise.all([issue("CN=First"), issue("CN=Second")]);

function pem(der: Uint8Array, label = "CERTIFICATE"): string {
  const lines = encodeBase64(der).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

function refusalOf(text: string): StatementError {
  try {
    parseCertificates(text);
  } catch (error) {
    if (error instanceof StatementError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

const both = pem(first.der) + pem(second.der);

describe("parseCertificates", () => {
  test.each<[string, string]>([
    ["several, in their order", both],
    ["with CRLF", both.replaceAll("\n", "\r\n")],
    ["without a newline at the end", both.trimEnd()],
    [
      "with what tools write between them",
      `subject=CN=First\n${both.replace("\n---", "\n\n---")}# end`,
    ],
    [
      "in lines of any length",
      pem(first.der).replaceAll(/(?<=[A-Za-z0-9+/]{64})\n/g, "") + pem(second.der),
    ],
  ])("yields certificates: %s", (_name, text) => {
    const ders = parseCertificates(text).map(({ der }) => der);
    expect(ders).toStrictEqual([first.der, second.der]);
  });

  test.each<[string, string, RegExp]>([
    ["nothing", "", /there is no certificate/],
    ["DER", Buffer.from(first.der).toString("latin1"), /there is no certificate/],
    ["base64 alone", encodeBase64(first.der), /there is no certificate/],
    ["a private key beside it", both + pem(first.der, "PRIVATE KEY"), /block 2 is not a cert/],
    ["a certificate request", pem(first.der, "CERTIFICATE REQUEST"), /block 0 is not a cert/],
    ["a block that does not end", both.slice(0, -20), /not whole/],
    ["a block that does not begin", both.slice(10), /not whole/],
    ["a block in a block", both.replace("-----END CERTIFICATE-----\n", ""), /not whole/],
    ["ends that differ", both.replace("END CERTIFICATE", "END CERTIFICATES"), /not whole/],
    ["another character", both.replace("\nM", "\nM!"), /not whole/],
    ["a digit too few", both.replace("\nMI", "\nM"), /certificate 0 is not canonical base64/],
    ["no bytes", pem(new Uint8Array()), /certificate 0 is not canonical base64/],
    ["bytes that are no certificate", pem(Uint8Array.of(0x30, 0)), /PEM: certificate 0: /],
    ["a certificate cut short", pem(first.der.subarray(0, -3)), /PEM: certificate 0: /],
  ])("refuses %s", (_name, text, message) => {
    const error = refusalOf(text);
    expect(error.code).toBe("STATEMENT_CERTIFICATE_MALFORMED");
    expect(error.message).toMatch(message);
  });

  test("reads a megabyte of hyphens and newlines in linear time", () => {
    const text = "-----BEGIN CERTIFICATE-----\n".repeat(40_000);
    expect(refusalOf(text).message).toMatch(/not whole/);
  });
});

test("base64 has one form", () => {
  for (const length of [1, 2, 3, 4, 255]) {
    const bytes = Uint8Array.from({ length }, (_, i) => 255 - i);
    const text = Buffer.from(bytes).toString("base64");
    expect(encodeBase64(bytes)).toBe(text);
    expect(decodeBase64(text)).toStrictEqual(bytes);
  }
  for (const text of ["", "AA", "AA=", "AB==", "AA==\n", "A===", "=", "-_-_", "AAA=A"]) {
    expect(decodeBase64(text)).toBeUndefined();
  }
});
