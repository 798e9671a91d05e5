import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { LevelStore } from "@tallystick/log";
import { mkdir, rm } from "node:fs/promises";
import { connect } from "node:net";

import { TALLY } from "./testing/command.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const ISS = "https://issuer.example";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.make();
  await workspace.must("init", "service");
  await workspace.must("keygen", "--alg", "ES256", "--out", "issuer.jwk");
  await workspace.must("trust", "add", "issuer.pub.jwk", "--iss", ISS, "--dir", "service");
});

afterAll(() => workspace.remove());

async function sign(name: string, content: string): Promise<Uint8Array> {
  await workspace.write(name, content);
  await workspace.must(
    ...["sign", name, "--key", "issuer.jwk", "--iss", ISS, "--sub", name],
    ...["--type", "text/plain", "--out", `${name}.scitt`],
  );
  return workspace.read(`${name}.scitt`);
}

describe("serve", () => {
  test.each(["SIGTERM", "SIGINT"] as const)("ends with 0 on %s", async (signal) => {
    const server = await ServeProcess.start(workspace, "service");
    const health = await fetch(`${server.url}/health`);
    expect(health.status).toBe(200);
    const { code, stdout, stderr } = await server.stop(signal);
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `listening on ${server.url}\n`,
      stderr: "stopping\n",
    });
  });

  test("times synced writes at its start, and leaves nothing of them behind", async () => {
    const server = await ServeProcess.start(workspace, "service", "--read-rate", "0");
    let seconds: number;
    do {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      seconds = Number(/^tallystick_start_sync_seconds (\S+)$/m.exec(text)?.[1]);
    } while (Number.isNaN(seconds));
    expect(seconds).toBeGreaterThan(0);
    expect((await server.stop()).code).toBe(0);
    expect(await workspace.names("service/log")).not.toContain(".sync-probe");
  });

  test("says on standard error that they could not be timed, where there is no log", async () => {
    // A folder of that name has the probe fail at once.
    await mkdir(workspace.at("service/log/.sync-probe"), { recursive: true });
    const server = await ServeProcess.start(workspace, "service");
    await server.running.until("stderr", /^tally: .*EISDIR/m);
    expect((await server.stop()).code).toBe(0);
    await rm(workspace.at("service/log/.sync-probe"), { recursive: true });
  });

  test("times none with --sync-probe 0", async () => {
    // Where it timed any, it would say that it could not.
    await mkdir(workspace.at("service/log/.sync-probe"), { recursive: true });
    const server = await ServeProcess.start(workspace, "service", "--sync-probe", "0");
    expect(await server.stop()).toMatchObject({ code: 0, stderr: "stopping\n" });
    await rm(workspace.at("service/log/.sync-probe"), { recursive: true });
  });

  test("finishes the request that runs before it ends", async () => {
    const body = await sign("slow", "to be registered while the server is told to stop");
    const server = await ServeProcess.start(workspace, "service");
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    const answer = new Promise<string>((resolve, reject) => {
      let text = "";
      socket.on("data", (chunk: Uint8Array) => {
        text += Buffer.from(chunk).toString("latin1");
      });
      socket.on("error", reject);
      socket.on("close", () => {
        resolve(text);
      });
    });
    const continued = new Promise((resolve) => socket.once("data", resolve));
    socket.write(
      [
        "POST /entries HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/cose",
        `Content-Length: ${body.length}`,
        "Expect: 100-continue",
        "Connection: close",
        "\r\n",
      ].join("\r\n"),
    );
    await continued;
    const ended = server.stop();
    await server.running.until("stderr", /stopping/);
    socket.write(body);
    expect(await answer).toMatch(/^HTTP\/1\.1 100 .*\r\n\r\nHTTP\/1\.1 201 /s);
    expect((await ended).code).toBe(0);
    const { stdout } = await workspace.must("fsck", "service");
    expect(stdout).toMatch(/^sound: 3 entries/);
  });

  test("makes the service with --create, once, and says what to try", async () => {
    const server = await ServeProcess.start(workspace, "fresh", "--create");
    const { code, stdout, stderr } = await server.stop();
    expect(code).toBe(0);
    expect(stdout).toBe(`listening on ${server.url}\n`);
    expect(stderr).toContain("made a transparency service in fresh\n");
    expect(stderr).toContain("fresh/keys/operator.jwk");
    expect(stderr.match(/^ {2}npx tally /gm)).toHaveLength(3);
    const again = await ServeProcess.start(workspace, "fresh", "--create");
    expect((await again.stop()).stderr).toBe("stopping\n");
  });

  test("says to try commands that can be run as they are", async () => {
    const place = await Workspace.make();
    try {
      const server = await ServeProcess.start(place, "data", "--create");
      await place.write("package.json", "{}");
      const three = /^ {2}npx tally (.+)\n {2}npx tally (.+)\n {2}npx tally (.+)\n/m;
      const [, ...lines] = await server.running.until("stderr", three);
      let answer = "";
      for (const line of lines) answer = (await place.must(...line.split(" "))).stdout;
      expect(answer).toContain("index: 2\n");
      expect(await place.names()).toContain("package.transparent.scitt");
      expect((await server.stop()).code).toBe(0);
    } finally {
      await place.remove();
    }
  });

  test("puts --public-url into Location", async () => {
    const given = "HTTPS://TS.example:443//";
    const server = await ServeProcess.start(workspace, "service", "--public-url", given);
    const body = new Uint8Array(await sign("located", "x"));
    const headers = { "content-type": "application/cose", accept: "application/cose" };
    const response = await fetch(`${server.url}/entries`, { method: "POST", headers, body });
    await server.stop();
    expect(response.status).toBe(201);
    expect(response.headers.get("location")).toMatch(
      /^https:\/\/ts\.example\/entries\/[0-9a-f]{64}$/,
    );
  });

  test("does not start over damage, and says what it is", async () => {
    await workspace.must("init", "worn");
    for (const iss of ["one", "two", "three"]) {
      await workspace.must("trust", "add", "issuer.pub.jwk", "--iss", iss, "--dir", "worn");
    }
    const store = await LevelStore.open(workspace.at("worn/log"));
    const key = Uint8Array.of(0x63, 0, 0, 0, 0, 0, 0, 0, 2);
    expect(await store.get(key)).toBeDefined();
    await store.write([{ key, value: new Uint8Array(40) }]);
    await store.close();
    const { code, stderr } = await workspace.tally("serve", "worn", "--port", "0");
    expect(code).toBe(2);
    expect(stderr).toBe(
      "tally: LOG_CORRUPT: checkpoint 2 does not match its checksum. " +
        "What its write-ahead log held before it was opened is kept beside it in log.kept\n",
    );
  });

  test("refuses a directory that another server has", async () => {
    const server = await ServeProcess.start(workspace, "service");
    const serve = await workspace.tally("serve", "service", "--port", "0");
    expect(serve.code).toBe(2);
    expect(serve.stderr).toBe(
      "tally: CLI_DIRECTORY_IN_USE: service is in use by another process\n",
    );
    const fsck = await workspace.tally("fsck", "service");
    expect(fsck.code).toBe(2);
    expect(fsck.stderr).toBe(
      "tally: CLI_DIRECTORY_IN_USE: service is in use by a running server, stop it first\n",
    );
    await server.stop();
  });

  test("says that the port is in use, and lets the log go", async () => {
    const server = await ServeProcess.start(workspace, "fresh");
    const { port } = new URL(server.url);
    const { code, stderr } = await workspace.tally("serve", "service", "--port", port);
    expect(code).toBe(2);
    expect(stderr).toBe(
      `tally: CLI_LISTEN_FAILED: cannot listen on 127.0.0.1 port ${port}: the port is in use\n`,
    );
    await server.stop();
  });

  test("refuses a directory with something else in it, also with --create", async () => {
    await workspace.write("fresh/config.json.bak", "x");
    for (const options of [[], ["--create"]]) {
      const { code, stderr } = await workspace.tally("serve", ".", "--port", "0", ...options);
      expect(code).toBe(2);
      expect(stderr).toContain(". is not a service directory");
    }
  });

  test.each([
    ["no JSON", "{", "config.json: not JSON"],
    ["a member twice", '{"format":1,"format":2}', "config.json: an object has one member twice"],
    ["another format", '{"format":"x"}', "config.json is not of format tallystick-service/1"],
    ["members missing", '{"format":"tallystick-service/1"}', "config.json lacks issuer"],
  ])("refuses a configuration with %s", async (_, content, says) => {
    await workspace.must("init", "broken");
    await workspace.write("broken/config.json", content);
    const { code, stderr } = await workspace.tally("serve", "broken", "--port", "0");
    expect(code).toBe(2);
    expect(stderr).toContain(says);
    await rm(workspace.at("broken"), { recursive: true });
  });

  test("refuses to run under another key than the log was made with", async () => {
    await workspace.must("init", "swapped");
    await workspace.write("swapped/keys/receipt.jwk", await workspace.read("issuer.jwk"));
    const { code, stderr } = await workspace.tally("serve", "swapped", "--port", "0");
    expect(code).toBe(2);
    expect(stderr).toMatch(/^tally: LOG_KEY_MISMATCH: .+\n$/);
  });

  const posix = process.platform === "win32" ? test.skip : test;

  posix("ends with 70 when the log fails for good", async () => {
    // A limit on file sizes makes the write-ahead log fail in the middle of a round.
    const command = `ulimit -f 64 && exec "${process.execPath}" "${TALLY}" serve service --port 0`;
    const limited = await ServeProcess.startShell(workspace, command);
    const noise = Array.from({ length: 40_000 }, () => Math.random().toString(36).slice(2)).join(
      "",
    );
    await sign("large", noise.slice(0, 400_000));
    const register = [
      "register",
      "large.scitt",
      "--service",
      limited.url,
      "--out",
      "large.transparent",
    ];
    const registered = await workspace.tally(...register);
    expect(registered.code).toBe(2);
    expect(await workspace.names()).not.toContain("large.transparent");
    const { code, stderr } = await limited.running.ended;
    expect(code).toBe(70);
    expect(stderr).toContain(": the log has stopped and must be opened again: ");
    // Nothing that was acknowledged is lost, and the same request works after a restart.
    expect((await workspace.tally("fsck", "service")).code).toBe(0);
    const server = await ServeProcess.start(workspace, "service");
    register[3] = server.url;
    expect((await workspace.tally(...register)).code).toBe(0);
    await server.stop();
  });
});
