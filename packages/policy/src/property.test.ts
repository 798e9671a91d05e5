import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatPolicy } from "./document.js";
import { PolicyError } from "./error.js";
import { Policy } from "./policy.js";
import { OPERATOR, STRANGER, VENDOR, bytesOf, documentWith } from "./testing/sample.js";

/** Parses, and fails the test on anything but a value or this package's error. */
function parseOrRefuse(bytes: Uint8Array): Policy | undefined {
  try {
    return Policy.parse(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(PolicyError);
    return undefined;
  }
}

// With a colon it would have to be a URI.
const name = fc.string({ minLength: 1, maxLength: 20 }).map((text) => text.replaceAll(":", "."));
const keys = fc.subarray([OPERATOR, STRANGER, VENDOR].map((key) => key.publicKey.toJwk()));
const issuers = fc.uniqueArray(fc.record({ iss: name, keys }, { noNullPrototype: true }), {
  selector: ({ iss }) => iss,
  maxLength: 5,
});

test("what is formatted is parsed as it was", () => {
  fc.assert(
    fc.property(issuers, fc.integer({ min: 1 }), (list, maxStatementBytes) => {
      const document = documentWith({ issuers: list, maxStatementBytes });
      expect(Policy.parse(formatPolicy(document)).document).toStrictEqual(document);
    }),
  );
});

describe("any bytes give a policy or this package's error", () => {
  test("of any kind", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseOrRefuse(bytes)));
  });

  test("of any JSON", () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(parseOrRefuse(new TextEncoder().encode(json))).toBeUndefined();
      }),
    );
  });

  test("with any value in the place of any member, at any depth", () => {
    const document = documentWith();
    const paths = [
      ...Object.keys(document).map((member) => [member]),
      ...["operators", "issuers"].flatMap((member) => [
        [member, "0"],
        [member, "0", "iss"],
        [member, "0", "keys"],
        [member, "0", "keys", "0"],
        [member, "0", "keys", "0", "x"],
        [member, "0", "keys", "0", "kid"],
      ]),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        const spoilt = JSON.parse(JSON.stringify(document)) as Record<string, unknown>;
        let at = spoilt;
        for (const step of path.slice(0, -1)) at = at[step] as Record<string, unknown>;
        at[path.at(-1) ?? ""] = value;
        parseOrRefuse(bytesOf(spoilt));
      }),
      { numRuns: 1000 },
    );
  });
});
