import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

// ML-DSA from one end to the other: keys of the service, key of the issuer, statement and receipt.

const ISS = "https://issuer.example";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.make();
});

afterAll(() => workspace.remove());

test("a statement signed with ML-DSA-65 in a log whose keys are ML-DSA-44", async () => {
  await workspace.must("init", "service", "--alg", "ML-DSA-44", "--origin", "tallystick.local/log");
  await workspace.must("keygen", "--alg", "ML-DSA-65", "--out", "issuer.jwk");
  await workspace.write("file.json", "{}");
  const server = await ServeProcess.start(workspace, "service");
  const service = ["--service", server.url];
  try {
    await workspace.must(
      ...["trust", "add", "issuer.pub.jwk", "--iss", ISS, ...service],
      ...["--operator", "service/keys/operator.jwk"],
    );
    await workspace.must(
      ...["sign", "file.json", "--key", "issuer.jwk", "--iss", ISS, "--sub", "file.json"],
      ...["--type", "application/json", "--out", "file.scitt"],
    );
    await workspace.must("register", "file.scitt", ...service, "--out", "file.transparent");
    await workspace.must("trust", "export", ...service, "--out", "trust.json");
  } finally {
    await server.stop();
  }
  const trust = await workspace.json("trust.json");
  expect(trust["services"]).toMatchObject([{ keys: [{ kty: "AKP", alg: "ML-DSA-44" }] }]);
  const issuers = [{ iss: ISS, keys: [await workspace.json("issuer.pub.jwk")] }];
  await workspace.write("pinned.json", JSON.stringify({ ...trust, issuers }));
  const { stdout } = await workspace.must(
    ...["verify", "file.transparent", "--trust", "pinned.json", "--payload", "file.json"],
  );
  expect(stdout).toMatch(/^verified receipt: /m);
  expect(stdout).toMatch(/^verified issuer: /m);
  expect(stdout).toMatch(/^yes: /m);
  const shown = await workspace.must("inspect", "file.transparent");
  expect(shown.stderr).toContain("ML-DSA-65");
  expect((await workspace.must("fsck", "service")).stdout).toMatch(/^sound: 3 entries/);

  // A key of the same kind that is not the issuer's.
  await workspace.must("keygen", "--alg", "ML-DSA-65", "--out", "other.jwk");
  const others = [{ iss: ISS, keys: [await workspace.json("other.pub.jwk")] }];
  await workspace.write("other.json", JSON.stringify({ ...trust, issuers: others }));
  const { code } = await workspace.tally("verify", "file.transparent", "--trust", "other.json");
  expect(code).toBe(1);
});
