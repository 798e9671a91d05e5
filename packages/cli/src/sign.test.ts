import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";

import { PublicKey } from "@tallystick/cose";
import {
  IssuerKeys,
  SignedStatement,
  VerifiedStatement,
  verifyArtifact,
} from "@tallystick/statement";

import { TALLY } from "./testing/command.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

const IDENTITY = ["--key", "issuer.jwk", "--iss", "https://issuer.example", "--sub", "thing"];
const ARTIFACT = new TextEncoder().encode('{"bomFormat":"CycloneDX"}');

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("keygen", "--alg", "ES384", "--out", "issuer.jwk");
  await workspace.write("bom.json", ARTIFACT);
  await workspace.write("empty", "");
});

afterAll(() => workspace.remove());

async function verified(name: string): Promise<SignedStatement> {
  const key = PublicKey.fromJwk(await workspace.json("issuer.pub.jwk"));
  const statement = SignedStatement.decode(await workspace.read(name));
  const keys = new IssuerKeys([{ iss: "https://issuer.example", keys: [key] }]);
  return (await VerifiedStatement.verify(statement, keys)).statement;
}

describe("sign", () => {
  test("puts the file inside", async () => {
    const before = Math.floor(Date.now() / 1000);
    const { code, stdout, stderr } = await workspace.tally(
      ...["sign", "bom.json", ...IDENTITY, "--type", "application/vnd.cyclonedx+json"],
      ...["--out", "inline.scitt"],
    );
    const statement = await verified("inline.scitt");
    expect(code).toBe(0);
    expect(stdout).toBe(`entryId: ${statement.entryId}\nwrote: inline.scitt\n`);
    expect(stderr).toBe("");
    expect(statement.payload).toEqual(ARTIFACT);
    expect(statement.contentType).toBe("application/vnd.cyclonedx+json");
    expect(statement.claims).toMatchObject({ issuer: "https://issuer.example", subject: "thing" });
    // S30
    expect(statement.claims.issuedAt).toBeGreaterThanOrEqual(before);
    expect(statement.claims.issuedAt).toBeLessThanOrEqual(Math.floor(Date.now() / 1000));
  });

  test.each(["sha-256", "sha-384", "sha-512"])("keeps the file outside with %s", async (hash) => {
    await workspace.must(
      ...["sign", "bom.json", ...IDENTITY, "--type", "application/json", "--hash", hash],
      ...["--location", "https://x.example/bom.json", "--out", "hash.scitt"],
    );
    const statement = await verified("hash.scitt");
    expect(statement.contentType).toBeUndefined();
    expect(statement.hashEnvelope).toMatchObject({
      preimageContentType: "application/json",
      location: "https://x.example/bom.json",
    });
    expect(statement.hashEnvelope?.hash.name).toBe(hash);
    expect(verifyArtifact(statement, ARTIFACT)).toBe(ARTIFACT);
  });

  test("takes an empty file, and replaces an older statement", async () => {
    const args = ["sign", "empty", ...IDENTITY, "--type", "text/plain", "--out", "again.scitt"];
    await workspace.write("again.scitt", "older");
    await workspace.must(...args);
    expect((await verified("again.scitt")).payload).toHaveLength(0);
    expect(await workspace.names()).toEqual(
      expect.not.arrayContaining([expect.stringMatching(/\.tmp$/)]),
    );
  });

  const posix = process.platform === "win32" ? test.skip : test;

  posix("writes to standard output without replacing it", () => {
    const args = ["sign", "bom.json", ...IDENTITY, "--type", "a/b", "--out", "/dev/stdout"];
    const command = `"${process.execPath}" "${TALLY}" ${args.join(" ")} | cat`;
    const { stdout, stderr } = spawnSync("sh", ["-c", command], { cwd: workspace.path });
    expect(String(stderr)).toMatch(/^entryId: [0-9a-f]{64}\nwrote: \/dev\/stdout\n$/);
    expect(SignedStatement.decode(new Uint8Array(stdout)).payload).toEqual(ARTIFACT);
  });

  test("says what to do about a file that is too large to be inside", async () => {
    await workspace.write("large", new Uint8Array(16_777_216));
    const args = ["sign", "large", ...IDENTITY, "--type", "a/b", "--out", "large.scitt"];
    const inline = await workspace.tally(...args);
    expect(inline.code).toBe(3);
    expect(inline.stderr).toMatch(
      /^tally: CLI_USAGE: \d+ bytes, .+; sign it with --hash; see tally sign --help\n$/,
    );
    expect((await workspace.tally(...args, "--hash", "sha-256")).code).toBe(0);
  });

  test("never shows what is in a broken key file", async () => {
    await workspace.write("broken.jwk", '{"d": "SECRETSECRET" oops');
    const { code, stdout, stderr } = await workspace.tally(
      ...[
        "sign",
        "bom.json",
        "--key",
        "broken.jwk",
        ...IDENTITY.slice(2),
        "--type",
        "a/b",
        "--out",
        "x",
      ],
    );
    expect(code).toBe(2);
    expect(stderr).toBe("tally: CLI_KEY_INVALID: broken.jwk is not a JSON Web Key: not JSON\n");
    expect(stdout).not.toContain("SECRET");
  });
});
