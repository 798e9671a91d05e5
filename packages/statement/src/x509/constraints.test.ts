import { describe, expect, test } from "@jest/globals";
import { StatementError } from "../error.js";
import {
  ca,
  certificatesOf,
  constraints,
  extension,
  general,
  issue,
  issueLeaf,
  name,
  NOW,
  san,
} from "../testing/certificate.js";
import { der, sequence, text } from "../testing/der.js";
import { CertificatePath } from "./path.js";

const { dns, email, uri, ip, directory, registered, other } = general;

interface Case {
  readonly permitted?: readonly Uint8Array[];
  readonly excluded?: readonly Uint8Array[];
  /** Alternative names of the leaf. */
  readonly names?: readonly Uint8Array[];
  readonly subject?: string;
}

/** Yields why a leaf is refused below a root with the constraints, undefined where it is not. */
async function refusalOf({ permitted = [], excluded = [], names = [], subject = "CN=Leaf" }: Case) {
  const root = await issue("CN=Root", { extensions: [ca(), constraints(permitted, excluded)] });
  const extensions = names.length === 0 ? [] : [san(...names)];
  const leaf = await issue(name(subject), { by: root, extensions });
  try {
    await CertificatePath.verify(certificatesOf(leaf), certificatesOf(root), { time: NOW });
    return undefined;
  } catch (error) {
    if (!(error instanceof StatementError)) throw error;
    expect(error.code).toBe("STATEMENT_CHAIN_INVALID");
    return error.message;
  }
}

const V4 = [10, 1, 2, 3] as const;
const NET4 = ip(10, 0, 0, 0, 255, 0, 0, 0);
const V6 = [0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), 1];
const NET6 = ip(
  0x20,
  1,
  0xd,
  0xb8,
  ...new Array<number>(12).fill(0),
  ...new Array<number>(4).fill(255),
  ...new Array<number>(12).fill(0),
);
const UTF8_MAILBOX = other("1.3.6.1.5.5.7.8.9", text(0x0c, "ä@b.example"));

describe("kept", () => {
  test.each<[string, Case]>([
    ["the host itself", { permitted: [dns("a.example")], names: [dns("a.example")] }],
    [
      "a host below, in another case",
      { permitted: [dns("A.example")], names: [dns("x.a.EXAMPLE")] },
    ],
    ["any host", { permitted: [dns("")], names: [dns("x.example")] }],
    ["a wildcard below", { permitted: [dns("a.example")], names: [dns("*.a.example")] }],
    ["one of two", { permitted: [dns("b.example"), dns("a.example")], names: [dns("a.example")] }],
    ["no name of the kind", { permitted: [dns("a.example")], names: [uri("https://b.example/")] }],
    ["no names at all", { permitted: [dns("a.example")] }],
    ["a host beside an excluded one", { excluded: [dns("a.example")], names: [dns("ba.example")] }],
    ["a host above an excluded one", { excluded: [dns("x.a.example")], names: [dns("a.example")] }],
    ["the mailbox", { permitted: [email("u@a.example")], names: [email("u@A.example")] }],
    ["a mailbox of the host", { permitted: [email("a.example")], names: [email("u@a.example")] }],
    ["a mailbox below", { permitted: [email(".a.example")], names: [email("u@x.a.example")] }],
    ["a mailbox in the subject", { permitted: [email("a.example")], subject: "E=u@a.example" }],
    [
      "a URI of the host",
      { permitted: [uri("a.example")], names: [uri("https://u:p@A.example:8/x@y")] },
    ],
    ["a URI below", { permitted: [uri(".a.example")], names: [uri("https://x.a.example?q")] }],
    ["an address", { permitted: [NET4], names: [ip(...V4)] }],
    ["an address of version 6", { permitted: [NET6, NET4], names: [ip(...V6)] }],
    ["an address outside an excluded net", { excluded: [NET4], names: [ip(11, 0, 0, 1)] }],
    ["the subject", { permitted: [directory("O=Vendor")], subject: "O= vendor, CN=Leaf" }],
    ["an empty subject", { permitted: [directory("O=Vendor")], names: [dns("a")], subject: "" }],
    [
      "a subject whose end is excluded",
      { excluded: [directory("CN=Leaf")], subject: "O=V, CN=Leaf" },
    ],
    [
      "another kind of name beside one not read",
      { permitted: [registered("1.2")], names: [dns("a")] },
    ],
  ])("%s", async (_name, input) => {
    expect(await refusalOf(input)).toBeUndefined();
  });
});

describe("broken", () => {
  test.each<[string, Case, string]>([
    [
      "another host",
      { permitted: [dns("a.example")], names: [dns("b.example")] },
      "dns name is not permitted",
    ],
    [
      "a host that ends alike",
      { permitted: [dns("a.example")], names: [dns("ba.example")] },
      "dns name is not",
    ],
    [
      "a host above",
      { permitted: [dns("x.a.example")], names: [dns("a.example")] },
      "dns name is not",
    ],
    [
      "one of two hosts",
      { permitted: [dns("a.example")], names: [dns("a.example"), dns("b")] },
      "dns name is not",
    ],
    [
      "an excluded host",
      { excluded: [dns("a.example")], names: [dns("a.example")] },
      "dns name is excluded",
    ],
    [
      "a host below an excluded one",
      { excluded: [dns("a.example")], names: [dns("x.a.EXAMPLE")] },
      "dns name is excluded",
    ],
    [
      "excluded within permitted",
      { permitted: [dns("example")], excluded: [dns("a.example")], names: [dns("a.example")] },
      "dns name is excluded",
    ],
    ["every host is excluded", { excluded: [dns("")], names: [dns("b")] }, "dns name is excluded"],
    [
      "a wildcard over an excluded host",
      { excluded: [dns("x.a.example")], names: [dns("*.a.example")] },
      "dns name is excluded",
    ],
    [
      "a wildcard over a permitted host",
      { permitted: [dns("x.a.example")], names: [dns("*.a.example")] },
      "dns name is not",
    ],
    [
      "a host with a dot at its end",
      { excluded: [dns("a.example")], names: [dns("a.example.")] },
      "dns name cannot be compared",
    ],
    [
      "another mailbox",
      { permitted: [email("u@a.example")], names: [email("v@a.example")] },
      "email name is not",
    ],
    [
      "a mailbox below the host",
      { permitted: [email("a.example")], names: [email("u@x.a.example")] },
      "email name is not",
    ],
    [
      "a mailbox at the domain",
      { permitted: [email(".a.example")], names: [email("u@a.example")] },
      "email name is not",
    ],
    [
      "an excluded mailbox",
      { excluded: [email("a.example")], names: [email("u@A.example")] },
      "email name is excluded",
    ],
    [
      "an excluded mailbox in the subject",
      { excluded: [email("a.example")], subject: "E=u@a.example" },
      "email name is excluded",
    ],
    [
      "a quoted mailbox",
      { permitted: [email("a.example")], names: [email('"u@b"@a.example')] },
      "email name cannot be compared",
    ],
    [
      "a mailbox outside ASCII",
      { permitted: [email("b.example")], names: [UTF8_MAILBOX] },
      "otherName cannot be compared",
    ],
    [
      "a URI of another host",
      { permitted: [uri("a.example")], names: [uri("https://b.example/a.example")] },
      "uri name is not",
    ],
    [
      "a URI with the host as user",
      { permitted: [uri("a.example")], names: [uri("https://a.example@b.example/")] },
      "uri name is not",
    ],
    [
      "a URI with a backslash",
      { permitted: [uri("a.example")], names: [uri("https://b.example\\@a.example/")] },
      "uri name cannot",
    ],
    [
      "a URI below the host",
      { permitted: [uri("a.example")], names: [uri("https://x.a.example/")] },
      "uri name is not",
    ],
    [
      "a URI at the domain",
      { permitted: [uri(".a.example")], names: [uri("https://a.example/")] },
      "uri name is not",
    ],
    [
      "an excluded URI",
      { excluded: [uri("a.example")], names: [uri("https://A.example")] },
      "uri name is excluded",
    ],
    [
      "a URI without a host",
      { permitted: [uri("a.example")], names: [uri("did:web:a.example")] },
      "uri name cannot",
    ],
    [
      "a URI of an address",
      { excluded: [uri("a.example")], names: [uri("https://192.0.2.1/")] },
      "uri name cannot",
    ],
    [
      "a URI of an address of version 6",
      { excluded: [uri("a.example")], names: [uri("https://[::1]/")] },
      "uri name cannot",
    ],
    [
      "a URI of an address in hexadecimal",
      { excluded: [uri("a.example")], names: [uri("https://0x7f/")] },
      "uri name cannot",
    ],
    [
      "another address",
      { permitted: [NET4], names: [ip(11, 1, 2, 3)] },
      "ip name is not permitted",
    ],
    ["an excluded address", { excluded: [NET4], names: [ip(...V4)] }, "ip name is excluded"],
    [
      "an address of the other version",
      { permitted: [NET4], names: [ip(...V6)] },
      "ip name is not permitted",
    ],
    [
      "an excluded address of version 6",
      { excluded: [NET6], names: [ip(...V6)] },
      "ip name is excluded",
    ],
    [
      "another subject",
      { permitted: [directory("O=Vendor")], subject: "O=Other, CN=Leaf" },
      "directory name is not",
    ],
    [
      "a subject without a common name",
      { permitted: [directory("O=Vendor")], subject: "O=Other" },
      "directory name is not",
    ],
    [
      "a subject in another order",
      { permitted: [directory("O=Vendor")], subject: "CN=Leaf, O=Vendor" },
      "directory name is not",
    ],
    [
      "an excluded subject in another case",
      { excluded: [directory("O=Vendor")], subject: "O=VENDOR, CN=Leaf" },
      "directory name is excluded",
    ],
    [
      "another directory name beside",
      { permitted: [directory("O=V")], names: [directory("O=W")], subject: "O=V" },
      "directory name is not",
    ],
    [
      "a name of a kind that is not read",
      { permitted: [registered("1.2.3")], names: [registered("1.2.3")] },
      "registeredID cannot",
    ],
    [
      "one of such a kind that is excluded",
      { excluded: [other("1.2.3", text(0x0c, "x"))], names: [other("1.2.4", text(0x0c, "y"))] },
      "otherName cannot",
    ],
  ])("%s", async (_name, input, part) => {
    expect(await refusalOf(input)).toContain(`0 (`);
    expect(await refusalOf(input)).toContain(part);
  });
});

describe("along a path", () => {
  const bound = [ca(), constraints([directory("O=Vendor")])];

  test("constraints of the root reach the leaf, and those of each issuer count", async () => {
    const root = await issue("O=Vendor", { extensions: [ca(), constraints([dns("a.example")])] });
    const extensions = [ca(), constraints([dns("x.a.example"), dns("b.example")])];
    const middle = await issue("CN=Middle", { by: root, extensions });
    const verify = async (host: string): Promise<unknown> => {
      const leaf = await issueLeaf(middle, { extensions: [san(dns(host))] });
      const chain = certificatesOf(leaf, middle);
      return CertificatePath.verify(chain, certificatesOf(root), { time: NOW });
    };
    await expect(verify("x.a.example")).resolves.toBeInstanceOf(CertificatePath);
    await expect(verify("b.example")).rejects.toThrow(
      "not permitted by the name constraints of O=Vendor",
    );
    await expect(verify("a.example")).rejects.toThrow("by the name constraints of CN=Middle");
  });

  test("they are about the issuers below as well", async () => {
    const root = await issue("CN=Root", { extensions: bound });
    const middle = await issue("CN=Middle", { by: root });
    const leaf = await issue("O=Vendor, CN=Leaf", { by: middle, extensions: [] });
    const chain = certificatesOf(leaf, middle);
    await expect(
      CertificatePath.verify(chain, certificatesOf(root), { time: NOW }),
    ).rejects.toThrow("certificate 1 (CN=Middle): directory name is not permitted");
  });

  test("self-issued issuers are exempt", async () => {
    const root = await issue("CN=Root", { extensions: bound });
    const rolled = await issue("CN=Root", { by: root });
    const leaf = await issue("O=Vendor, CN=Leaf", { by: rolled, extensions: [] });
    const chain = certificatesOf(leaf, rolled);
    const path = await CertificatePath.verify(chain, certificatesOf(root), { time: NOW });
    expect(path.certificates).toHaveLength(3);
  });

  test("constraints that are not critical count too", async () => {
    const value = sequence(der(0xa0, sequence(dns("a.example"))));
    const root = await issue("CN=Root", { extensions: [ca(), extension("2.5.29.30", value)] });
    const leaf = await issueLeaf(root, { extensions: [san(dns("b.example"))] });
    await expect(
      CertificatePath.verify(certificatesOf(leaf), certificatesOf(root), { time: NOW }),
    ).rejects.toThrow("dns name is not permitted");
  });
});
