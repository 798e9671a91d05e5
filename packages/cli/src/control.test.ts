import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";

import { askServer, type ControlRequest, ControlSocket } from "./control.js";
import { CliError } from "./error.js";
import { expectedError } from "./exit.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.make();
});

afterAll(() => workspace.remove());

async function place(name: string): Promise<string> {
  await mkdir(workspace.at(name));
  return workspace.at(name);
}

/** Sends raw bytes and yields everything that comes back. */
function say(dir: string, bytes: string): Promise<string> {
  return new Promise((settle, reject) => {
    const socket = connect(join(dir, "control.sock"));
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", reject).on("close", () => {
      settle(text);
    });
    socket.write(bytes);
  });
}

describe("the control socket", () => {
  test("answers one request with one line, to its owner alone", async () => {
    const dir = await place("one");
    const seen: ControlRequest[] = [];
    const control = await ControlSocket.open(dir, (request) => {
      seen.push(request);
      return Promise.resolve({ size: 7 });
    });
    expect(await askServer(dir, { do: "status" })).toEqual({ size: 7 });
    expect(await askServer(dir, { do: "backup", file: "/b" })).toEqual({ size: 7 });
    expect(await askServer(dir, { do: "freeze", why: "a\nb" })).toEqual({ size: 7 });
    expect(seen).toEqual([
      { do: "status" },
      { do: "backup", file: "/b" },
      { do: "freeze", why: "a\nb" },
    ]);
    expect((await stat(join(dir, "control.sock"))).mode & 0o777).toBe(0o600);
    await control.close();
    expect(await askServer(dir, { do: "status" })).toBeUndefined();
    expect(await workspace.names("one")).toEqual([]);
  });

  test("tells why something was not done", async () => {
    const dir = await place("refusing");
    const control = await ControlSocket.open(dir, () =>
      Promise.reject(new CliError("CLI_FILE_EXISTS", "it is there")),
    );
    await expect(askServer(dir, { do: "status" })).rejects.toMatchObject({
      code: "CLI_CONTROL_FAILED",
      message: "the running server says: CLI_FILE_EXISTS: it is there",
    });
    await control.close();
  });

  test.each([
    ["no JSON", "x\n"],
    ["no object", "1\n"],
    ["an unknown request", '{"do":"erase"}\n'],
    ["a member missing", '{"do":"backup"}\n'],
    ["too much", "x".repeat(70_000)],
  ])("refuses %s", async (name, line) => {
    const dir = await place(name.replaceAll(" ", "-"));
    const control = await ControlSocket.open(dir, () => Promise.reject(new Error("asked")));
    expect(JSON.parse(await say(dir, line))).toEqual({
      error: { code: "CLI_USAGE", message: "no such request" },
    });
    await control.close();
  });

  test("takes the place of one that a killed server left behind", async () => {
    const dir = await place("stale");
    await writeFile(join(dir, "control.sock"), "left behind");
    const control = await ControlSocket.open(dir, () => Promise.resolve({ size: 1 }));
    expect(await askServer(dir, { do: "status" })).toEqual({ size: 1 });
    await control.close();
  });

  test("answers what it has begun before it closes, and lets idle connections go", async () => {
    const dir = await place("closing");
    let finish: () => void = () => undefined;
    const begun = new Promise<void>((isBegun) => {
      const work = new Promise<void>((settle) => {
        finish = settle;
      });
      void ControlSocket.open(dir, async () => {
        isBegun();
        await work;
        return { size: 3 };
      }).then((control) => {
        opened = control;
        return undefined;
      });
    });
    let opened: ControlSocket | undefined;
    while (opened === undefined) await new Promise((settle) => setImmediate(settle));
    const idle = say(dir, "");
    const answer = askServer(dir, { do: "status" });
    await begun;
    const closed = opened.close();
    expect(await idle).toBe("");
    finish();
    expect(await answer).toEqual({ size: 3 });
    await closed;
  });

  test("says so when the server goes without an answer, or tells something else", async () => {
    for (const [name, reply] of [
      ["gone", ""],
      ["odd", "no JSON\n"],
    ] as const) {
      const dir = await place(name);
      const server = createServer((socket) => {
        socket
          .on("error", () => undefined)
          .resume()
          .end(reply);
      });
      await new Promise<void>((settle) => server.listen(join(dir, "control.sock"), settle));
      await expect(askServer(dir, { do: "status" })).rejects.toMatchObject({
        code: "CLI_CONTROL_FAILED",
      });
      await new Promise((settle) => server.close(settle));
    }
  });

  test.each([
    ["nothing", ""],
    ["no end of a line", "{"],
  ])("is not waited for for ever when it says %s", async (_name, said) => {
    const dir = await place(`silent${said.length}`);
    const server = createServer((socket) => {
      socket.on("error", () => undefined).resume();
      if (said !== "") socket.write(said);
    });
    await new Promise<void>((settle) => server.listen(join(dir, "control.sock"), settle));
    const error: unknown = await askServer(dir, { do: "status" }, 50).catch(
      (cause: unknown) => cause,
    );
    expect(error).toMatchObject({ code: "CLI_CONTROL_FAILED" });
    expect(expectedError(error)?.exit).toBe(2);
    await new Promise((settle) => server.close(settle));
  });

  test("cannot be made where nothing can, and says so", async () => {
    const absent = workspace.at("absent");
    const opening = ControlSocket.open(absent, () => Promise.resolve({}));
    await expect(opening).rejects.toMatchObject({ code: "CLI_FILE_FAILED" });
    const long = await place("x".repeat(200));
    const tooLong = ControlSocket.open(long, () => Promise.resolve({}));
    await expect(tooLong).rejects.toMatchObject({ code: "CLI_FILE_FAILED" });
  });

  const asOther = process.getuid?.() === 0 ? test.skip : test;

  asOther("is not for those who may not enter", async () => {
    const dir = await place("closed");
    const control = await ControlSocket.open(dir, () => Promise.resolve({}));
    await chmod(join(dir, "control.sock"), 0);
    await expect(askServer(dir, { do: "status" })).rejects.toMatchObject({
      code: "CLI_FILE_FAILED",
    });
    await control.close();
  });
});
