import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { PrivateKey, encodeCbor } from "@tallystick/cose";

import { TALLY, tally } from "./testing/command.js";
import { signBare } from "./testing/load.js";
import { Workspace } from "./testing/workspace.js";
import { spawnSync } from "node:child_process";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
});

afterAll(() => workspace.remove());

describe("inspect", () => {
  test("shows CBOR in diagnostic notation", async () => {
    await workspace.write("a.cbor", Uint8Array.of(0x83, 0x01, 0x20, 0x61, 0x61));
    const outcome = await workspace.tally("inspect", "a.cbor");
    expect(outcome).toEqual({ code: 0, stdout: '[1, -1, "a"]\n', stderr: "" });
  });

  test("reads standard input", async () => {
    const stdin = Uint8Array.of(0xf6);
    const outcome = await tally(["inspect", "-"], { cwd: workspace.path, stdin });
    expect(outcome).toEqual({ code: 0, stdout: "null\n", stderr: "" });
  });

  test("sums a statement up, and what a terminal could act on is escaped", async () => {
    await workspace.must("keygen", "--alg", "ES256", "--out", "k.jwk");
    await workspace.write("p", "x");
    const sub = "evil\u001b]0;title\u0007\u202e";
    await workspace.must(
      ...["sign", "p", "--key", "k.jwk", "--iss", "me", "--sub", sub, "--type", "text/plain"],
      ...["--out", "p.scitt"],
    );
    const { code, stdout, stderr } = await workspace.tally("inspect", "p.scitt");
    expect(code).toBe(0);
    expect(stdout).toContain("1: -7, / alg: ES256 /");
    expect(stderr).toMatch(
      /^COSE_Sign1, ES256, signed statement of me about evil\\u001b\]0;title\\u0007\\u202e, text\/plain, entry [0-9a-f]{64}, not verified\n$/,
    );
    // eslint of regular expressions aside: no control but the line feed is in either.
    for (const text of [stdout, stderr]) expect(text).not.toMatch(/[^\P{C}\n]/u);
  });

  test("says the same as one JSON object", async () => {
    const { stdout: text } = await workspace.tally("inspect", "p.scitt");
    const { code, stdout, stderr } = await workspace.tally("inspect", "p.scitt", "--json");
    expect([code, stderr]).toEqual([0, ""]);
    const told = JSON.parse(stdout) as { notation: string };
    expect(told).toEqual({
      ...{ verified: false, kind: "signed statement", algorithm: "ES256", issuer: "me" },
      ...{ subject: "evil\u001b]0;title\u0007\u202e", contentType: "text/plain", receiptCount: 0 },
      entryId: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
      notation: expect.stringContaining("1: -7, / alg: ES256 /") as unknown,
    });
    expect(told.notation.split("\n")).toHaveLength(text.trimEnd().split("\n").length);
    await workspace.write("n.cbor", Uint8Array.of(0xf6));
    const bare = await workspace.tally("inspect", "n.cbor", "--json");
    expect(JSON.parse(bare.stdout)).toEqual({ notation: "null", verified: false });
  });

  test("sums a statement without sub up", async () => {
    const key = await PrivateKey.generate("ES256");
    await workspace.write("bare.scitt", await signBare("x", key));
    const { stderr } = await workspace.tally("inspect", "bare.scitt");
    expect(stderr).toMatch(
      /^COSE_Sign1, ES256, signed statement of https:\/\/issuer\.example about no subject, text\/plain, /,
    );
  });

  test("names another COSE_Sign1 by its algorithm", async () => {
    const parts = [
      encodeCbor(new Map([[1, -7]])),
      new Map(),
      new Uint8Array(1),
      new Uint8Array(64),
    ];
    await workspace.write("b.cose", Uint8Array.from([0xd2, ...encodeCbor(parts)]));
    const { stderr } = await workspace.tally("inspect", "b.cose");
    expect(stderr).toBe("COSE_Sign1, ES256, not verified\n");
  });

  test.each([
    ["text", "hello world, this is no CBOR"],
    ["nothing", ""],
    ["JSON", '{"a":1}'],
  ])("refuses %s and names the file", async (_, content) => {
    await workspace.write("c", content);
    const { code, stdout, stderr } = await workspace.tally("inspect", "c");
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^tally: COSE_CBOR_MALFORMED: c: not CBOR: .+\n$/);
    const stdin = new TextEncoder().encode(content);
    const piped = await tally(["inspect", "-"], { cwd: workspace.path, stdin });
    expect(piped.stderr).toMatch(/^tally: COSE_CBOR_MALFORMED: standard input: not CBOR: .+\n$/);
  });

  test("a reader that stops early is no failure", async () => {
    const items = Array.from({ length: 50_000 }, (_, i) => `item ${i}`);
    await workspace.write("long.cbor", encodeCbor(items));
    const command = `"${process.execPath}" "${TALLY}" inspect long.cbor | head -n 1`;
    const { stdout, stderr } = spawnSync("sh", ["-c", command], {
      cwd: workspace.path,
      encoding: "utf8",
    });
    expect(stdout).toBe("[\n");
    expect(stderr).toBe("");
  });
});
