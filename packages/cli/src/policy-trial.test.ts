import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdir } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { PrivateKey, encodeBase64url } from "@tallystick/cose";
import { signStatement } from "@tallystick/statement";

import { TALLY, tally } from "./testing/command.js";
import { WITHIN, makeCertified, signCertified } from "./testing/certified.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;
let first: Record<string, unknown>;

/** Runs `tally policy test` on the folder with a policy made from the first one. */
async function tried(
  change: Record<string, unknown>,
  ...args: readonly string[]
): Promise<Awaited<ReturnType<Workspace["tally"]>>> {
  await workspace.write("policy.json", JSON.stringify({ ...first, ...change }));
  const time = args.includes("--time") ? [] : ["--time", String(WITHIN)];
  const common = ["policy", "test", "policy.json", ...time];
  return workspace.tally(...common, "--statements", "statements", ...args);
}

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await mkdir(workspace.at("statements/more"), { recursive: true });
  const certified = await makeCertified();
  const key = await PrivateKey.generate("EdDSA");
  const { kid, ...jwk } = key.publicKey.toJwk();
  const did = `did:jwk:${encodeBase64url(new TextEncoder().encode(JSON.stringify(jwk)))}`;
  expect(kid).toBeDefined();
  const write = async (name: string, statement: Promise<Uint8Array>): Promise<void> => {
    await workspace.write(`statements/${name}`, await statement);
  };
  await write("certified", signCertified(certified, "https://vendor.example"));
  await write("more/stranger", signCertified(certified, "https://stranger.example"));
  const payload = new TextEncoder().encode("text");
  const claims = { issuer: did, subject: "a/b", contentType: "text/plain" };
  await write("self-contained", signStatement({ payload, ...claims }, key));
  first = {
    format: "tallystick-policy/1",
    issuers: [],
    anchors: [{ certificate: Buffer.from(certified.anchor).toString("base64"), bindings: ["san"] }],
    selfContained: ["did:jwk"],
    algorithms: ["ES256", "EdDSA"],
    maxStatementBytes: 4096,
  };
});

afterAll(() => workspace.remove());

describe("tally policy test", () => {
  test("tells issuers by certificate and by DID, in folders within the folder too", async () => {
    const { code, stdout, stderr } = await tried({});
    expect(stdout.split("\n")).toEqual([
      "statements/certified       admitted  https://vendor.example",
      "statements/more/stranger   refused   https://stranger.example",
      expect.stringMatching(/^ {37}CN=Root does not vouch for this iss/),
      expect.stringMatching(/^statements\/self-contained {2}admitted {2}did:jwk:/),
      "",
    ]);
    expect(stderr).toBe("2 admitted, 1 refused\n");
    expect(code).toBe(1);
  });

  test("says so where the policy takes neither certificates nor DIDs", async () => {
    const { code, stdout } = await tried({ anchors: [], selfContained: [] }, "--json");
    expect(code).toBe(1);
    const { statements } = JSON.parse(stdout) as { statements: { reasons: string[] }[] };
    expect(statements.map(({ reasons }) => reasons)).toEqual([
      ["there is no trust anchor"],
      ["there is no trust anchor"],
      [expect.stringContaining("issuers by did:jwk are not taken")],
    ]);
  });

  test("judges certificates at the time given", async () => {
    const late = await tried({}, "--time", String(Date.UTC(2031, 0, 1) / 1000), "--json");
    expect(late.code).toBe(1);
    expect(JSON.parse(late.stdout)).toMatchObject({
      statements: [{ file: "statements/certified", reasons: [expect.any(String)] }, {}, {}],
    });
    expect(late.stdout).toContain("CN=Leaf");
  });

  test("names every field and rule that refuses", async () => {
    const change = {
      algorithms: ["ES256"],
      contentTypes: ["application/json"],
      maxStatementBytes: 9,
      rules: [
        { name: "by-certificate", cel: 'identity.kind == "x509"', reason: "want a certificate" },
        { name: "exp", use: "requiredClaims", with: { claims: ["exp"] } },
      ],
    };
    const { code, stdout } = await tried(change, "--json");
    expect(code).toBe(1);
    const { time, statements } = JSON.parse(stdout) as {
      time: number;
      statements: { file: string; issuer: string; entryId: string; reasons: string[] }[];
    };
    expect(time).toBe(WITHIN);
    const found = statements.map(({ reasons }) => reasons.map((one) => one.split(":", 1).join()));
    expect(found).toEqual([
      ["contentType", "size", "rule exp"],
      [expect.stringContaining("CN=Root")],
      ["algorithm", "contentType", "size", "rule by-certificate", "rule exp"],
    ]);
    expect(statements[0]).toMatchObject({
      file: "statements/certified",
      issuer: "https://vendor.example",
      entryId: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
    });
  });

  test("ends with 0 where none is refused, and without statements with 2", async () => {
    await workspace.write("policy.json", JSON.stringify(first));
    const args = ["policy", "test", "policy.json", "--statements"];
    expect((await workspace.tally(...args, "statements/self-contained")).code).toBe(0);
    await mkdir(workspace.at("empty"));
    const empty = await workspace.tally(...args, "empty");
    expect(empty.stderr).toBe("tally: CLI_FILE_FAILED: no statements in empty\n");
    expect(empty.code).toBe(2);
    expect((await workspace.tally(...args, "nowhere")).code).toBe(2);
  });

  test("of what is no policy asks about no statement", async () => {
    const { code, stdout, stderr } = await tried({ format: "other" });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain("format");
    const json = await tried({ rules: [{ name: "r", cel: "1 +", reason: "no" }] }, "--json");
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: "POLICY_MALFORMED" } });
  });

  test("holds bills of materials against their schemas as it is packed", async () => {
    const { isPacked } = (await import(new URL("packed.js", pathToFileURL(TALLY)).href)) as {
      readonly isPacked: (base: URL) => boolean;
    };
    expect(isPacked(new URL("..", pathToFileURL(TALLY)))).toBe(true);
    const key = await PrivateKey.generate("EdDSA");
    const { kid, ...jwk } = key.publicKey.toJwk();
    expect(kid).toBeDefined();
    const issuer = `did:jwk:${encodeBase64url(new TextEncoder().encode(JSON.stringify(jwk)))}`;
    const claims = { issuer, subject: "a/b", contentType: "application/vnd.cyclonedx+json" };
    const bom = { bomFormat: "CycloneDX", specVersion: "1.6", version: 1 };
    await mkdir(workspace.at("boms"));
    for (const [name, document] of Object.entries({ bad: { ...bom, more: 1 }, good: bom })) {
      const payload = new TextEncoder().encode(JSON.stringify(document));
      await workspace.write(`boms/${name}`, await signStatement({ payload, ...claims }, key));
    }
    const rules = [{ name: "schema", use: "bomSchema", with: {} }];
    await workspace.write("boms.json", JSON.stringify({ ...first, rules }));
    const args = ["policy", "test", "boms.json", "--statements", "boms", "--json"];
    const { code, stdout, stderr } = await tally(args, { cwd: workspace.path });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toMatchObject({
      statements: [
        { file: "boms/bad", reasons: [expect.stringMatching(/must NOT have additional/)] },
        { file: "boms/good", reasons: [] },
      ],
    });
    expect(code).toBe(1);
  });
});
