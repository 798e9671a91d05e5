import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { cp, rm } from "node:fs/promises";
import { createServer, request as forward } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import { serveWitness, Witness } from "@tallystick/witness";
import type { RunningWitness } from "@tallystick/witness";

import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";
import { WitnessDirectory } from "./witness-directory.js";

const ISS = "https://issuer.example";
const POLICY = ["--witness-policy", "policy"];

let workspace: Workspace;
let witness: RunningWitness;
let hiding: Server;

/** A witness that cosigns, names its size, and shows no checkpoint: only its submission can be reached. */
function hidingOf(url: string): Server {
  return createServer((request, response) => {
    if (request.method !== "POST") {
      response.writeHead(404).end();
      return;
    }
    const asked = forward(`${url}${request.url ?? ""}`, { method: "POST" }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    request.pipe(asked);
  });
}

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  const made = await workspace.must("init", "service");
  const vkey = /^note key: (\S+)$/m.exec(made.stdout)?.[1] ?? "";
  const { stdout } = await workspace.must("witness", "init", "w", "--name", "witness.example/w");
  await workspace.must("witness", "add-log", "w", vkey);
  const directory = await WitnessDirectory.open(workspace.at("w"));
  const [signers, logs] = await Promise.all([directory.signers(), directory.logs()]);
  const now = (): number => Math.floor(Date.now() / 1000);
  const options = { signers, logs, store: directory.store, now };
  witness = await serveWitness(new Witness(options), { host: "127.0.0.1", port: 0 });
  hiding = hidingOf(witness.url);
  await new Promise<void>((resolve) => hiding.listen(0, "127.0.0.1", resolve));
  const { port } = hiding.address() as AddressInfo;
  const lines = stdout.trimEnd().split("\n");
  const witnesses = lines.map(
    (line, at) => `witness w${String(at + 1)} ${line} http://127.0.0.1:${String(port)}\n`,
  );
  await workspace.write("policy", `${witnesses.join("")}group g all w1 w2\nquorum g\n`);
  for (const name of ["one", "two"]) {
    await workspace.must("keygen", "--alg", "EdDSA", "--out", `${name}.jwk`);
  }
}, 60_000);

afterAll(async () => {
  hiding.closeAllConnections();
  await new Promise((resolve) => hiding.close(resolve));
  await witness.close();
  await workspace.remove();
});

const add = (name: string, dir: string): readonly string[] => [
  ...["trust", "add", `${name}.pub.jwk`, "--iss", ISS, "--dir", dir, ...POLICY],
];

test("a word against witnesses wants a witness policy", async () => {
  expect((await workspace.tally("serve", "service", "--ignore-witness-size")).code).toBe(3);
});

test("F5: an older copy waits for its operator, whose witness names a size and shows no checkpoint", async () => {
  await cp(workspace.at("service"), workspace.at("older"), { recursive: true });
  await workspace.must(...add("one", "service"));
  // A start has what is there cosigned before it listens.
  const first = await ServeProcess.start(workspace, "service", ...POLICY);
  expect((await first.stop()).code).toBe(0);

  const refused = await workspace.tally(...add("two", "older"));
  const why = "a quorum of witnesses contradicts this log: w1 has cosigned 2 entries";
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(why)]);
  await rm(workspace.at("older/witness"), { recursive: true, force: true });
  const held = await ServeProcess.start(workspace, "older", ...POLICY);
  const health = await fetch(`${held.url}/health`);
  expect([health.status, await health.json()]).toEqual([
    503,
    expect.objectContaining({ status: "held", code: "SERVER_HELD", size: 1, reason: why }),
  ]);
  expect((await held.stop()).stderr).toContain(`nothing is registered: ${why}; the log has 1`);

  await workspace.must(...add("two", "older"), "--ignore-witness-size");
  // The copy has another second entry now, and a witness that has seen the first says so.
  const forked = await workspace.tally(...add("one", "older"));
  expect([forked.code, forked.stderr]).toEqual([
    2,
    expect.stringContaining("w1 has cosigned another log"),
  ]);
}, 60_000);

test("a service that has witnesses and asks none says so, unless that is meant", async () => {
  const told = "what they saw is not held against the log";
  for (const [options, isTold] of [
    [[], true],
    [["--witness-mode", "off"], false],
  ] as const) {
    const unasked = await ServeProcess.start(workspace, "service", ...options);
    expect((await unasked.stop()).stderr.includes(told)).toBe(isTold);
  }
});
