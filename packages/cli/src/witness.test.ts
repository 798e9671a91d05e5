import * as crypto from "node:crypto";
import { hostname } from "node:os";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { emptyRoot } from "@tallystick/merkle";
import {
  formatCheckpoint,
  formatNote,
  noteSigner,
  parseNote,
  signNote,
  VerifiedNote,
  VerifierKey,
  type NoteSigner,
} from "@tallystick/tlog";

import { startTally } from "./testing/command.js";
import type { Running } from "./testing/command.js";
import { Workspace } from "./testing/workspace.js";
import { WitnessDirectory } from "./witness-directory.js";

const ORIGIN = "log.example/1";
let workspace: Workspace;
let log: NoteSigner;

beforeEach(async () => {
  workspace = await Workspace.make();
  log = noteSigner(ORIGIN, "ed25519", await PrivateKey.generate("EdDSA"));
});
afterEach(() => workspace.remove());

async function init(...options: readonly string[]): Promise<readonly VerifierKey[]> {
  const args = ["witness", "init", "w", "--name", "witness.example/w1", ...options];
  const { stdout } = await workspace.must(...args);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => VerifierKey.parse(line));
}

async function serve(...options: readonly string[]): Promise<{ url: string; running: Running }> {
  const args = ["witness", "serve", "w", "--port", "0", ...options];
  const running = workspace.adopt(startTally(args, workspace.path));
  const [, url = ""] = await running.until("stdout", /^listening on (\S+)\n/m);
  return { url, running };
}

async function checkpoint(size: number, root: Uint8Array): Promise<string> {
  const text = formatCheckpoint({ origin: ORIGIN, size, root });
  const bytes = formatNote({ text, signatures: [await signNote(text, log)] });
  return new TextDecoder().decode(bytes);
}

async function post(url: string, body: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`${url}/add-checkpoint`, { method: "POST", body });
  return { status: response.status, text: await response.text() };
}

describe("tally witness", () => {
  test("init, add-log and serve make a witness that cosigns with both keys", async () => {
    const keys = await init();
    expect(keys.map(({ name, type }) => [name, type])).toEqual([
      ["witness.example/w1", "ed25519-cosignature"],
      ["witness.example/w1", "ml-dsa-44-cosignature"],
    ]);
    expect(await workspace.modeOf("w/keys/EdDSA.jwk")).toBe("600");
    await workspace.must("witness", "add-log", "w", log.key.format());
    const { url, running } = await serve("--prefix", "/w1");
    expect(url).toMatch(/\/w1$/);

    const note = await checkpoint(0, emptyRoot());
    const { status, text } = await post(url, `old 0\n\n${note}`);
    expect(status).toBe(200);
    const cosigned = parseNote(new TextEncoder().encode(note + text));
    expect((await VerifiedNote.verify(cosigned, keys)).signatures).toHaveLength(2);
    const hash = crypto.createHash("sha256").update(ORIGIN).digest("hex");
    expect(await (await fetch(`${url}/${hash}/checkpoint`)).text()).toBe(note + text);

    running.child.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    expect(code).toBe(0);
    for (const key of keys) expect(stderr).toContain(key.format());
  });

  test("what was cosigned stands after kill -9, whatever the client saw", async () => {
    await init("--alg", "EdDSA");
    await workspace.must("witness", "add-log", "w", log.key.format());
    const root = new Uint8Array(32).fill(1);
    const first = await serve();
    const note = await checkpoint(5, root);
    expect((await post(first.url, `old 0\n\n${note}`)).status).toBe(200);
    first.running.child.kill("SIGKILL");
    await first.running.ended;

    const { url } = await serve();
    const fork = await checkpoint(5, new Uint8Array(32).fill(2));
    expect(await post(url, `old 0\n\n${fork}`)).toEqual({ status: 409, text: "5\n" });
    expect((await post(url, `old 5\n\n${fork}`)).status).toBe(422);
    expect((await post(url, `old 5\n\n${note}`)).status).toBe(200);
  });

  test("damage is told to the operator, and that log is not served", async () => {
    await init("--alg", "EdDSA");
    await workspace.must("witness", "add-log", "w", log.key.format());
    const hash = crypto.createHash("sha256").update(ORIGIN).digest("hex");
    await workspace.write(`w/state/${hash}/1`, "");
    const { url, running } = await serve();
    expect((await post(url, `old 0\n\n${await checkpoint(0, emptyRoot())}`)).status).toBe(500);
    await running.until("stderr", /WITNESS_STATE_DAMAGED/);
  });

  test("add-log takes further keys of a log, each once, and keeps its state", async () => {
    await init("--alg", "EdDSA");
    const other = noteSigner("key.example/2", "ed25519", await PrivateKey.generate("EdDSA"));
    await workspace.must("witness", "add-log", "w", log.key.format());
    const hash = crypto.createHash("sha256").update(ORIGIN).digest("hex");
    await workspace.write(`w/state/${hash}/2`, "kept");
    await workspace.must("witness", "add-log", "w", other.key.format(), "--origin", ORIGIN);
    const { stderr } = await workspace.must("witness", "add-log", "w", log.key.format());
    expect(stderr).toContain("is there already");
    expect(await workspace.json("w/logs.json")).toEqual({
      format: "tallystick-witness/1",
      logs: [{ origin: ORIGIN, keys: [log.key.format(), other.key.format()] }],
    });
    expect(await workspace.names(`w/state/${hash}`)).toEqual(["1", "2"]);
  });

  test("init and add-log say as one JSON object what they made", async () => {
    const args = ["init", "w", "--name", "witness.example/w1", "--alg", "EdDSA", "--json"];
    const made = JSON.parse((await workspace.must("witness", ...args)).stdout) as object;
    const noteKeys = [expect.stringMatching(/^witness\.example\/w1\+/) as unknown];
    expect(made).toEqual({ directory: "w", name: "witness.example/w1", noteKeys });
    const noteKey = log.key.format();
    const add = async (...more: readonly string[]): Promise<unknown> => {
      const added = ["witness", "add-log", "w", noteKey, "--json", ...more];
      return JSON.parse((await workspace.must(...added)).stdout);
    };
    expect(await add("--origin", ORIGIN)).toEqual({ origin: ORIGIN, noteKey, written: 1 });
    expect(await add("--origin", ORIGIN)).toEqual({ origin: ORIGIN, noteKey, written: 0 });
    expect(await add("--origin", "else")).toEqual({ origin: "else", noteKey, written: 1 });
  });

  test("add-log of many at once loses none of them", async () => {
    const config = { name: "w1", algorithms: ["EdDSA"] as const };
    await WitnessDirectory.create(workspace.at("w"), config);
    const names = Array.from({ length: 8 }, (_, i) => `log.example/${i % 6}`);
    const keys = await Promise.all(
      names.map(
        async (name) => noteSigner(name, "ed25519", await PrivateKey.generate("EdDSA")).key,
      ),
    );
    await Promise.all(
      keys.map(async (key, i) => {
        const directory = await WitnessDirectory.open(workspace.at("w"));
        expect(await directory.addLog(key, names[i] ?? "")).toBe(true);
      }),
    );
    const logs = await (await WitnessDirectory.open(workspace.at("w"))).logs();
    const listed = logs.flatMap(({ origin, keys: own }) =>
      own.map((key) => `${origin} ${key.format()}`),
    );
    expect(listed.sort()).toEqual(keys.map((key, i) => `${names[i]} ${key.format()}`).sort());
    expect(await workspace.names("w")).not.toContain("logs.json.lock");
  });

  test("add-log waits for nobody for ever", async () => {
    const config = { name: "w1", algorithms: ["EdDSA"] as const };
    await WitnessDirectory.create(workspace.at("w"), config);
    // A run whose process is gone is taken over.
    await workspace.write("w/logs.json.lock", `999999999 ${"0".repeat(16)} ${hostname()}\n`);
    const directory = await WitnessDirectory.open(workspace.at("w"));
    expect(await directory.addLog(log.key, ORIGIN)).toBe(true);
  });
});

describe("tally witness refuses", () => {
  let shared: Workspace;
  beforeAll(async () => {
    shared = await Workspace.make();
    const config = { name: "w1", algorithms: ["EdDSA"] as const };
    await WitnessDirectory.create(shared.at("w"), config);
  });
  afterAll(() => shared.remove());

  test.each([
    ["init over a directory with something in it", ["init", ".", "--name", "a"], 2, "is not empty"],
    ["a name with a space", ["init", "x", "--name", "a b"], 3, "--name is no name of a key"],
    ["a name with a plus", ["init", "x", "--name", "a+b"], 3, "--name is no name of a key"],
    ["no name", ["init", "x"], 3, "--name"],
    [
      "an algorithm that does not cosign",
      ["init", "x", "--name", "a", "--alg", "ES256"],
      3,
      "EdDSA",
    ],
    ["a vkey that is none", ["add-log", "w", "hello"], 3, "<vkey>: not a vkey"],
    ["an origin of two lines", ["add-log", "w", "VKEY", "--origin", "a\nb"], 3, "no name of a log"],
    ["what is no witness", ["serve", "x"], 2, "is not a witness"],
    ["a prefix that is no path", ["serve", "w", "--prefix", "w1"], 3, "--prefix is no path"],
    ["a port that is none", ["serve", "w", "--port", "70000"], 3, "want a number"],
  ] as readonly (readonly [string, readonly string[], number, string])[])(
    "%s",
    async (...[, args, code, says]) => {
      const given = args.map((arg) => (arg === "VKEY" ? log.key.format() : arg));
      const outcome = await shared.tally("witness", ...given);
      expect(outcome.stderr).toContain(says);
      expect(outcome.code).toBe(code);
    },
  );

  test.each([
    ["config.json", "{}"],
    ["config.json", '{"format":"tallystick-witness/1","name":"a","algorithms":["ES256"]}'],
    ["logs.json", '{"format":"tallystick-witness/1"}'],
    ["logs.json", '{"format":"tallystick-witness/1","logs":[{"origin":"a","keys":["b"]}]}'],
    [
      "logs.json",
      '{"format":"tallystick-witness/1","logs":[{"origin":"a","keys":[]},{"origin":"a","keys":[]}]}',
    ],
  ])("a %s of %s", async (name, text) => {
    const config = { name: "w1", algorithms: ["EdDSA"] as const };
    await WitnessDirectory.create(workspace.at("w"), config);
    await workspace.write(`w/${name}`, text);
    const opening = WitnessDirectory.open(workspace.at("w")).then((one) => one.logs());
    await expect(opening).rejects.toMatchObject({ code: "CLI_DIRECTORY_INVALID" });
    await expect(opening).rejects.toThrow(name);
  });
});
