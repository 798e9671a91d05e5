import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { connect as connectPlain } from "node:net";
import { TLSSocket, connect as connectTls } from "node:tls";
import type { ConnectionOptions } from "node:tls";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { Authority } from "./testing/pki.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const ISS = "https://issuer.example";

let workspace: Workspace;
let authority: Authority;
let server: ServeProcess;

async function put(name: string, by: Authority, subject: string): Promise<void> {
  const { cert, key } = await by.issue(subject);
  await workspace.write(`${name}.pem`, cert);
  await workspace.write(`${name}.key`, key);
}

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  authority = await Authority.make("authority");
  const other = await Authority.make("authority");
  await workspace.write("ca.pem", authority.pem);
  await put("server", authority, "first");
  await put("client", authority, "device 7");
  await put("stranger", other, "stranger");
  await workspace.must("init", "service");
  await workspace.must("keygen", "--alg", "EdDSA", "--out", "issuer.jwk");
  await workspace.must("trust", "add", "issuer.pub.jwk", "--iss", ISS, "--dir", "service");
  const token = ["token", "create", "--tokens", "tokens.json"];
  await workspace.must(...token, "--name", "ci", "--out", "ci.token");
  await workspace.write("statement.json", "{}");
  await workspace.must(
    ...["sign", "statement.json", "--key", "issuer.jwk", "--iss", ISS, "--sub", "a"],
    ...["--type", "application/json", "--out", "a.scitt"],
  );
  server = await ServeProcess.start(
    ...[workspace, "service", "--tls-cert", "server.pem", "--tls-key", "server.key"],
    ...["--tls-client-ca", "ca.pem", "--tokens", "tokens.json", "--log-level", "info"],
  );
});

afterAll(() => workspace.remove());

function register(...options: string[]): ReturnType<Workspace["tally"]> {
  const out = ["--out", "a.transparent.scitt"];
  return workspace.tally("register", "a.scitt", "--service", server.url, ...out, ...options);
}

function tls(options: ConnectionOptions = {}): TLSSocket {
  const port = Number(new URL(server.url).port);
  return connectTls({ host: "127.0.0.1", port, ca: authority.pem, ...options });
}

const CLIENT = ["--client-cert", "client.pem", "--client-key", "client.key"];

describe("a service over TLS", () => {
  test("names its address by it, and puts it into Location", () => {
    expect(server.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  });

  test.each([
    ["a token", ["--token-file", "ci.token"], "token:ci"],
    ["a certificate", CLIENT, "cert:device 7"],
  ])("lets in who shows %s, and names it in the log", async (_name, options, client) => {
    const { code, stderr } = await register("--ca", "ca.pem", ...options);
    expect([code, stderr]).toEqual([
      ...[0, "verify it with: tally verify a.transparent.scitt --trust TRUST\n"],
    ]);
    await server.running.until("stderr", new RegExp(`"client":"${client}"`));
  });

  test.each([
    ["nothing", []],
    [
      "a certificate of another authority",
      ["--client-cert", "stranger.pem", "--client-key", "stranger.key"],
    ],
  ])("SERVER_UNAUTHENTICATED: refuses who shows %s", async (_name, options) => {
    const { code, stderr } = await register("--ca", "ca.pem", ...options);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^tally: CLIENT_REFUSED: Unauthorized: .+bearer token, or use a client certificate/,
    );
  });

  test("can be read by everybody, for the rest of the commands, too", async () => {
    const access = ["--service", server.url, "--ca", "ca.pem"];
    await workspace.must("trust", "export", ...access, "--out", "trust.json");
    await workspace.must("policy", "show", ...access);
    await workspace.must("audit", ...access, "--trust", "trust.json");
  });

  test("is not believed without its authority", async () => {
    const { code, stderr } = await register("--token-file", "ci.token");
    expect(code).toBe(2);
    expect(stderr).toMatch(/cannot be reached: (SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY.+)\n$/);
  });

  test("speaks nothing older than TLS 1.2", async () => {
    const old = tls({ minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL@SECLEVEL=0" });
    const [error] = (await once(old, "error")) as [Error & { readonly code: string }];
    expect(error.code).toMatch(/PROTOCOL|ALERT|UNSUPPORTED/);
    const good = tls({ maxVersion: "TLSv1.2" });
    await once(good, "secureConnect");
    expect(good.getProtocol()).toBe("TLSv1.2");
    good.destroy();
  });

  test("takes nobody in by a session that was resumed without a certificate", async () => {
    const port = Number(new URL(server.url).port);
    const body = await workspace.read("a.scitt");
    // It keeps sessions, and no connections.
    const agent = new Agent({ keepAlive: false });
    const place = { host: "127.0.0.1", port, ca: authority.pem, agent, path: "/entries" };
    const headers = { "content-type": "application/cose", "content-length": body.length };
    const seen: (readonly [number | undefined, boolean])[] = [];
    for (let i = 0; i < 3; i++) {
      const asked = request({ ...place, method: "POST", headers });
      asked.end(body);
      const [answer] = (await once(asked, "response")) as [IncomingMessage];
      const isResumed = asked.socket instanceof TLSSocket && asked.socket.isSessionReused();
      seen.push([answer.statusCode, isResumed]);
      answer.resume();
      await once(answer, "close");
    }
    expect(seen.map(([status]) => status)).toEqual([401, 401, 401]);
    expect(seen.at(-1)?.[1]).toBe(true);
  });

  test("hangs up on who speaks plain HTTP, and goes on", async () => {
    const plain = connectPlain(Number(new URL(server.url).port), "127.0.0.1");
    plain.end("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
    plain.resume();
    await once(plain, "close");
    expect((await register("--ca", "ca.pem", ...CLIENT)).code).toBe(0);
  });

  test("shows another certificate after SIGHUP, and keeps the connections it has", async () => {
    const port = Number(new URL(server.url).port);
    const kept = tls();
    await once(kept, "secureConnect");
    expect(kept.getPeerCertificate().subject.CN).toBe("first");
    await put("server", authority, "second");
    server.running.child.kill("SIGHUP");
    await server.running.until("stderr", /certificates and tokens were read again/);
    const fresh = tls();
    await once(fresh, "secureConnect");
    expect(fresh.getPeerCertificate().subject.CN).toBe("second");
    fresh.destroy();
    const createConnection = (): TLSSocket => kept;
    const asked = request({ host: "127.0.0.1", port, path: "/version", createConnection }).end();
    const [answer] = (await once(asked, "response")) as [{ statusCode: number; resume(): void }];
    answer.resume();
    expect(answer.statusCode).toBe(200);
    kept.destroy();
  });

  test("CLI_TLS_INVALID: keeps what it has where new material is unusable", async () => {
    const good = await workspace.read("server.key");
    await workspace.write("server.key", await workspace.read("client.key"));
    server.running.child.kill("SIGHUP");
    await server.running.until("stderr", /CLI_TLS_INVALID: nothing was reloaded: .+server\.pem/);
    await workspace.write("server.key", good);
    expect((await register("--ca", "ca.pem", ...CLIENT)).code).toBe(0);
  });

  test("learns a new token on SIGHUP, and forgets one that is gone", async () => {
    const token = ["token", "create", "--tokens", "tokens.json", "--scope", "admin"];
    await workspace.must(...token, "--name", "ops", "--out", "ops.token");
    const both = (await workspace.json("tokens.json"))["tokens"] as readonly { name: string }[];
    const tokens = both.filter(({ name }) => name === "ops");
    await workspace.write("tokens.json", JSON.stringify({ tokens }));
    server.running.child.kill("SIGHUP");
    await server.running.until("stderr", /read again[^]+read again/);
    expect((await register("--ca", "ca.pem", "--token-file", "ops.token")).code).toBe(0);
    const { code, stderr } = await register("--ca", "ca.pem", "--token-file", "ci.token");
    expect([code, stderr]).toEqual([1, expect.stringContaining("the token is not known here")]);
  });

  test("stops although somebody is stuck in a handshake, and never logged a token", async () => {
    const stuck = connectPlain(Number(new URL(server.url).port), "127.0.0.1");
    await once(stuck, "connect");
    const { code, stderr } = await server.stop();
    expect(code).toBe(0);
    for (const name of ["ci.token", "ops.token"]) {
      expect(stderr).not.toContain(
        Buffer.from(await workspace.read(name))
          .toString()
          .trim(),
      );
    }
    stuck.destroy();
  });
});

describe("wrong arguments", () => {
  const serve = ["serve", "service", "--port", "0"];
  const pair = ["--tls-cert", "server.pem", "--tls-key", "server.key"];
  const receipt = ["receipt", "0".repeat(64), "--out", "r", "--service"];
  test.each([
    [[...serve, "--tls-cert", "server.pem"], 3, "want --tls-cert together with --tls-key"],
    [[...serve, "--tls-client-ca", "ca.pem"], 3, "--tls-client-ca wants --tls-cert"],
    [[...serve, "--auth-reads"], 3, "--auth-reads wants --tokens or --tls-client-ca"],
    [[...serve, "--log-level", "loud"], 3, "Allowed choices are silent, fatal, error"],
    [[...serve, "--ready-max-age", "soon"], 3, "want a whole number"],
    [[...serve, "--tokens", "none.json"], 2, "cannot read none.json"],
    [[...serve, "--tokens", "ca.pem"], 2, "ca.pem: not JSON"],
    [[...serve, ...pair.slice(0, 3), "client.key"], 2, "no usable certificate and key in server"],
    [[...serve, ...pair, "--tls-client-ca", "server.key"], 2, "no usable certificate and key in"],
    [[...receipt, "http://127.0.0.1:9", "--ca", "ca.pem"], 3, "are for https addresses"],
    [
      [...receipt, "https://127.0.0.1:9", "--client-cert", "client.pem"],
      3,
      "want --client-cert together",
    ],
    [[...receipt, "https://a.example", "--ca", "server.key"], 2, "no usable certificate and key"],
    [[...receipt, "http://a.example", "--token-file", "ci.token"], 3, "a token goes to an https"],
    [[...receipt, "https://a.example", "--token-file", "ca.pem"], 2, "no bearer token in ca.pem"],
    [["audit", "service", "--ca", "ca.pem"], 3, "go with --service"],
    [["policy", "show", "service", "--ca", "ca.pem"], 3, "go with --service"],
  ])("tally %j ends with %d", async (...row) => {
    const [args, exit, says] = row;
    const { code, stderr } = await workspace.tally(...args);
    expect([code, stderr]).toEqual([exit, expect.stringContaining(says)]);
  });
});
