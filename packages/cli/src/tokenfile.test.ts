import { createHash } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { Workspace } from "./testing/workspace.js";
import { readTokens } from "./tokenfile.js";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.make();
});

afterAll(() => workspace.remove());

const HASH = "0".repeat(64);

function create(name: string, ...options: string[]): ReturnType<Workspace["tally"]> {
  const files = ["--tokens", "tokens.json", "--out", `${name}.token`];
  return workspace.tally("token", "create", "--name", name, ...files, ...options);
}

describe("tally token create", () => {
  test("gives the client the token, and the server nothing but its hash", async () => {
    expect((await create("ci")).code).toBe(0);
    expect((await create("ops", "--scope", "admin")).code).toBe(0);
    expect(await workspace.modeOf("ci.token")).toBe("600");
    const token = Buffer.from(await workspace.read("ci.token")).toString();
    expect(token).toMatch(/^tly_[A-Za-z0-9_-]{43}\n$/);
    const sha256 = new Uint8Array(createHash("sha256").update(token.trim()).digest());
    const records = await readTokens(workspace.at("tokens.json"));
    expect(records[0]).toEqual({ name: "ci", scopes: ["register"], sha256 });
    expect(records[1]).toMatchObject({ name: "ops", scopes: ["admin"] });
    expect(Buffer.from(await workspace.read("tokens.json")).toString()).not.toContain("tly_");
  });

  test.each([
    ["a name that is taken", "ci", 3, "has a token with the name ci already"],
    ["no name", "a b", 3, "a name is 1 to 64 letters"],
  ])("leaves everything as it is for %s", async (...row) => {
    const [, name, exit, says] = row;
    const before = [await workspace.names(), await workspace.read("tokens.json")];
    const files = ["--tokens", "tokens.json", "--out", "new.token"];
    const { code, stderr } = await workspace.tally("token", "create", "--name", name, ...files);
    expect([code, stderr]).toEqual([exit, expect.stringContaining(says)]);
    expect([await workspace.names(), await workspace.read("tokens.json")]).toEqual(before);
  });

  test("overwrites no token", async () => {
    await workspace.write("old.token", "mine");
    const { code, stderr } = await create("old");
    expect([code, stderr]).toEqual([2, expect.stringContaining("exists")]);
    expect(await readTokens(workspace.at("tokens.json"))).toHaveLength(2);
  });
});

describe("a file of tokens", () => {
  const one = { name: "a", scopes: ["register"], sha256: HASH };
  test.each([
    ["no JSON", "{", "not JSON"],
    ["a list", "[]", "want"],
    ["no tokens", "{}", "want"],
    ["too many", { tokens: Array(1001).fill(one) }, "at most 1000"],
    ["one name twice", { tokens: [one, one] }, "two tokens have the same name"],
    ["a name that is none", { tokens: [{ ...one, name: "a b" }] }, "token 0: name is none"],
    ["the token itself", { tokens: [{ ...one, sha256: "tly_x" }] }, "sha256 is not 64"],
    ["upper case", { tokens: [{ ...one, sha256: "A".repeat(64) }] }, "sha256 is not 64"],
    ["another scope", { tokens: [{ ...one, scopes: ["root"] }] }, "scopes are a list of"],
    ["another member", { tokens: [{ ...one, exp: 1 }] }, "no member exp is known"],
  ])("CLI_TOKENS_INVALID: is refused with %s", async (_name, content, says) => {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    await workspace.write("bad.json", text);
    await expect(readTokens(workspace.at("bad.json"))).rejects.toMatchObject({
      code: "CLI_TOKENS_INVALID",
      message: expect.stringContaining(says) as unknown,
    });
  });
});
