import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { cp, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { PrivateKey } from "@tallystick/cose";

import { ServiceDirectory } from "./directory.js";
import { openService } from "./opening.js";
import { nextReceiptKey, receiptKeyPaths, switchReceiptKey } from "./receipt-keys.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;
const ADVICE = { advice: "in use" };

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must(
    "init",
    "made",
    "--issuer",
    "https://log.example",
    "--origin",
    "log.example/r",
  );
  await cp("made", "named", { recursive: true });
  await workspace.must("rotate-key", "named", "--begin", "--alg", "EdDSA");
});

afterAll(() => workspace.remove());

let count = 0;

/** A copy of a service that a test may do with what it likes. */
async function copyOf(name: string): Promise<string> {
  const dir = `copy${count++}`;
  await cp(name, dir, { recursive: true });
  return dir;
}

interface Told {
  readonly stage: string;
  readonly current: string;
  readonly next: string | null;
  readonly named: readonly string[];
}

/** What a restored backup was checked by, in lines. */
function told(stdout: string): readonly string[] {
  return stdout.split("\n").filter((line) => line.includes("receipt key: "));
}

async function rotate(dir: string, ...args: readonly string[]): Promise<Told> {
  const { stdout } = await workspace.must("rotate-key", dir, ...args, "--json");
  return JSON.parse(stdout) as Told;
}

describe("tally rotate-key", () => {
  test("goes from the one key to the other, and every check holds", async () => {
    const dir = await copyOf("made");
    const none = await rotate(dir);
    expect(none).toMatchObject({ stage: "none", next: null, named: [none.current] });
    const announced = await rotate(dir, "--begin");
    const { next } = announced;
    expect(announced).toMatchObject({ stage: "announced", named: [none.current, next] });
    expect(await workspace.modeOf(`${dir}/keys/receipt.next.jwk`)).toBe("600");
    expect(await rotate(dir, "--begin")).toEqual(announced);
    const switched = await rotate(dir, "--switch");
    expect(switched).toMatchObject({ stage: "switched", current: next, next: null });
    expect(await rotate(dir, "--switch")).toEqual(switched);
    const finished = await rotate(dir, "--finish");
    expect(finished).toMatchObject({ stage: "none", current: next, named: [next] });
    expect(await workspace.names(`${dir}/keys`)).toEqual(
      expect.not.arrayContaining(["receipt.old.jwk", "receipt.next.jwk", "receipt.next.pub.jwk"]),
    );
    expect(await workspace.names(`${dir}/keys/retired`)).toEqual([`${none.current}.pub.jwk`]);
    await workspace.must("fsck", dir);
    await workspace.must("audit", dir);
    await workspace.must("backup", dir, `${dir}.backup`);
    const { stdout } = await workspace.must("restore", `${dir}.backup`, `${dir}.restored`);
    expect(told(stdout)).toEqual([
      `receipt key: ${String(next)}`,
      `former receipt key: ${none.current}`,
    ]);
    expect(await workspace.names(`${dir}.restored/keys/retired`)).toEqual([
      `${none.current}.pub.jwk`,
    ]);
  });

  test("begins again after one is over", async () => {
    const dir = await copyOf("named");
    await rotate(dir, "--switch");
    const first = await rotate(dir, "--finish");
    await rotate(dir, "--begin", "--alg", "ES384");
    await rotate(dir, "--switch");
    const second = await rotate(dir, "--finish");
    expect(second.named).not.toEqual(first.named);
    expect(await workspace.names(`${dir}/keys/retired`)).toHaveLength(2);
    await workspace.must("fsck", dir);
    await workspace.must("audit", dir);
  });

  test("takes back what has not switched", async () => {
    const dir = await copyOf("named");
    const { current } = await rotate(dir);
    expect(await rotate(dir, "--abandon")).toMatchObject({ stage: "none", named: [current] });
    expect(await workspace.names(`${dir}/keys`)).not.toContain("receipt.next.jwk");
    await workspace.must("fsck", dir);
  });

  test.each<[string, string, readonly string[]]>([
    ["switching what did not begin", "made", ["--switch"]],
    ["finishing what did not begin", "made", ["--finish"]],
    ["abandoning what did not begin", "made", ["--abandon"]],
    ["finishing before the switch", "named", ["--finish"]],
    ["another algorithm for a key that is there", "named", ["--begin", "--alg", "ES256"]],
  ])("refuses %s, and changes nothing", async (_, from, args) => {
    const dir = await copyOf(from);
    const before = await workspace.names(`${dir}/keys`);
    const { code, stdout } = await workspace.tally("rotate-key", dir, ...args, "--json");
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "CLI_ROTATION_STEP" } });
    expect(await workspace.names(`${dir}/keys`)).toEqual(before);
  });

  test("refuses a key that is no operator's, before it makes a policy", async () => {
    const dir = await copyOf("made");
    await workspace.must("keygen", "--alg", "ES256", "--out", `${dir}.jwk`);
    const { code, stderr } = await workspace.tally(
      ...["rotate-key", dir, "--begin", "--operator", `${dir}.jwk`],
    );
    expect([code, stderr]).toEqual([1, expect.stringContaining("not that of an operator")]);
    expect(await rotate(dir)).toMatchObject({ stage: "begun" });
    expect(await rotate(dir, "--begin")).toMatchObject({ stage: "announced" });
  });

  test("waits for no other run", async () => {
    const dir = await copyOf("named");
    const service = await openService(await ServiceDirectory.open(dir), ADVICE);
    const { code, stderr } = await workspace.tally("rotate-key", dir, "--switch");
    expect([code, stderr]).toEqual([2, expect.stringContaining("stop it first")]);
    await service.close();
    await workspace.write(join(dir, "rotation.lock"), "1 0123456789abcdef elsewhere\n");
    const locked = await workspace.tally("rotate-key", dir, "--switch");
    expect([locked.code, locked.stderr]).toEqual([2, expect.stringContaining("another run")]);
  });
});

test("a backup that brings a stranger's key along as a former one is told by that key", async () => {
  const dir = await copyOf("made");
  const { current: stranger } = await rotate(dir);
  const keys = join(dir, "keys");
  await workspace.must("keygen", "--alg", "ES256", "--out", `${dir}.jwk`);
  await mkdir(join(keys, "retired"));
  await rename(join(keys, "receipt.pub.jwk"), join(keys, "retired", `${stranger}.pub.jwk`));
  await rename(`${dir}.pub.jwk`, join(keys, "receipt.pub.jwk"));
  const { kid } = await workspace.json(join(keys, "receipt.pub.jwk"));
  await workspace.must("backup", dir, `${dir}.backup`);
  const { stdout, stderr } = await workspace.must("restore", `${dir}.backup`, `${dir}.restored`);
  expect(told(stdout)).toEqual([`receipt key: ${String(kid)}`, `former receipt key: ${stranger}`]);
  expect(stderr).toContain("compare each of them");
});

describe("key files", () => {
  test("swapped before a policy names the key are refused, with what to do", async () => {
    const dir = await copyOf("made");
    await workspace.must("keygen", "--alg", "ES256", "--out", `${dir}.jwk`);
    await cp(`${dir}.jwk`, join(dir, "keys", "receipt.jwk"));
    const { code, stderr } = await workspace.tally("rotate-key", dir);
    expect(code).toBe(2);
    expect(stderr).toMatch(/signs nothing for this log: its policy names .*tally rotate-key DIR/);
  });

  test("put back from before a rotation are refused", async () => {
    const dir = await copyOf("named");
    await cp(join(dir, "keys"), `${dir}.keys`, { recursive: true });
    await rotate(dir, "--switch");
    await rotate(dir, "--finish");
    await rm(join(dir, "keys"), { recursive: true });
    await rename(`${dir}.keys`, join(dir, "keys"));
    const { code, stderr } = await workspace.tally("rotate-key", dir);
    expect([code, stderr]).toEqual([2, expect.stringContaining("is not among its keys")]);
  });
});

describe("a file of a former key that is empty", () => {
  const emptied = async (dir: string, name: string): Promise<void> => {
    await mkdir(join(dir, "keys", "retired"), { recursive: true });
    await workspace.write(join(dir, "keys", "retired", `${name}.pub.jwk`), "");
  };

  test("is written again by the switch that it is from, and is in no backup", async () => {
    const dir = await copyOf("named");
    const { current, next } = await rotate(dir);
    await emptied(dir, current);
    await workspace.must("fsck", dir);
    await workspace.must("backup", dir, `${dir}.backup`);
    await workspace.must("restore", `${dir}.backup`, `${dir}.restored`);
    expect(await rotate(dir, "--switch")).toMatchObject({ stage: "switched", current: next });
    const { kid } = await workspace.json(join(dir, "keys", "retired", `${current}.pub.jwk`));
    expect(kid).toBe(current);
  });

  test("of a key that signed before is refused, with what to do", async () => {
    const dir = await copyOf("named");
    const { current } = await rotate(dir);
    await rotate(dir, "--switch");
    await emptied(dir, current);
    await rm(join(dir, "keys", "receipt.old.jwk"));
    for (const command of ["rotate-key", "fsck"]) {
      const { code, stderr } = await workspace.tally(command, dir);
      expect([code, stderr]).toEqual([2, expect.stringContaining("put the file back from a")]);
    }
  });
});

test("the next key is under its name whole or not at all", async () => {
  const dir = await copyOf("made");
  const directory = await ServiceDirectory.open(dir);
  await workspace.write(join(dir, "keys", "receipt.next.jwk.draft"), "{");
  const key = await nextReceiptKey(directory, () => PrivateKey.generate("ES256"));
  const names = await workspace.names(`${dir}/keys`);
  expect(names.filter((name) => name.includes("next"))).toEqual([
    "receipt.next.jwk",
    "receipt.next.pub.jwk",
  ]);
  expect(await workspace.modeOf(`${dir}/keys/receipt.next.jwk`)).toBe("600");
  const again = await nextReceiptKey(directory, () => PrivateKey.generate("ES256"));
  expect(again.publicKey.thumbprint()).toEqual(key.publicKey.thumbprint());
});

test("the keys are read once the log is locked", async () => {
  const directory = await ServiceDirectory.open(await copyOf("made"));
  const codes: unknown[] = [];
  const reads = {
    receiptKey: async (): Promise<PrivateKey> => {
      codes.push(await openService(directory, ADVICE).catch((error: unknown) => error));
      return directory.receiptKey();
    },
  };
  const asked = Object.create(directory, {
    receiptKey: { value: reads.receiptKey },
  }) as typeof directory;
  await (await openService(asked, ADVICE)).close();
  expect(codes).toEqual([expect.objectContaining({ code: "CLI_DIRECTORY_IN_USE" })]);
});

describe("a crash within --switch", () => {
  test.each([1, 2, 3])("after step %i leaves a log that opens, and is gone on from", async (at) => {
    const dir = await copyOf("named");
    const { next } = await rotate(dir);
    const directory = await ServiceDirectory.open(dir);
    const crash = switchReceiptKey(directory, (step) => {
      if (step === at) throw new Error("crash");
    });
    await expect(crash).rejects.toThrow();
    await (await openService(directory, ADVICE)).close();
    expect(await rotate(dir, "--switch")).toMatchObject({ stage: "switched", current: next });
    expect(await rotate(dir, "--finish")).toMatchObject({ stage: "none", named: [next] });
    await workspace.must("fsck", dir);
    expect(await workspace.names(`${dir}/keys/retired`)).toHaveLength(1);
  });

  test("before the public half of the next key was written", async () => {
    const dir = await copyOf("made");
    const directory = await ServiceDirectory.open(dir);
    const { next } = receiptKeyPaths(directory);
    await nextReceiptKey(directory, () => PrivateKey.generate("ES256"));
    await rm(next.replace(/\.jwk$/, ".pub.jwk"));
    const state = await rotate(dir, "--begin");
    expect(state.stage).toBe("announced");
    expect(await workspace.names(`${dir}/keys`)).toContain("receipt.next.pub.jwk");
  });
});
