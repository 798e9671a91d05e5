import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { execFileSync } from "node:child_process";
import type { open } from "node:fs/promises";
import { lstat, mkdir, readFile, symlink } from "node:fs/promises";

import { CliError } from "./error.js";
import { createFile, makeDirectory, readWhole, syncDirectory, writeWhole } from "./file.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.make();
});

afterAll(() => workspace.remove());

async function refusalOf(call: () => Promise<unknown>): Promise<CliError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
  throw new Error("the call came to something");
}

describe("writeWhole", () => {
  test("writes a new file and replaces an old one", async () => {
    const path = workspace.at("new");
    await writeWhole(path, "one");
    await writeWhole(path, Uint8Array.of(0x74, 0x77, 0x6f));
    expect(await readFile(path, "utf8")).toBe("two");
    expect(await workspace.names()).toEqual(["new"]);
  });

  test("replaces what a symbolic link leads to, not the link", async () => {
    await workspace.write("target", "old");
    await symlink("target", workspace.at("link"));
    await writeWhole(workspace.at("link"), "new");
    expect((await lstat(workspace.at("link"))).isSymbolicLink()).toBe(true);
    expect(await readFile(workspace.at("target"), "utf8")).toBe("new");
  });

  const posix = process.platform === "win32" ? test.skip : test;

  posix("writes into a pipe", async () => {
    execFileSync("mkfifo", [workspace.at("pipe")]);
    const [text] = await Promise.all([
      readFile(workspace.at("pipe"), "utf8"),
      writeWhole(workspace.at("pipe"), "through"),
    ]);
    expect(text).toBe("through");
    expect((await lstat(workspace.at("pipe"))).isFIFO()).toBe(true);
  });

  test.each([
    ["a directory that is not there", "none/file", "no such file or directory"],
    ["a directory in its place", "place", "is a directory"],
    ["a file in the place of its directory", "new/file", "not a directory"],
  ])("says what is wrong: %s", async (_, name, says) => {
    await mkdir(workspace.at("place"), { recursive: true });
    const before = await workspace.names();
    const error = await refusalOf(() => writeWhole(workspace.at(name), "x"));
    expect(error.code).toBe("CLI_FILE_FAILED");
    expect(error.message).toBe(`cannot write ${workspace.at(name)}: ${says}`);
    expect(await workspace.names()).toEqual(before);
  });
});

describe("createFile", () => {
  test("gives the permissions asked for", async () => {
    await createFile(workspace.at("secret"), "s", 0o600);
    expect(await workspace.modeOf("secret")).toBe("600");
  });

  test("never writes over a file", async () => {
    await workspace.write("kept", "mine");
    const error = await refusalOf(() => createFile(workspace.at("kept"), "x", 0o600));
    expect(error.code).toBe("CLI_FILE_EXISTS");
    expect(await readFile(workspace.at("kept"), "utf8")).toBe("mine");
  });
});

describe("syncDirectory", () => {
  function failing(code: string): typeof open {
    return () => Promise.reject(Object.assign(new Error(code), { code }));
  }

  test("syncs one that is there, and fails for one that is not", async () => {
    await syncDirectory(workspace.path);
    if (process.platform === "win32") return;
    const error = await refusalOf(() => syncDirectory(workspace.at("nowhere")));
    expect(error.code).toBe("CLI_FILE_FAILED");
    expect(error.message).toContain("no such file or directory");
  });

  test.each(["EINVAL", "ENOTSUP", "EPERM", "EISDIR"])("goes on where it cannot be: %s", (code) =>
    syncDirectory(workspace.path, failing(code)),
  );

  test.each(["EIO", "ENOSPC", "EDQUOT", "EACCES"])("fails where it failed: %s", async (code) => {
    const error = await refusalOf(() => syncDirectory(workspace.path, failing(code)));
    expect(error).toMatchObject({ code: "CLI_FILE_FAILED", cause: { code } });
  });
});

test("makeDirectory makes what a directory lies in", async () => {
  await makeDirectory(workspace.at("a/b/c"), 0o700);
  for (const name of ["a", "a/b", "a/b/c"]) expect(await workspace.modeOf(name)).toBe("700");
  await expect(makeDirectory(workspace.at("a/b/c"), 0o700)).rejects.toMatchObject({
    code: "EEXIST",
  });
});

test("readWhole says what is wrong", async () => {
  const error = await refusalOf(() => readWhole(workspace.at("nothing")));
  expect(error.code).toBe("CLI_FILE_FAILED");
  expect(error.message).toContain("no such file or directory");
});
