import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";

import { PrivateKey } from "@tallystick/cose";
import { VerifierKey } from "@tallystick/tlog";

import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;
let server: ServeProcess;

const ALREADY = "may register with this key already\n";

async function add(name: string, ...place: readonly string[]): ReturnType<Workspace["tally"]> {
  return workspace.tally(
    "trust",
    "add",
    `${name}.pub.jwk`,
    "--iss",
    `https://${name}.example`,
    ...place,
  );
}

function through(url: string, operator = "service/keys/operator.jwk"): readonly string[] {
  return ["--service", url, "--operator", operator];
}

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "service", "--origin", "tallystick.local/log");
  for (const name of ["one", "two", "three", "four"]) {
    await workspace.must("keygen", "--alg", "EdDSA", "--out", `${name}.jwk`);
  }
  server = await ServeProcess.start(workspace, "service");
});

afterAll(async () => {
  await server.stop();
  await workspace.remove();
});

async function kidIn(name: string): Promise<unknown> {
  return (await workspace.json(name))["kid"];
}

describe("trust export", () => {
  test("of a log with one entry warns that nothing is proven", async () => {
    const { code, stdout, stderr } = await workspace.tally(
      ...["trust", "export", "--service", server.url, "--out", "early.json"],
    );
    const key = await workspace.json("service/keys/receipt.pub.jwk");
    expect(code).toBe(0);
    const version: unknown = await (await fetch(`${server.url}/version`)).json();
    const { note } = version as { readonly note: string };
    expect(note).toMatch(/^tallystick\.local\/log\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/);
    expect(stdout).toBe(`thumbprint: ${String(key["kid"])}\nnote key: ${note}\n`);
    expect(stderr).toBe(
      [
        "warning: the log has a single entry and no receipt yet, the keys are unproven",
        "wrote early.json: http://127.0.0.1:8000, log tallystick.local/log",
        "WARNING: the first policy of the log admits nobody yet, so early.json names no issuers: whoever signed a statement is not checked under it; export again once issuers are admitted",
        "this is trust on first use: compare what is printed with the operator",
        "",
      ].join("\n"),
    );
    expect(await workspace.json("early.json")).toEqual({
      services: [
        { issuer: "http://127.0.0.1:8000", origin: "tallystick.local/log", keys: [key], note },
      ],
      requireReceipts: 1,
    });
  });

  test("never changes pins that are there", async () => {
    await workspace.write("mine.json", '{"services":[],"requireReceipts":1}');
    const other = { issuer: "http://127.0.0.1:8000", origin: "tallystick.local/log" };
    const keys = [await workspace.json("one.pub.jwk")];
    await workspace.write("mine.json", JSON.stringify({ services: [{ ...other, keys }] }));
    const before = await workspace.json("mine.json");
    const { code, stderr } = await workspace.tally(
      ...["trust", "export", "--service", server.url, "--out", "mine.json"],
    );
    expect(code).toBe(1);
    expect(stderr).toContain("mine.json pins something else");
    const of = "service http://127.0.0.1:8000, log tallystick.local/log";
    const kids = ["one.pub.jwk", "service/keys/receipt.pub.jwk"].map((name) => kidIn(name));
    const [there, here] = await Promise.all(kids);
    expect(stderr).toContain(`\n  only at the service: ${of}: thumbprint: ${String(here)}\n`);
    expect(stderr).toContain(`\n  only in mine.json: ${of}: thumbprint: ${String(there)}\n`);
    expect(await workspace.json("mine.json")).toEqual(before);
  });
});

describe("trust show", () => {
  test("says what a file pins by the thumbprints that the operator has", async () => {
    const { stdout, stderr } = await workspace.must("trust", "show", "early.json");
    const { services } = (await workspace.json("early.json")) as { services: [{ note: string }] };
    const kid = String(await kidIn("service/keys/receipt.pub.jwk"));
    expect([stdout, stderr]).toEqual([
      [
        "service http://127.0.0.1:8000, log tallystick.local/log",
        `  thumbprint: ${kid}`,
        `  note key: ${services[0].note}`,
        "services that have to vouch",
        "  1",
        "",
      ].join("\n"),
      "",
    ]);
  });

  test("refuses what is no trust file", async () => {
    const { code, stderr } = await workspace.tally("trust", "show", "one.pub.jwk");
    expect([code, stderr]).toEqual([
      ...[2, expect.stringMatching(/^tally: VERIFIER_TRUST_MALFORMED: one\.pub\.jwk: /)],
    ]);
  });
});

describe("trust add --service", () => {
  test("registers the next policy", async () => {
    const { code, stdout, stderr } = await add("one", ...through(server.url));
    expect(code).toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toMatch(
      /^https:\/\/one\.example may register with this key from now on, by policy [0-9a-f]{64}\n$/,
    );
    const policy: unknown = await (await fetch(`${server.url}/policy`)).json();
    expect(policy).toMatchObject({
      index: 1,
      policy: {
        issuers: [{ iss: "https://one.example", keys: [await workspace.json("one.pub.jwk")] }],
      },
    });
  });

  test("again changes nothing", async () => {
    const { code, stderr } = await add("one", ...through(server.url));
    expect(code).toBe(0);
    expect(stderr).toContain(ALREADY);
    expect(await (await fetch(`${server.url}/policy`)).json()).toMatchObject({ index: 1 });
  });

  test("now exports keys that are proven by a receipt", async () => {
    const { code, stderr } = await workspace.tally(
      ...["trust", "export", "--service", server.url, "--out", "proven.json"],
    );
    expect(code).toBe(0);
    expect(stderr).not.toContain("warning");
    expect(stderr).toContain("as the policy in force has them: 1 issuers by key");
    const again = ["trust", "export", "--service", server.url, "--out", "early.json"];
    const changed = await workspace.tally(...again);
    expect(changed.code).toBe(1);
    const key = String(await kidIn("one.pub.jwk"));
    expect(changed.stderr).toBe(
      `  only at the service: issuer https://one.example: thumbprint: ${key}\n` +
        "tally: CLI_TRUST_CHANGED: early.json has other issuers than the policy in force; " +
        "compare, and remove it first to have these\n",
    );
  });

  test("refuses a key that is no operator's", async () => {
    const { code, stderr } = await add("two", ...through(server.url, "two.jwk"));
    expect(code).toBe(1);
    expect(stderr).toBe(
      "tally: CLI_OPERATOR_UNKNOWN: the key is not that of an operator in the policy in force\n",
    );
  });

  test("refuses a private key in the place of the public one", async () => {
    const args = ["trust", "add", "two.jwk", "--iss", "a", ...through(server.url)];
    const { code, stderr } = await workspace.tally(...args);
    expect(code).toBe(2);
    expect(stderr).toBe(
      "tally: CLI_KEY_INVALID: two.jwk: public JWK carries the private member d\n",
    );
  });

  test("tries again when another operator was faster", async () => {
    // Before the first proposal arrives, another one is registered behind its back.
    let posts = 0;
    const proxy = await proxyOf(async (request, body) => {
      if (request.method === "POST" && posts++ === 0) await add("three", ...through(server.url));
      return forward(request, body);
    });
    const { code, stderr } = await add("two", ...through(addressOf(proxy)));
    proxy.close();
    expect(stderr).toContain("https://two.example may register with this key from now on");
    expect(code).toBe(0);
    expect(posts).toBe(2);
    const { policy } = (await (await fetch(`${server.url}/policy`)).json()) as {
      policy: { issuers: { iss: string }[] };
    };
    expect(policy.issuers.map(({ iss }) => iss).sort()).toEqual([
      "https://one.example",
      "https://three.example",
      "https://two.example",
    ]);
  });
});

const { publicKey: otherKey } = await PrivateKey.generate("EdDSA");
const OTHER_NOTE_KEY = VerifierKey.of("tallystick.local/log", "ed25519", otherKey).format();

describe("trust export from a service that is not what it says", () => {
  test.each([
    [
      "another issuer",
      (text: string) => text.replace("127.0.0.1:8000", "evil.example"),
      "a receipt of the service does not hold under its own keys",
    ],
    [
      "another log",
      (text: string) => text.replaceAll("tallystick.local", "evil.example"),
      "the keys of the service cannot be pinned: services[0].note: key id does not belong",
    ],
    [
      "another log without notes",
      (text: string) =>
        text.replace(/,"note":"[^"]*"/, "").replace("tallystick.local", "evil.example"),
      "a receipt of the service does not hold under its own keys",
    ],
    [
      "another note key",
      (text: string) => text.replace(/"note":"[^"]*"/, `"note":"${OTHER_NOTE_KEY}"`),
      "the note of the service does not hold: no known key has signed the note",
    ],
  ])("refuses %s", async (_, change, says) => {
    const proxy = await proxyOf(async (request, body) => {
      const response = await forward(request, body);
      if (request.url !== "/version") return response;
      return new Response(change(await response.text()), response);
    });
    const { code, stderr } = await workspace.tally(
      ...["trust", "export", "--service", addressOf(proxy), "--out", "evil.json"],
    );
    proxy.close();
    expect(code).toBe(1);
    expect(stderr).toContain(says);
    expect(await workspace.names()).not.toContain("evil.json");
  });
});

describe("trust add --dir", () => {
  test("refuses while a server runs", async () => {
    const { code, stderr } = await add("four", "--dir", "service");
    expect(code).toBe(2);
    expect(stderr).toBe(
      "tally: CLI_DIRECTORY_IN_USE: service is in use by a running server, use --service and --operator\n",
    );
  });

  test("registers the next policy, and once", async () => {
    await workspace.must("init", "quiet");
    const added = await add("four", "--dir", "quiet");
    expect(added.code).toBe(0);
    expect(added.stderr).toContain("https://four.example may register with this key from now on");
    const again = await add("four", "--dir", "quiet");
    expect(again.code).toBe(0);
    expect(again.stderr).toContain(ALREADY);
    const { stdout } = await workspace.must("fsck", "quiet");
    expect(stdout).toMatch(/^sound: 2 entries/);
  });
});

describe("a policy that admits somebody no more", () => {
  const place = (): readonly string[] => ["--service", server.url];

  /** Puts the policy in force with some members changed. */
  async function propose(changes: object): Promise<void> {
    const { stdout } = await workspace.must("policy", "show", "--next", ...place());
    const next = JSON.parse(stdout) as object;
    await workspace.write("next.json", JSON.stringify({ ...next, ...changes }));
    await workspace.must(
      ...["policy", "propose", "next.json", "--operator", "service/keys/operator.jwk", ...place()],
    );
  }

  test.each([
    ["revoked", { revoked: { from: 7, reason: "lost" } }, "revoked from entry 7 on, lost"],
    ["expired", { exp: 1_000_000_000 }, "expired at 2001-09-09T01:46:40.000Z"],
  ])("is not said to admit a key that is %s", async (_name, terms, reason) => {
    const keys = [{ ...(await workspace.json("one.pub.jwk")), ...terms }];
    await propose({ issuers: [{ iss: "https://one.example", keys }] });
    const before: unknown = await (await fetch(`${server.url}/policy`)).json();
    const { code, stderr } = await add("one", ...through(server.url));
    expect(code).toBe(1);
    expect(stderr).toBe(`https://one.example may not register with this key: ${reason}\n`);
    expect(await (await fetch(`${server.url}/policy`)).json()).toEqual(before);
  });

  test("is exported as one that admits nobody, so that nobody's statement verifies", async () => {
    await workspace.must(
      ...["sign", "one.pub.jwk", "--key", "two.jwk", "--iss", "https://two.example"],
      ...["--sub", "a/b", "--type", "text/plain", "--out", "two.scitt"],
    );
    await propose({
      issuers: [{ iss: "https://two.example", keys: [await workspace.json("two.pub.jwk")] }],
    });
    await workspace.must("register", "two.scitt", ...place(), "--out", "two.transparent.scitt");
    const verify = ["verify", "two.transparent.scitt", "--trust"];
    await workspace.must("trust", "export", ...place(), "--out", "some.json");
    await workspace.must(...verify, "some.json");
    await propose({ issuers: [] });
    const { stderr } = await workspace.must("trust", "export", ...place(), "--out", "none.json");
    expect(stderr).toContain("as the policy in force has them: 0 issuers by key");
    expect(await workspace.json("none.json")).toMatchObject({ issuers: [] });
    const { code, stderr: said } = await workspace.tally(...verify, "none.json");
    expect(code).toBe(1);
    expect(said).toContain("no key for this iss and kid");
  });
});

type Answer = (request: IncomingMessage, body: Uint8Array) => Promise<Response>;

/** A server between the command and the service. */
async function proxyOf(answer: Answer): Promise<Server> {
  const proxy = createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    request.on("end", () => {
      void answer(request, Buffer.concat(chunks)).then(async (found) => {
        const type = found.headers.get("content-type") ?? "";
        response.writeHead(found.status, type === "" ? {} : { "content-type": type });
        response.end(new Uint8Array(await found.arrayBuffer()));
      });
    });
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, "127.0.0.1", resolve);
  });
  return proxy;
}

function addressOf(proxy: Server): string {
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

function forward(
  { url = "", method = "", headers }: IncomingMessage,
  body: Uint8Array,
): Promise<Response> {
  const { accept = "*/*", "content-type": type = "" } = headers;
  const init = { method, headers: { accept, ...(type === "" ? {} : { "content-type": type }) } };
  const withBody = method === "POST" ? { ...init, body: new Uint8Array(body) } : init;
  return fetch(`${server.url}${url}`, withBody);
}
