import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SignedStatement } from "@tallystick/statement";
import { cp, mkdir } from "node:fs/promises";

import type { Outcome } from "./testing/command.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const ISS = "https://issuer.example";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "honest");
  await workspace.must("keygen", "--alg", "EdDSA", "--out", "issuer.jwk");
  await workspace.must("trust", "add", "issuer.pub.jwk", "--iss", ISS, "--dir", "honest");
  for (const name of ["a", "b", "c", "d"]) {
    await workspace.write(`${name}.txt`, name);
    const claims = ["--iss", ISS, "--sub", name, "--type", "text/plain"];
    await workspace.must(
      "sign",
      `${name}.txt`,
      "--key",
      "issuer.jwk",
      ...claims,
      "--out",
      `${name}.scitt`,
    );
  }
  await withService("honest", async (url) => {
    await workspace.must("trust", "export", "--service", url, "--out", "trust.json");
    await register(url, "a", "early.seen");
  });
  // Two operators' faces, made as a real one would make them: one log, two copies of its directory.
  await cp(workspace.at("honest"), workspace.at("face"), { recursive: true });
  await cp(workspace.at("honest"), workspace.at("old"), { recursive: true });
}, 60_000);

afterAll(() => workspace.remove());

async function withService<T>(dir: string, act: (url: string) => Promise<T>): Promise<T> {
  const served = await ServeProcess.start(workspace, dir);
  try {
    return await act(served.url);
  } finally {
    await served.stop();
  }
}

function register(url: string, name: string, seen: string): Promise<Outcome> {
  const output = ["--out", `${name}.transparent.scitt`];
  const watch = ["--trust", "trust.json", "--seen", seen];
  return workspace.tally("register", `${name}.scitt`, "--service", url, ...output, ...watch);
}

function checkpoint(url: string, seen: string): Promise<Outcome> {
  const watch = ["--trust", "trust.json", "--seen", seen];
  return workspace.tally("checkpoint", "--service", url, ...watch, "--json");
}

describe("a log that only grows", () => {
  test("extends what was seen, from command to command", async () => {
    await cp(workspace.at("early.seen"), workspace.at("grows.seen"));
    await withService("honest", async (url) => {
      expect(await register(url, "b", "grows.seen")).toMatchObject({ code: 0 });
      const { code, stdout, stderr } = await checkpoint(url, "grows.seen");
      expect([code, stderr]).toEqual([0, ""]);
      expect(JSON.parse(stdout)).toMatchObject({ size: 4 });
      const { entryId } = SignedStatement.decode(await workspace.read("b.scitt"));
      const fetched = await workspace.tally(
        ...["receipt", entryId, "--service", url, "--out", "b.receipt"],
        ...["--trust", "trust.json", "--seen", "grows.seen"],
      );
      expect(fetched).toMatchObject({ code: 0 });
    });
    expect(await workspace.names()).not.toContain("grows.seen.evidence");
  });
});

describe("an operator with two faces", () => {
  test("is caught by whoever sees both, with evidence that convinces others", async () => {
    await cp(workspace.at("early.seen"), workspace.at("split.seen"));
    await withService("face", async (url) => {
      // One face takes c, the other has taken b: size 4 twice.
      expect(await register(url, "c", "split.seen")).toMatchObject({ code: 0 });
    });
    await withService("honest", async (url) => {
      const { code, stderr } = await checkpoint(url, "split.seen");
      expect(code).toBe(1);
      expect(stderr).toContain("cannot both be true (split)");
    });
    const checked = await workspace.tally(
      "evidence",
      "split.seen.evidence",
      "--trust",
      "trust.json",
    );
    expect(checked).toMatchObject({ code: 0 });
    expect(checked.stdout).toContain("contradicts itself: two logs of one size");
    const { stdout } = await workspace.must(
      ...["evidence", "split.seen.evidence", "--trust", "trust.json", "--json"],
    );
    expect(JSON.parse(stdout)).toMatchObject({
      kind: "split",
      smaller: { size: 4 },
      larger: { size: 4 },
    });
  });

  test("is caught further on as well, by the checkpoint that was seen", async () => {
    await cp(workspace.at("early.seen"), workspace.at("later.seen"));
    await withService("face", async (url) => {
      expect(await register(url, "c", "later.seen")).toMatchObject({ code: 0 });
    });
    await withService("honest", async (url) => {
      const { code, stderr } = await register(url, "d", "later.seen");
      expect(code).toBe(1);
      expect(stderr).toContain("wrote later.seen.evidence");
    });
    const checked = await workspace.tally(
      "evidence",
      "later.seen.evidence",
      "--trust",
      "trust.json",
    );
    expect(checked).toMatchObject({ code: 0 });
  });
});

describe("what is kept", () => {
  test("is that of two commands at once, and evidence is never overwritten", async () => {
    await cp(workspace.at("split.seen.evidence"), workspace.at("kept.seen.evidence"));
    const before = await workspace.read("kept.seen.evidence");
    await withService("face", async (url) => {
      expect(await checkpoint(url, "kept.seen")).toMatchObject({ code: 0 });
    });
    await withService("honest", async (url) => {
      expect(await checkpoint(url, "kept.seen")).toMatchObject({ code: 1 });
      await mkdir(workspace.at("folder"));
      const failed = await workspace.tally(
        ...["checkpoint", "--service", url, "--trust", "trust.json", "--seen", "kept.seen"],
        ...["--evidence", "folder"],
      );
      expect(failed).toMatchObject({ code: 1 });
      expect(failed.stderr).toContain("the evidence is not kept");
      expect(failed.stderr).toContain("cannot both be true");
    });
    expect(await workspace.read("kept.seen.evidence")).toEqual(before);
    expect(await workspace.names()).toContain("kept.seen.evidence.2");
  });
});

describe("an operator who rolls back", () => {
  test("and only shows the old log is refused, for want of the newer one", async () => {
    await withService("honest", async (url) => {
      expect(await checkpoint(url, "rolled.seen")).toMatchObject({ code: 0 });
    });
    await withService("old", async (url) => {
      const { code, stdout } = await checkpoint(url, "rolled.seen");
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: "CLIENT_NOT_EXTENDED" } });
    });
  });
});

describe("evidence", () => {
  test("of another log, or of none, is a no", async () => {
    await workspace.must("init", "other", "--issuer", "https://other.example");
    await withService("other", (url) =>
      workspace.must("trust", "export", "--service", url, "--out", "other.json"),
    );
    await workspace.write("none.evidence", "{}");
    for (const args of [
      ["split.seen.evidence", "--trust", "other.json"],
      ["none.evidence", "--trust", "trust.json"],
    ]) {
      const { code, stdout } = await workspace.tally("evidence", ...args, "--json");
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: "VERIFIER_EVIDENCE_REFUSED" } });
    }
  });
});

describe("wrong arguments", () => {
  test.each([
    ["--seen without --trust", ["--seen", "x.seen"], 3, "--seen wants --trust"],
    [
      "--seen with --async",
      ["--trust", "trust.json", "--seen", "x", "--async"],
      3,
      "--async has no",
    ],
    [
      "one file for both",
      ["--trust", "t", "--seen", "x", "--evidence", "x"],
      3,
      "files of their own",
    ],
    ["--evidence without --trust", ["--evidence", "x"], 3, "--evidence wants --trust"],
    ["a trust file that is missing", ["--trust", "none.json", "--seen", "x.seen"], 2, "none.json"],
    [
      "a file of another kind",
      ["--trust", "trust.json", "--seen", "trust.json"],
      2,
      "checkpoints seen",
    ],
  ])("%s: says so", async (...[, args, code, said]) => {
    const outcome = await workspace.tally(
      ...["register", "a.scitt", "--service", "http://127.0.0.1:9", "--out", "x"],
      ...args,
    );
    expect(outcome.code).toBe(code);
    expect(outcome.stderr).toContain(said);
  });
});
