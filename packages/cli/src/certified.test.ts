import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { LABEL } from "@tallystick/cose";
import { SignedStatement } from "@tallystick/statement";

import { certify, makeAuthority } from "./testing/certificate.js";
import type { Authority } from "./testing/certificate.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const ISS = "https://vendor.example";

let workspace: Workspace;
let server: ServeProcess;
let service: readonly string[];
let root: Authority;
let middle: Authority;
let leaf: { readonly pem: string; readonly der: Uint8Array };
let did: string;

type Trust = Readonly<Record<string, unknown>>;

function signing(...options: readonly string[]): readonly string[] {
  return [
    "sign",
    "bom.json",
    "--key",
    "vendor.jwk",
    "--sub",
    "board 7",
    "--type",
    "a/b",
    ...options,
  ];
}

/** Signs, registers and verifies, and yields what a script is told. */
async function walk(name: string, ...options: readonly string[]): Promise<object> {
  await workspace.must(...signing(...options, "--out", `${name}.scitt`));
  const out = ["--out", `${name}.transparent`];
  await workspace.must("register", `${name}.scitt`, ...service, ...out);
  return verify(`${name}.transparent`, "trust.json");
}

async function verify(name: string, trust: string): Promise<object> {
  const { stdout } = await workspace.tally("verify", name, "--trust", trust, "--json");
  return JSON.parse(stdout) as object;
}

function without(member: string): (trust: Trust) => Trust {
  return (trust) => Object.fromEntries(Object.entries(trust).filter(([name]) => name !== member));
}

async function editTrust(name: string, edit: (trust: Trust) => Trust): Promise<void> {
  await workspace.write(name, JSON.stringify(edit(await workspace.json("trust.json"))));
}

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  for (const name of ["vendor", "lost"]) {
    await workspace.must("keygen", "--alg", "ES256", "--out", `${name}.jwk`);
  }
  root = await makeAuthority("CN=Root");
  middle = await makeAuthority("CN=Middle", root);
  leaf = await certify("CN=Vendor", await workspace.json("vendor.pub.jwk"), middle);
  did = `did:x509:0:sha256:${createHash("sha256").update(root.der).digest("base64url")}::subject:CN:Vendor`;
  await workspace.write("chain.pem", `subject=CN=Vendor\n${leaf.pem}${middle.pem}`);
  await workspace.write("bom.json", "{}");
  const lost = { ...(await workspace.json("lost.pub.jwk")), revoked: { from: 1, reason: "lost" } };
  const policy = {
    format: "tallystick-policy/1",
    issuers: [{ iss: "https://lost.example", keys: [{ ...lost, nbf: 5 }] }],
    anchors: [{ certificate: root.pem, issuers: [ISS], bindings: ["did:x509"] }],
    selfContained: ["did:jwk"],
    algorithms: ["ES256"],
    maxStatementBytes: 65_536,
    acceptsSingleCertificateArray: true,
  };
  await workspace.write("policy.json", JSON.stringify(policy));
  await workspace.must("init", "service", "--policy", "policy.json", "--origin", "log.example/1");
  server = await ServeProcess.start(workspace, "service");
  service = ["--service", server.url];
  await workspace.must("trust", "export", ...service, "--out", "trust.json");
});

afterAll(async () => {
  await server.stop();
  await workspace.remove();
});

describe("trust export", () => {
  test("has what the policy in force says of issuers", async () => {
    const trust = await workspace.json("trust.json");
    const lost = await workspace.json("lost.pub.jwk");
    const revoked = { from: 1, reason: "lost", origin: "log.example/1" };
    expect(trust).toMatchObject({
      issuers: [{ iss: "https://lost.example", keys: [{ ...lost, nbf: 5, revoked }] }],
      anchors: [
        {
          certificate: Buffer.from(root.der).toString("base64"),
          issuers: [ISS],
          bindings: ["did:x509"],
        },
      ],
      selfContained: ["did:jwk"],
      acceptsSingleCertificateArray: true,
      requireReceipts: 1,
    });
    const { stderr } = await workspace.must("trust", "export", ...service, "--out", "trust.json");
    expect(stderr).toContain(
      "as the policy in force has them: 1 issuers by key, 1 certificate authorities, 1 DID methods\n",
    );
  });

  test("never changes issuers that are there", async () => {
    await editTrust("mine.json", without("anchors"));
    const before = await workspace.json("mine.json");
    const args = ["trust", "export", ...service, "--out", "mine.json"];
    const { code, stderr } = await workspace.tally(...args);
    expect(code).toBe(1);
    expect(stderr).toContain("mine.json has other issuers than the policy in force");
    expect(await workspace.json("mine.json")).toEqual(before);
  });
});

describe("sign --chain", () => {
  test.each<[string, readonly string[], "protectedHeader" | "unprotectedHeader"]>([
    ["protected", [], "protectedHeader"],
    ["under a protected thumbprint", ["--x5t"], "unprotectedHeader"],
  ])("registers and verifies, the chain %s", async (_name, options, header) => {
    const name = header;
    const result = await walk(name, "--iss", ISS, "--chain", "chain.pem", ...options);
    const sha256 = (der: Uint8Array) => createHash("sha256").update(der).digest("hex");
    expect(result).toMatchObject({
      verified: true,
      isIssuerVerified: true,
      identity: {
        kind: "x509",
        isDid: false,
        certificate: { subject: "CN=Vendor", sha256: sha256(leaf.der) },
        anchor: { subject: "CN=Root", sha256: sha256(root.der) },
      },
    });
    const { receipts, judgedAt } = result as { receipts: [{ time: number }]; judgedAt: number };
    expect(judgedAt).toBe(receipts[0].time);
    const { message } = SignedStatement.decode(await workspace.read(`${name}.transparent`));
    expect(message[header].get(LABEL.x5chain)).toEqual([leaf.der, middle.der]);
    const table = await workspace.must("verify", `${name}.transparent`, "--trust", "trust.json");
    expect(table.stdout).toMatch(
      /\nverified issuer: signature of https:\/\/vendor\.example holds, by certificate CN=Vendor under CN=Root as of \d{4}-\S+Z\n/,
    );
  });

  test("IS3: the service gives the unprotected chain back with the statement", async () => {
    const { entryId } = SignedStatement.decode(await workspace.read("unprotectedHeader.scitt"));
    const response = await fetch(`${server.url}/entries/${entryId}/statement`);
    await workspace.write("fetched", new Uint8Array(await response.arrayBuffer()));
    expect(await verify("fetched", "trust.json")).toMatchObject({ isIssuerVerified: true });
  });

  test("one certificate is a bare byte string", async () => {
    const direct = await certify("CN=Direct", await workspace.json("vendor.pub.jwk"), root);
    await workspace.write("direct.pem", direct.pem);
    const result = await walk("direct", "--iss", ISS, "--chain", "direct.pem");
    expect(result).toMatchObject({ identity: { certificate: { subject: "CN=Direct" } } });
    const { message } = SignedStatement.decode(await workspace.read("direct.scitt"));
    expect(message.protectedHeader.get(LABEL.x5chain)).toEqual(direct.der);
  });

  test("an issuer may be a did:x509, or a did:jwk without certificates", async () => {
    expect(await walk("did", "--iss", did, "--chain", "chain.pem")).toMatchObject({
      issuer: did,
      identity: { kind: "x509", isDid: true, anchor: { subject: "CN=Root" } },
    });
    const { kty, crv, x, y } = await workspace.json("vendor.pub.jwk");
    const jwk = Buffer.from(JSON.stringify({ kty, crv, x, y })).toString("base64url");
    expect(await walk("jwk", "--iss", `did:jwk:${jwk}`)).toMatchObject({
      identity: { kind: "did", method: "did:jwk" },
    });
  });

  test.each<[string, () => string, string]>([
    ["a chain of another key", () => middle.pem + root.pem, "is of another key"],
    ["a chain in the wrong order", () => leaf.pem + root.pem + middle.pem, "CN=Vendor"],
    ["a chain with a gap", () => leaf.pem + root.pem, "CN=Vendor"],
    ["no PEM", () => "{}", "there is no certificate"],
    ["half a block", () => leaf.pem.slice(0, -9), "a block is not whole"],
    [
      "a file with a key in it",
      () => leaf.pem.replaceAll("CERTIFICATE", "PRIVATE KEY"),
      "block 0 is not a certificate",
    ],
  ])("refuses %s", async (_name, pem, says) => {
    await workspace.write("bad.pem", pem());
    const args = signing("--iss", ISS, "--chain", "bad.pem", "--out", "bad.scitt");
    const { code, stderr } = await workspace.tally(...args);
    expect(stderr).toMatch(/^tally: CLI_CHAIN_INVALID: bad\.pem: .+\n$/);
    expect(stderr).toContain(says);
    expect(code).toBe(2);
    expect(await workspace.names()).not.toContain("bad.scitt");
  });

  test.each<[string, readonly string[], string]>([
    ["--x5t alone", ["--iss", ISS, "--x5t"], "--x5t only goes with --chain"],
    [
      "a did:x509 without its chain",
      ["--iss", "did:x509:0:sha256:a::subject:CN:b"],
      "--iss: did:x509: ",
    ],
  ])("refuses %s", async (_name, options, says) => {
    const { code, stderr } = await workspace.tally(...signing(...options, "--out", "bad.scitt"));
    expect(code).toBe(3);
    expect(stderr).toContain(says);
  });
});

describe("verify", () => {
  test("says no where no anchor vouches for the chain", async () => {
    await editTrust("bare.json", without("anchors"));
    expect(await verify("protectedHeader.transparent", "bare.json")).toMatchObject({
      verified: false,
      error: { code: "VERIFIER_ISSUER_UNVERIFIED" },
    });
  });

  test.each<[string, number, boolean]>([
    ["below the entry", 0, false],
    ["at the entry", 1, false],
    ["above the entry", 2, true],
  ])("T7: a key that is revoked from %s on", async (_name, offset, holds) => {
    const { receipts } = (await verify("protectedHeader.transparent", "trust.json")) as {
      receipts: [{ index: number }];
    };
    const from = receipts[0].index - 1 + offset;
    const key = { ...(await workspace.json("vendor.pub.jwk")), revoked: { from } };
    await editTrust("revoked.json", (trust) => ({
      ...trust,
      issuers: [{ iss: "https://vendor-two.example", keys: [key] }],
    }));
    expect(await verify("protectedHeader.transparent", "revoked.json")).toMatchObject(
      holds
        ? { verified: true, identity: { kind: "x509" } }
        : { verified: false, error: { code: "VERIFIER_KEY_REVOKED" } },
    );
  });

  test("says that the key was to be used at another time", async () => {
    const key = { ...(await workspace.json("vendor.pub.jwk")), exp: 5 };
    const iss = "https://other.example";
    await editTrust("expired.json", (trust) => ({ ...trust, issuers: [{ iss, keys: [key] }] }));
    // Under another iss the window says nothing.
    const other = await verify("protectedHeader.transparent", "expired.json");
    expect(other).toMatchObject({ verified: true });
    await editTrust("expired.json", (trust) => ({
      ...trust,
      issuers: [{ iss: ISS, keys: [key] }],
    }));
    expect(await verify("protectedHeader.transparent", "expired.json")).toMatchObject({
      error: { code: "VERIFIER_KEY_OUT_OF_TERM" },
    });
  });

  test.each<[string, Trust, RegExp]>([
    ["an unknown member", { anchor: [] }, /unknown member "anchor"/],
    ["an anchor that is no certificate", { anchors: [{ certificate: "AAAA" }] }, /anchors\[0\]\.c/],
  ])("does not begin with %s in the trust file", async (_name, spoilt, says) => {
    await editTrust("spoilt.json", (trust) => ({ ...trust, ...spoilt }));
    const args = ["verify", "protectedHeader.transparent", "--trust", "spoilt.json"];
    const { code, stderr } = await workspace.tally(...args);
    expect(stderr).toMatch(says);
    expect(code).toBe(2);
  });
});
