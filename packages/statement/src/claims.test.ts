import { CLAIM, LABEL, type CborValue } from "@tallystick/cose";
import { describe, expect, test } from "@jest/globals";
import { parseIssuer } from "./claims.js";
import { SignedStatement } from "./statement.js";
import { refusal } from "./testing/refusal.js";
import { CLAIMS, headerWith, unsigned } from "./testing/sample.js";

function decode(claims: CborValue): SignedStatement {
  return SignedStatement.decode(
    unsigned({ protectedHeader: headerWith([[LABEL.cwtClaims, claims]]) }),
  );
}

function withClaim(claim: number, value: CborValue): CborValue {
  return new Map([...CLAIMS, [claim, value]]);
}

describe("CWT claims (header 15)", () => {
  test.each<[string, CborValue]>([
    ["no map", ["https://vendor.example", "x"]],
    ["undefined", undefined],
    ["an empty map", new Map()],
    ["no iss", new Map([[CLAIM.sub, "x"]])],
    ["no sub", new Map([[CLAIM.iss, "x"]])],
    [
      "iss and sub under names",
      new Map([
        ["iss", "x"],
        ["sub", "x"],
      ]),
    ],
    ["iss as bytes", withClaim(CLAIM.iss, Uint8Array.of(0x78))],
    ["sub as a number", withClaim(CLAIM.sub, 1)],
    ["sub of nil", withClaim(CLAIM.sub, null)],
    ["an empty iss", withClaim(CLAIM.iss, "")],
    ["an empty sub", withClaim(CLAIM.sub, "")],
    ["an iss of 8193 characters", withClaim(CLAIM.iss, "i".repeat(8193))],
    ["an iss with a colon and no scheme", withClaim(CLAIM.iss, ":vendor")],
    ["an iss with a colon behind a blank", withClaim(CLAIM.iss, "vendor one: two")],
    ["an iss whose scheme starts with a digit", withClaim(CLAIM.iss, "1password:x")],
    ["an iss with a blank in its URI", withClaim(CLAIM.iss, "https://vendor.example/a b")],
    ["an iss with a bracket in its URI", withClaim(CLAIM.iss, "https://vendor.example/<a>")],
    ["an iss with a broken escape", withClaim(CLAIM.iss, "https://vendor.example/%2")],
    ["an iss with a letter that a URI escapes", withClaim(CLAIM.iss, "https://vendör.example")],
    ["an iss with a newline behind its URI", withClaim(CLAIM.iss, "https://vendor.example\n")],
  ])("are missing: %s", (_name, claims) => {
    expect(refusal(() => decode(claims))).toBe("STATEMENT_CLAIMS_MISSING");
  });

  test("do not count in the unprotected header", () => {
    const bytes = unsigned({
      protectedHeader: headerWith([], [LABEL.cwtClaims]),
      unprotectedHeader: new Map([[LABEL.cwtClaims, CLAIMS]]),
    });
    expect(() => SignedStatement.decode(bytes)).toThrow(/only unprotected/);
    expect(refusal(() => SignedStatement.decode(bytes))).toBe("STATEMENT_CLAIMS_MISSING");
  });

  test.each([
    ["a name", "Vendor, Inc."],
    ["a name in another script", "株式会社"],
    ["the longest name", "i".repeat(8192)],
    ["a host", "vendor.example"],
    ["a URL", "https://vendor.example/a?b=[c]&d=%20#e"],
    ["a URN", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
    [
      "did:x509",
      "did:x509:0:sha256:q1zW6MbROTsJvpQD4l9NTXlrhltSoPXyqWff4bInoHg::eku:1.3.6.1.4.1.311.10.3.13",
    ],
    ["did:web", "did:web:vendor.example%3A8443"],
  ])("take for an iss: %s", (_name, iss) => {
    expect(decode(withClaim(CLAIM.iss, iss)).claims.issuer).toBe(iss);
  });

  test("a long iss is judged in linear time", () => {
    const iss = `a:${"%20".repeat(2730)}`;
    expect(decode(withClaim(CLAIM.iss, iss)).claims.issuer).toBe(iss);
    expect(refusal(() => decode(withClaim(CLAIM.iss, `${iss.slice(0, -3)}%zz`)))).toBe(
      "STATEMENT_CLAIMS_MISSING",
    );
  });
});

describe("iat", () => {
  test.each<[string, CborValue, number | undefined]>([
    ["absent", undefined, undefined],
    ["seconds", 1_700_000_000, 1_700_000_000],
    ["zero", 0, 0],
  ])("%s", (_name, value, want) => {
    const claims = value === undefined ? CLAIMS : withClaim(CLAIM.iat, value);
    expect(decode(claims).claims.issuedAt).toBe(want);
  });

  test.each<[string, CborValue]>([
    ["text", "2026-01-01T00:00:00Z"],
    ["nil", null],
    ["below zero", -1],
    ["beyond 2^53", 2n ** 60n],
  ])("is no NumericDate: %s", (_name, value) => {
    expect(refusal(() => decode(withClaim(CLAIM.iat, value)))).toBe("STATEMENT_MALFORMED");
  });
});

describe("parseIssuer", () => {
  test.each(["Vendor, Inc.", "https://vendor.example", "株式会社", "i".repeat(8192)])(
    "takes what a statement may name: %j",
    (text) => {
      expect(parseIssuer(text, "iss")).toBe(text);
    },
  );

  test.each([
    ["", "is empty"],
    ["a: b", "has a colon but is no URI"],
    ["127.0.0.1:8000", "has a colon but is no URI"],
    ["i".repeat(8193), "has 8193 characters, want at most 8192"],
  ])("refuses %j under the name that it is given", (text, says) => {
    expect(refusal(() => parseIssuer(text, "--iss"))).toBe("STATEMENT_CLAIMS_MISSING");
    expect(() => parseIssuer(text, "--iss")).toThrow(`--iss ${says}`);
  });
});
