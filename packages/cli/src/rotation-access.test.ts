import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { cp } from "node:fs/promises";

import { Authority } from "./testing/pki.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

async function put(name: string, by: Authority, subject: string): Promise<void> {
  const { cert, key } = await by.issue(subject);
  await workspace.write(`${name}.pem`, cert);
  await workspace.write(`${name}.key`, key);
}

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  const authority = await Authority.make("authority");
  await workspace.write("ca.pem", authority.pem);
  await put("server", authority, "server");
  await put("client", authority, "operator 1");
  await workspace.must("init", "made");
  const token = ["token", "create", "--tokens", "tokens.json"];
  await workspace.must(...token, "--name", "operator", "--out", "operator.token");
});

afterAll(() => workspace.remove());

function serveWith(dir: string): Promise<ServeProcess> {
  return ServeProcess.start(
    ...[workspace, dir, "--tls-cert", "server.pem", "--tls-key", "server.key"],
    ...["--tls-client-ca", "ca.pem", "--tokens", "tokens.json", "--auth-reads"],
  );
}

describe("tally rotate-key through a server that lets in no strangers", () => {
  test.each([
    ["token", ["--token-file", "operator.token"]],
    ["certificate", ["--client-cert", "client.pem", "--client-key", "client.key"]],
  ])("goes from one key to the other with a %s, and without comes nowhere", async (dir, shown) => {
    await cp("made", dir, { recursive: true });
    const rotate = (
      server: ServeProcess,
      ...args: readonly string[]
    ): ReturnType<Workspace["tally"]> =>
      workspace.tally("rotate-key", dir, "--service", server.url, "--ca", "ca.pem", ...args);
    const server = await serveWith(dir);
    const refused = await rotate(server, "--begin");
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(
        /^tally: CLIENT_REFUSED: Unauthorized: .+bearer token, or use a client certificate/,
      ),
    ]);
    expect(await workspace.names(`${dir}/keys`)).not.toContain("receipt.next.jwk");
    const begun = await rotate(server, "--begin", ...shown);
    expect([begun.code, begun.stdout]).toEqual([0, expect.stringMatching(/^stage: announced$/m)]);
    const [, next = ""] = /^next: (\S+)$/m.exec(begun.stdout) ?? [];
    expect((await rotate(server, ...shown)).stdout).toBe(begun.stdout);
    expect((await rotate(server)).code).toBe(1);
    await server.stop();
    await workspace.must("rotate-key", dir, "--switch");
    const again = await serveWith(dir);
    expect((await rotate(again, "--finish")).code).toBe(1);
    const finished = await rotate(again, "--finish", ...shown);
    expect([finished.code, finished.stdout]).toEqual([
      0,
      expect.stringContaining(`stage: none\nsigns: ${next}\nnamed by the policy: ${next}\n`),
    ]);
    await again.stop();
    await workspace.must("fsck", dir);
    await workspace.must("audit", dir);
  });

  test("is refused where access is given and no server", async () => {
    const { code, stderr } = await workspace.tally(
      ...["rotate-key", "made", "--begin", "--token-file", "operator.token"],
    );
    expect([code, stderr]).toEqual([3, expect.stringContaining("--service")]);
  });
});
