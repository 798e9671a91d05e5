import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import { startTally } from "./testing/command.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;
let server: ServeProcess;
let thumbprint: string;

const audit = (...args: readonly string[]): ReturnType<Workspace["tally"]> =>
  workspace.tally("audit", ...args);

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "service", "--origin", "tallystick.local/log");
  await workspace.must("keygen", "--alg", "ES256", "--out", "vendor.jwk");
  server = await ServeProcess.start(workspace, "service");
  await workspace.must(
    ...["trust", "add", "vendor.pub.jwk", "--iss", "https://vendor.example"],
    ...["--service", server.url, "--operator", "service/keys/operator.jwk"],
  );
  for (const n of [1, 2, 3]) {
    await workspace.write("artifact.txt", `artifact ${n}`);
    await workspace.must(
      ...["sign", "artifact.txt", "--key", "vendor.jwk", "--iss", "https://vendor.example"],
      ...["--sub", "a/b", "--type", "text/plain", "--out", "one.cose"],
    );
    await workspace.must(
      ...["register", "one.cose", "--service", server.url, "--out", "one.transparent.cose"],
    );
  }
  await workspace.must("trust", "export", "--service", server.url, "--out", "trust.json");
  thumbprint = String((await workspace.json("service/keys/receipt.pub.jwk"))["kid"]);
});

afterAll(async () => {
  await server.stop();
  await workspace.remove();
});

describe("tally audit --service", () => {
  test("replays the log of a running service, by pinned keys", async () => {
    const { code, stdout, stderr } = await audit("--service", server.url, "--trust", "trust.json");
    expect(stderr).toBe("");
    expect(stdout).toMatch(
      new RegExp(
        [
          `^key: ${thumbprint}, pinned in trust\\.json`,
          "sound: 5 entries, root [0-9a-f]{64}",
          "checked: entries 5, signatures 10, checkpoints 5, policies 2, chains 0, disowned 0, heads 0, bytes \\d+",
          "longest wait for a checkpoint: \\d+ s",
          "rate: \\d+ entries/s\n$",
        ].join("\n"),
      ),
    );
    expect(code).toBe(0);
  });

  test("goes on from its state, and says the same", async () => {
    const args = ["--service", server.url, "--trust", "trust.json", "--state", "audit.state"];
    const first = await audit(...args, "--json");
    const again = await audit(...args, "--json");
    expect([first.code, again.code]).toEqual([0, 0]);
    const [one, two] = [first, again].map(
      ({ stdout }) => JSON.parse(stdout) as Record<string, unknown>,
    );
    expect(one).toMatchObject({ verdict: "sound", isComplete: true, checked: 5, unchecked: [] });
    expect({ ...two, rate: one?.["rate"] }).toEqual(one);
  });

  test("does not go on from what is no state", async () => {
    await workspace.write("broken.state", "no state");
    const { code, stdout, stderr } = await audit(
      ...["--service", server.url, "--trust", "trust.json", "--state", "broken.state"],
    );
    expect(code).toBe(2);
    expect(stderr).toContain("the saved state cannot be used");
    expect(stdout).not.toContain("sound");
  });

  test.each([
    ["without pins", ["--service", "http://127.0.0.1:1"], 3, "want --trust"],
    ["of nothing", [], 3, "want either a directory or --service"],
  ])("is wrong usage %s", async (...[, args, code, message]) => {
    const outcome = await audit(...args);
    expect(outcome.stderr).toContain(message);
    expect(outcome.code).toBe(code);
  });

  test("of a service that cannot be reached is no verdict", async () => {
    const { code, stdout } = await audit(
      "--service",
      "http://127.0.0.1:1",
      "--trust",
      "trust.json",
    );
    expect(code).toBe(2);
    expect(stdout).not.toContain("sound");
  });

  test("names the first entry that is not as it should be", async () => {
    const proxy = await proxyOf((path, body) => {
      if (!path.startsWith("/replay/entries/")) return body;
      const at = Buffer.from(body).indexOf("artifact 2");
      if (at >= 0) body[at] = 0x41;
      return body;
    });
    const args = ["--service", addressOf(proxy), "--trust", "trust.json"];
    const text = await audit(...args);
    const json = await audit(...args, "--json");
    proxy.close();
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(
      /^key: .*\ndisagreement: AUDITOR_STATEMENT_UNVERIFIED: entry 3 \([0-9a-f]{64}\): .*\n$/,
    );
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      verdict: "disagreement",
      error: { code: "AUDITOR_STATEMENT_UNVERIFIED" },
      index: 3,
    });
  });

  test("of an answer that is cut short is no verdict", async () => {
    const proxy = await proxyOf((path, body) =>
      path.startsWith("/replay/entries/") ? body.subarray(0, body.length - 1) : body,
    );
    const { code, stdout } = await audit("--service", addressOf(proxy), "--trust", "trust.json");
    proxy.close();
    expect(code).toBe(2);
    expect(stdout).not.toContain("sound");
  });

  test("stopped by SIGINT saves its state and gives no verdict", async () => {
    let asked: () => void = () => undefined;
    let answer: () => void = () => undefined;
    const isAsked = new Promise<void>((settle) => (asked = settle));
    const mayAnswer = new Promise<void>((settle) => (answer = settle));
    const proxy = await proxyOf(async (path, body) => {
      if (path.startsWith("/replay/checkpoints/")) {
        asked();
        await mayAnswer;
      }
      return body;
    });
    const args = ["audit", "--service", addressOf(proxy), "--trust", "trust.json"];
    const running = workspace.adopt(
      startTally([...args, "--state", "stopped.state"], workspace.path),
    );
    await isAsked;
    running.child.kill("SIGINT");
    answer();
    const { code, stdout } = await running.ended;
    proxy.close();
    expect(stdout).toMatch(/^not finished: checked up to [1-4] of 5, no verdict$/m);
    expect(stdout).not.toContain("sound");
    expect(code).toBe(2);
    const resumed = await audit(
      ...["--service", server.url, "--trust", "trust.json", "--state", "stopped.state"],
    );
    expect(resumed.stdout).toMatch(/^sound: 5 entries/m);
    expect(resumed.code).toBe(0);
  });
});

describe("tally audit DIR", () => {
  test("refuses while a server runs", async () => {
    const { code, stderr } = await audit("service");
    expect(code).toBe(2);
    expect(stderr).toContain("in use by a running server, use --service");
  });

  test("says that the key is the directory's own, unless it is pinned", async () => {
    await workspace.must("init", "quiet");
    const own = await audit("quiet");
    expect(own.stdout).toMatch(
      /^key: \S+, the directory's own: nothing vouches for it.*\nsound: 1 entries/,
    );
    expect(own.code).toBe(0);
    const pinned = await audit("quiet", "--trust", "trust.json");
    expect(pinned.code).toBe(1);
    expect(pinned.stderr).toContain("trust.json pins no keys of");
    expect(pinned.stdout).not.toContain("sound");
  });
});

type Change = (path: string, body: Uint8Array) => Uint8Array | Promise<Uint8Array>;

/** A server between the command and the service. */
async function proxyOf(change: Change): Promise<Server> {
  const proxy = createServer((request, response) => {
    const { url = "" } = request;
    void fetch(`${server.url}${url}`).then(async (found) => {
      const body = await change(url, new Uint8Array(await found.arrayBuffer()));
      response.writeHead(found.status, { "content-type": found.headers.get("content-type") ?? "" });
      response.end(body);
    });
  });
  await new Promise<void>((settle) => {
    proxy.listen(0, "127.0.0.1", settle);
  });
  return proxy;
}

function addressOf(proxy: Server): string {
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
