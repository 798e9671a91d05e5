import { beforeAll, describe, expect, test } from "@jest/globals";
import { signReport } from "@tallystick/content";
import { digest, encodeHex, PrivateKey } from "@tallystick/cose";
import { signHashEnvelope, SignedStatement } from "@tallystick/statement";

import { report, rom, VENDOR } from "./testing/review.js";
import { SignedLog, statementOf } from "./testing/signed-log.js";
import { decodeBundle } from "./bundle.js";
import { decide, type Appraisal } from "./decide.js";
import { gather } from "./gather.js";
import { parseAppraisalPolicy } from "./policy.js";

const OPERATOR = "https://operator.example";
const STRANGER = "https://stranger.example";
const REVOKE = "application/vnd.tallystick.revoke+json";
const RELEASE = "application/vnd.tallystick.firmware-release+json";
const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value);

const SUBJECT = digest("sha-384", rom(7));
const HEX = encodeHex(SUBJECT);

describe("what cannot be read", () => {
  let good: SignedStatement;
  let vendor: PrivateKey;
  let root: PrivateKey;
  let lab: PrivateKey;

  beforeAll(async () => {
    [vendor, root, lab] = await Promise.all([
      PrivateKey.generate("ES256"),
      PrivateKey.generate("ES256"),
      PrivateKey.generate("ES384"),
    ]);
    const { bytes } = await signReport(utf8(report(7, "none")), lab, { kid: "lab-2026" });
    good = await statementOf({ iss: VENDOR, key: vendor }, bytes, "application/jose");
  });

  const keyOf = (iss: string): PrivateKey => (iss === VENDOR ? vendor : root);

  async function besideSigned(one: SignedStatement, changes: object = {}): Promise<Appraisal> {
    const own = await SignedLog.make("own", [good, one]);
    const issuers = [
      { iss: VENDOR, keys: [vendor.publicKey.toJwk()] },
      { iss: OPERATOR, keys: [root.publicKey.toJwk()] },
    ];
    const policy = parseAppraisalPolicy(
      utf8(
        JSON.stringify({
          format: "tallystick-appraisal/1",
          trust: { services: [own.pinned], issuers },
          reviewKeys: [{ provider: "Example Lab", key: lab.publicKey.toJwk() }],
          operators: [OPERATOR],
          ...changes,
        }),
      ),
    );
    const gathered = await gather(decodeBundle(await own.bundle()), policy);
    expect(gathered.isComplete).toBe(true);
    return decide([{ alg: "sha-384", value: HEX }], gathered, policy);
  }

  async function beside(
    iss: string,
    payload: Uint8Array | string,
    contentType: string,
  ): Promise<Appraisal> {
    return besideSigned(await statementOf({ iss, key: keyOf(iss) }, payload, contentType));
  }

  const revocation = (more: string): string =>
    `{"format":"tallystick-revoke/1","target":"${good.entryId}"${more}}`;
  const PADDING = `,"x":[${"0,".repeat(65_536)}0]`;
  const JSON_TYPE = "application/json";

  test.each([
    ["a doubled member", JSON_TYPE, `,"format":"tallystick-revoke/1"`],
    ["a member of prototypes", JSON_TYPE, `,"constructor":1`],
    ["too many items", JSON_TYPE, PADDING],
    ["a doubled member, under its own type", REVOKE, `,"format":"tallystick-revoke/1"`],
    ["too many items, under its own type", REVOKE, PADDING],
  ])("of an operator is for a person: %s", async (_name, type, more) => {
    const { decision, reasons, warnings } = await beside(OPERATOR, revocation(more), type);
    expect(decision).toBe("manual");
    expect(reasons.map(({ rule }) => rule)).toContain("unread");
    expect(warnings).toHaveLength(1);
  });

  test("of the issuer of what is used is for a person", async () => {
    expect(await beside(VENDOR, revocation(PADDING), REVOKE)).toMatchObject({ decision: "manual" });
  });

  test("of a stranger is a warning where it may be a notice alone", async () => {
    const found = await beside(STRANGER, revocation(PADDING), REVOKE);
    expect(found).toMatchObject({ decision: "allow" });
    expect(found.warnings).toHaveLength(1);
  });

  test("and may be a report is for a person, whoever published it", async () => {
    const large = `{"review_framework_version":"1.1","x":"${"a".repeat(300_000)}"}`;
    const type = "application/vnd.ocp.safe-sfr+json";
    const found = await beside(STRANGER, large, type);
    expect(found).toMatchObject({ decision: "manual" });
  });

  test("may be a large report in JSON or COSE under a type that leaves it open", async () => {
    for (const begin of [" {", "\n eyJ", "ewo"]) {
      const found = await beside(OPERATOR, begin + "a".repeat(300_000), "text/plain");
      expect(found).toMatchObject({ decision: "manual" });
    }
  });

  test.each([
    ["a text", "7.0.1 is out", "text/plain"],
    ["a large image", "\u0001".repeat(300_000), "application/octet-stream"],
    ["a large text", "a".repeat(300_000), "text/plain"],
  ])("asks for nobody as %s", async (_name, payload, type) => {
    const found = await beside(OPERATOR, payload, type);
    expect(found).toMatchObject({ decision: "allow" });
  });

  const release = (named: string): string =>
    `{"format":"tallystick-release/1","format":"tallystick-release/1","files":"${named}"}`;
  const swid = (named: string): string =>
    `<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd"><File hash="${named}"/>`;
  const BASE64 = Buffer.from(SUBJECT).toString("base64");
  const LARGE_XML = `<SoftwareIdentity>${" ".repeat(300_000)}`;
  const XML = "application/xml";

  const NAMING: readonly (readonly [string, Uint8Array | string, string])[] = [
    ["a release", release(HEX), RELEASE],
    ["a release in capitals", release(HEX.toUpperCase()), RELEASE],
    ["a release in base64", release(BASE64), RELEASE],
    ["a release that only its words tell", release(HEX), "application/json"],
    ["a SWID manifest", swid(HEX), "application/swid+xml"],
    ["a SWID manifest that only its words tell", swid(HEX), XML],
    ["a large SWID manifest", `${LARGE_XML}${HEX}`, XML],
    [
      "a manifest in CBOR without its tag",
      Uint8Array.of(0xa1, 0x00, 0x58, 48, ...SUBJECT),
      "application/rim+cbor",
    ],
    [
      "a large manifest in CBOR without its tag",
      Buffer.concat([Uint8Array.of(0xa1, 0x00), new Uint8Array(300_000), SUBJECT]),
      "application/rim+cbor",
    ],
  ];

  test.each(NAMING)("and names the subject is for a person: %s", async (_name, payload, type) => {
    for (const iss of [VENDOR, STRANGER]) {
      const found = await beside(iss, payload, type);
      expect(found.reasons).toContainEqual({
        ...{ decision: "manual", rule: "unread" },
        statement: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
        value: expect.stringContaining("names what is asked about: ") as unknown,
      });
      expect(found).toMatchObject({ decision: "manual" });
    }
  });

  test("and names the subject asks for nobody where the policy says so", async () => {
    const key = keyOf(VENDOR);
    const one = await statementOf({ iss: VENDOR, key }, release(HEX), RELEASE);
    const found = await besideSigned(one, { allowsUnreadManifests: true });
    expect(found).toMatchObject({ decision: "allow" });
    expect(found.warnings).toHaveLength(1);
  });

  test.each([
    ["a release", release("0".repeat(96)), RELEASE],
    ["half of it", release(HEX.slice(0, 48)), RELEASE],
    ["a SWID manifest", swid(HEX.replace("a", "b")), "application/swid+xml"],
    ["a large SWID manifest", LARGE_XML, XML],
  ])("is a warning where it names other firmware: %s", async (_name, payload, type) => {
    const found = await beside(VENDOR, payload, type);
    expect(found).toMatchObject({ decision: "allow" });
    expect(found.warnings).toHaveLength(1);
  });

  const ENVELOPED: readonly (readonly [string, () => Uint8Array, string | undefined])[] = [
    ["of the subject itself", () => rom(7), undefined],
    ["of what its type calls a revocation", () => utf8(revocation("")), REVOKE],
    ["of what its type calls a release", () => utf8(release(HEX)), RELEASE],
    ["of what its type calls a report", () => rom(1), "application/vnd.ocp.safe-sfr+json"],
    ["of what its type calls a manifest", () => rom(1), "application/rim+cbor"],
  ];

  test.each(ENVELOPED)(
    "asks for nobody as a hash envelope %s",
    async (_name, make, contentType) => {
      const preimage = make();
      for (const issuer of [VENDOR, OPERATOR]) {
        const envelope = await signHashEnvelope(
          {
            ...{ issuer, subject: "fw:example/rot", hash: "sha-384", preimage },
            ...(contentType === undefined ? {} : { contentType }),
          },
          keyOf(issuer),
        );
        const found = await besideSigned(SignedStatement.decode(envelope));
        expect(found).toMatchObject({ decision: "allow", warnings: [] });
      }
    },
  );
});
