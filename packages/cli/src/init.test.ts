import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdir } from "node:fs/promises";

import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
});

afterAll(() => workspace.remove());

describe("init", () => {
  test("makes a whole service and says where its keys are", async () => {
    const { code, stdout, stderr } = await workspace.tally("init", "plain");
    expect(code).toBe(0);
    const [suffix = ""] = /-[0-9a-f]{8}$/m.exec(stderr) ?? [];
    const { kid } = await workspace.json("plain/keys/receipt.pub.jwk");
    const [pinned = "", vkey = ""] = stdout.split("\n");
    expect(pinned).toBe(`thumbprint: ${String(kid)}`);
    expect(vkey).toMatch(/^note key: tallystick\.local\/log-[0-9a-f]{8}\+[0-9a-f]{8}\+\S{44}$/);
    expect(stderr.replace(suffix, "")).toBe(
      [
        "made a transparency service in plain",
        "  issuer        http://127.0.0.1:8000",
        "  log           tallystick.local/log",
        "  anchor        plain/anchor (shows if the log ever lost its end)",
        "  receipt key   plain/keys/receipt.jwk (signs receipts)",
        "  operator key  plain/keys/operator.jwk (signs registration policies)",
        "  note key      plain/keys/note.jwk (signs checkpoints for witnesses)",
        "  keep these keys secret and back them up with the rest of the directory",
        "  the issuer is a placeholder, fit for trying out: set --issuer for anything real",
        "start it with: npx tally serve plain",
        "",
      ].join("\n"),
    );
    expect(await workspace.names("plain")).toEqual(["anchor", "config.json", "keys", "log"]);
    expect(await workspace.json("plain/config.json")).toEqual({
      format: "tallystick-service/1",
      issuer: "http://127.0.0.1:8000",
      origin: `tallystick.local/log${suffix}`,
      algorithm: "ES256",
    });
    // Nothing is left beside it.
    expect(await workspace.names()).toEqual(["plain"]);
  });

  test("calls no two logs the same, unless it is told to", async () => {
    for (const dir of ["one", "two"]) await workspace.must("init", dir);
    const origins = await Promise.all(
      ["one", "two"].map(async (dir) => (await workspace.json(`${dir}/config.json`))["origin"]),
    );
    for (const origin of origins) expect(origin).toMatch(/^tallystick\.local\/log-[0-9a-f]{8}$/);
    expect(origins[0]).not.toBe(origins[1]);
    const named = await workspace.must("init", "three", "--issuer", "https://ts.example");
    expect(named.stderr).not.toContain("placeholder");
  });

  test("makes the directories above it", async () => {
    await workspace.must("init", "above/and/beyond");
    expect(await workspace.names("above/and")).toEqual(["beyond"]);
  });

  const linux = process.platform === "linux" ? test : test.skip;

  linux.each(["/proc/tally", "/proc/tally/service"])(
    "ends where nothing can be made: %s",
    async (dir) => {
      const { code, stderr } = await workspace.tally("init", dir);
      expect(code).toBe(2);
      expect(stderr).toBe(
        `tally: CLI_FILE_FAILED: cannot make ${dir}: no such file or directory\n`,
      );
    },
  );

  test("keeps the keys to the owner", async () => {
    await workspace.must("init", "modes");
    expect(await workspace.modeOf("modes")).toBe("700");
    expect(await workspace.modeOf("modes/keys")).toBe("700");
    expect(await workspace.names("modes/keys")).toEqual([
      "note.jwk",
      "note.pub.jwk",
      "operator.jwk",
      "operator.pub.jwk",
      "receipt.jwk",
      "receipt.pub.jwk",
    ]);
    expect(await workspace.modeOf("modes/keys/receipt.jwk")).toBe("600");
    expect(await workspace.modeOf("modes/keys/operator.jwk")).toBe("600");
    expect(await workspace.modeOf("modes/keys/note.jwk")).toBe("600");
    const [receipt, operator] = [
      await workspace.json("modes/keys/receipt.pub.jwk"),
      await workspace.json("modes/keys/operator.pub.jwk"),
    ];
    expect(receipt["kid"]).not.toBe(operator["kid"]);
  });

  test.each([
    ["the log from the issuer", ["--issuer", "https://ts.example/x"], "ts.example/log"],
    [
      "the log as told",
      ["--issuer", "https://ts.example", "--origin", "ts.example/mine"],
      "ts.example/mine",
    ],
  ])("names %s", async (_, options, origin) => {
    const dir = `named-${origin.length}`;
    await workspace.must("init", dir, ...options);
    const config = await workspace.json(`${dir}/config.json`);
    expect(config).toMatchObject({ issuer: options[1], origin });
  });

  test.each(["ES384", "EdDSA", "ML-DSA-87"])(
    "makes keys for %s, and the log is sound",
    async (alg) => {
      await workspace.must("init", alg, "--alg", alg);
      expect(await workspace.json(`${alg}/keys/receipt.pub.jwk`)).toMatchObject({ alg });
      const { code, stdout } = await workspace.tally("fsck", alg);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^sound: 1 entries, root [0-9a-f]{64}\nchecked: entries 1,/);
    },
  );

  test("takes an empty directory", async () => {
    await mkdir(workspace.at("empty"));
    await workspace.must("init", "empty/");
    expect(await workspace.names("empty")).toContain("log");
  });

  test.each([
    ["a directory with something in it", "full"],
    ["a file", "full/file"],
    ["a service", "again"],
  ])("refuses %s and touches nothing", async (_, dir) => {
    await mkdir(workspace.at("full"), { recursive: true });
    await workspace.write("full/file", "mine");
    if (dir === "again") await workspace.tally("init", "again");
    const before = [await workspace.names(), await workspace.names("full")];
    const config = await workspace.json("again/config.json").catch(() => undefined);
    const { code, stderr } = await workspace.tally("init", dir);
    expect(code).toBe(2);
    expect(stderr).toBe(`tally: CLI_DIRECTORY_INVALID: ${dir} is not empty, nothing was changed\n`);
    expect([await workspace.names(), await workspace.names("full")]).toEqual(before);
    if (dir === "again") expect(await workspace.json("again/config.json")).toEqual(config);
  });
});
