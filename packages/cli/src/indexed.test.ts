import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const ISS = "https://issuer.example";
const TRUST = ["--trust", "trust.json"];

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("keygen", "--alg", "EdDSA", "--out", "issuer.jwk");
  await workspace.write("a.txt", "a");
  const claims = ["--iss", ISS, "--sub", "a", "--type", "text/plain", "--key", "issuer.jwk"];
  await workspace.must("sign", "a.txt", ...claims, "--out", "a.scitt");
}, 60_000);

afterAll(() => workspace.remove());

/** The size that the newest head covers, once there is one that covers as much. */
async function headOver(url: string, size: number): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${url}/metrics`)).text();
    const found = /^tallystick_index_head_size (\d+)$/m.exec(text)?.[1];
    if (Number(found) >= size) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a service that is made with an index proves what it found, with no more set up", async () => {
  const { stderr } = await workspace.must("init", "log", "--with-index");
  expect(stderr).toContain("index key ");
  await workspace.must("trust", "add", "issuer.pub.jwk", "--iss", ISS, "--dir", "log");
  const every = ["--index-every", "1", "--read-rate", "0"];
  const server = await ServeProcess.start(workspace, "log", ...every);
  await workspace.must("trust", "export", "--service", server.url, "--out", "trust.json");
  const out = ["--out", "a.transparent"];
  await workspace.must("register", "a.scitt", "--service", server.url, ...out);
  await headOver(server.url, 3);
  await workspace.must("search", server.url, "--sub", "a", "--prove", "a.proof");
  const asked = ["verify", "a.proof", ...TRUST, "--complete", "--sub", "a", "--json"];
  const { entries } = JSON.parse((await workspace.must(...asked)).stdout) as { entries: unknown[] };
  expect(entries).toHaveLength(1);
  await workspace.must("audit", "--service", server.url, ...TRUST);
  expect((await server.stop()).code).toBe(0);
}, 60_000);

test("a service that is made without has no such key, and commits to nothing", async () => {
  const { stderr } = await workspace.must("init", "plain");
  expect(stderr).not.toContain("index key");
  expect(await workspace.names("plain/keys")).not.toContain("index.jwk");
  const server = await ServeProcess.start(workspace, "plain");
  expect((await server.stop()).code).toBe(0);
  const refused = await workspace.tally("serve", "plain", "--index-every", "1");
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("no key signs")]);
});
