import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { PrivateKey, PublicKey, encodeBase64url } from "@tallystick/cose";

import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
});

afterAll(() => workspace.remove());

describe("keygen", () => {
  const algorithms = ["ES256", "ES384", "ES512", "EdDSA", "PS256", "ML-DSA-44", "ML-DSA-65"];

  test.each(algorithms)("makes a pair for %s", async (alg) => {
    const name = alg.toLowerCase();
    const { code, stdout, stderr } = await workspace.tally(
      ...["keygen", "--alg", alg, "--out", `${name}.jwk`],
    );
    const pub = await workspace.json(`${name}.pub.jwk`);
    const kid = String(pub["kid"]);
    expect(code).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toBe(
      `private key: ${name}.jwk, which nobody else may read\npublic key: ${name}.pub.jwk\nthumbprint: ${kid}\n`,
    );
    expect(await workspace.modeOf(`${name}.jwk`)).toBe("600");
    const key = PrivateKey.fromJwk(await workspace.json(`${name}.jwk`));
    const publicKey = PublicKey.fromJwk(pub);
    expect(key.algorithm.name).toBe(alg);
    expect(publicKey.thumbprint()).toEqual(key.publicKey.thumbprint());
    expect(kid).toBe(encodeBase64url(key.publicKey.thumbprint()));
    for (const member of ["d", "p", "q", "dp", "dq", "qi", "priv"]) {
      expect(pub).not.toHaveProperty(member);
    }
  });

  test("tells it in one JSON object", async () => {
    const made = ["keygen", "--alg", "EdDSA", "--out", "told.jwk", "--json"];
    const { stdout } = await workspace.must(...made);
    const { kid } = await workspace.json("told.pub.jwk");
    const files = { privateKey: "told.jwk", publicKey: "told.pub.jwk" };
    expect(JSON.parse(stdout)).toEqual({ ...files, thumbprint: kid });
  });

  test.each([
    ["the private key", "kept.jwk"],
    ["the public key", "kept.pub.jwk"],
  ])("does not overwrite %s", async (_, name) => {
    await workspace.write(name, "mine");
    const before = await workspace.names();
    const { code, stderr } = await workspace.tally(
      ...["keygen", "--alg", "ES256", "--out", "kept.jwk"],
    );
    expect(code).toBe(2);
    expect(stderr).toContain("exists and is not overwritten");
    expect(await workspace.names()).toEqual(before);
    expect(new TextDecoder().decode(await workspace.read(name))).toBe("mine");
  });
});
