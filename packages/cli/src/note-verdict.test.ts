import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { decodeBundle } from "@tallystick/merkle";
import { encodeHex } from "@tallystick/cose";

import { Branches, ORIGIN } from "./testing/branches.js";
import type { Outcome } from "./testing/command.js";
import { Cosigners, withAlteredLine } from "./testing/cosigned.js";
import { Workspace } from "./testing/workspace.js";

const INDEX = 3;

let workspace: Workspace;
let size = 0;
let entryId = "";

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  const branches = await Branches.make(workspace, "log");
  size = await branches.grow("log", [3, 4], { out: "out" });
  const entries = decodeBundle(await workspace.read(`out/tile/entries/000.p/${size}`));
  entryId = encodeHex(entries[INDEX] ?? new Uint8Array());
  const cosigners = await Cosigners.make();
  const note = await workspace.read("out/checkpoint");
  await workspace.write("bare.note", note);
  await workspace.write("whole.note", await cosigners.cosigned(note));
  await workspace.write("one.note", await cosigners.cosigned(note, 1));
  await workspace.write("altered.note", withAlteredLine(note));
  await workspace.write("policy.txt", cosigners.policy());
  const { services } = (await workspace.json("trust.json")) as { services: readonly object[] };
  const unpinned = services.map((service) => ({ ...service, note: undefined }));
  await workspace.write("unpinned.json", JSON.stringify({ services: unpinned }));
  const others = services.map((service) => ({
    ...service,
    origin: "other.example",
    note: undefined,
  }));
  await workspace.write("other.json", JSON.stringify({ services: others }));
  await workspace.write("bare.proof", await proofUnder("bare.note"));
  await workspace.write("whole.proof", await proofUnder("whole.note"));
}, 60_000);

afterAll(() => workspace.remove());

async function proofUnder(note: string): Promise<Uint8Array> {
  await workspace.write("out/checkpoint", await workspace.read(note));
  const from = ["--from-tiles", "out", "--trust", "trust.json", "--as", "tlog-proof"];
  await workspace.must("receipt", entryId, ...from, "--out", "made.proof");
  return workspace.read("made.proof");
}

function verify(file: string, ...args: readonly string[]): Promise<Outcome> {
  const trust = args.includes("--trust") ? [] : ["--trust", "trust.json"];
  return workspace.tally("verify", file, ...trust, ...args, "--json");
}

const POLICY = ["--witness-policy", "policy.txt"];

describe("a checkpoint note is verified offline", () => {
  test.each([
    ["bare.note", [], 0],
    ["whole.note", [], 0],
    ["whole.note", POLICY, 2],
  ])("%s %j", async (file, args, witnesses) => {
    const { code, stdout } = await verify(file, ...args);
    expect(code).toBe(0);
    const told = JSON.parse(stdout) as { witnesses: readonly unknown[] };
    expect(told).toMatchObject({ verified: true, origin: ORIGIN, size });
    expect(told.witnesses).toHaveLength(witnesses);
  });

  test.each([
    ["bare.note", POLICY, "TLOG_QUORUM_MISSING"],
    ["one.note", POLICY, "TLOG_QUORUM_MISSING"],
    ["altered.note", [], "TLOG_SIGNATURE_INVALID"],
    ["whole.note", ["--trust", "unpinned.json"], "TLOG_SIGNATURE_MISSING"],
    ["whole.note", ["--trust", "other.json"], "TLOG_SIGNATURE_MISSING"],
  ])("%s %j is a no", async (file, args, code) => {
    const outcome = await verify(file, ...args);
    expect(outcome.code).toBe(1);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ verified: false, error: { code } });
  });
});

describe("a tlog-proof is verified offline", () => {
  const statement = (): string => `out/statements/${entryId}`;

  test.each([
    ["bare.proof", [], 0],
    ["whole.proof", POLICY, 2],
  ])("%s %j", async (proof, args, witnesses) => {
    const { code, stdout } = await verify(statement(), "--tlog-proof", proof, ...args);
    expect(code).toBe(0);
    const told = JSON.parse(stdout) as { witnesses: readonly unknown[] };
    expect(told).toMatchObject({ verified: true, entryId, index: INDEX, origin: ORIGIN, size });
    expect(told.witnesses).toHaveLength(witnesses);
  });

  test("of another statement, without quorum, or of no pinned log is a no", async () => {
    const entries = decodeBundle(await workspace.read(`out/tile/entries/000.p/${size}`));
    const other = `out/statements/${encodeHex(entries[INDEX + 1] ?? new Uint8Array())}`;
    for (const [file, args, code] of [
      [other, [], "TLOG_PROOF_INVALID"],
      [statement(), POLICY, "TLOG_QUORUM_MISSING"],
      [statement(), ["--trust", "unpinned.json"], "TLOG_SIGNATURE_MISSING"],
    ] as const) {
      const outcome = await verify(file, "--tlog-proof", "bare.proof", ...args);
      expect(outcome.code).toBe(1);
      expect(JSON.parse(outcome.stdout)).toMatchObject({ verified: false, error: { code } });
    }
    const malformed = await verify(statement(), "--tlog-proof", "bare.note");
    expect(malformed.code).toBe(1);
    expect(malformed.stdout).toContain("TLOG_PROOF_MALFORMED");
  });
});

test.each([
  ["a proof in place of a statement", ["bare.proof"], "give it as --tlog-proof"],
  [
    "a proof and a payload",
    ["bare.note", "--tlog-proof", "p", "--payload", "bare.note"],
    "neither",
  ],
])("%s is wrong usage", async (_name, [file = "", ...args], says) => {
  const outcome = await workspace.tally("verify", file, "--trust", "trust.json", ...args);
  expect([outcome.code, outcome.stderr]).toEqual([3, expect.stringContaining(says)]);
});
