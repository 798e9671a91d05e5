import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { ServiceDirectory } from "./directory.js";
import { openService } from "./opening.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const PAGE = resolve(import.meta.dirname, "../../../docs/key-rotation.md");

let workspace: Workspace;
const servers = new Map<string, ServeProcess>();
// What the page calls by a name that a person fills in.
const named = new Map<string, string>();
const stopped = new Set<string>();

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.write("package.json", "{}");
  await workspace.write("package-lock.json", "[]");
  const page = await readFile(PAGE, "utf8");
  for (const [, text = ""] of page.matchAll(/^```sh\n(.*?)^```/gms)) {
    for (const command of text.trimEnd().split("\n")) await run(filled(command));
  }
}, 120_000);

afterAll(() => workspace.remove());

function filled(text: string): string {
  const replaced = text.replaceAll(/\$([A-Z]+)/g, (_all, name: string) => {
    const value = named.get(name);
    if (value === undefined) throw new Error(`$${name} is used before it is known`);
    return value;
  });
  return [...servers].reduce(
    (line, [port, { url }]) => line.replaceAll(`http://127.0.0.1:${port}`, url),
    replaced,
  );
}

async function run(line: string): Promise<void> {
  const [npx, tally, ...args] = line.split(" ");
  expect([npx, tally]).toEqual(["npx", "tally"]);
  if (args[0] === "serve") {
    const [, dir = "", , port = "8000"] = args;
    // On any free port, in place of the one of the page.
    servers.set(port, await ServeProcess.start(workspace, dir));
    return;
  }
  if (args.includes("--switch")) await stop("8000");
  const { stdout } = await workspace.must(...args);
  if (args[0] === "trust" && args[1] === "export") {
    await workspace.write("old.json", await workspace.read("trust.json"));
    named.set("KEY", /^thumbprint: (\S+)$/m.exec(stdout)?.[1] ?? "");
  }
  if (args[0] === "trust" && args[1] === "follow") {
    await workspace.write("both.json", await workspace.read("trust.json"));
    named.set("NEXT", /^pinned: (\S+)$/m.exec(stdout)?.[1] ?? "");
  }
  if (args[0] === "checkpoint" && args.includes("--json")) {
    named.set("SIZE", String((JSON.parse(stdout) as { readonly size: number }).size));
  }
}

async function stop(port: string): Promise<void> {
  if (stopped.has(port)) return;
  stopped.add(port);
  await servers.get(port)?.stop();
}

test("the page runs as it stands, and fills in all that it names", () => {
  expect([...named.keys()].sort()).toEqual(["KEY", "NEXT", "SIZE"]);
  expect(named.get("KEY")).not.toBe(named.get("NEXT"));
});

test("who pins the key before alone verifies what is from before, and nothing newer", async () => {
  const payload = ["--payload", "package.json"];
  await workspace.must("verify", "package.transparent.scitt", "--trust", "old.json", ...payload);
  const after = ["verify", "lock.transparent.scitt", "--trust", "old.json"];
  expect((await workspace.tally(...after, "--payload", "package-lock.json")).code).toBe(1);
});

test("who comes too late for the key before is told, and keeps the file", async () => {
  const before = await workspace.read("old.json");
  const late = ["trust", "follow", "old.json", "--service", servers.get("8001")?.url ?? ""];
  const { code, stderr } = await workspace.tally(...late);
  expect([code, stderr]).toEqual([1, expect.stringContaining("no pinned key vouches for")]);
  expect(await workspace.read("old.json")).toEqual(before);
  const other = JSON.parse(new TextDecoder().decode(before)) as {
    services: [{ origin: string; note?: string }];
  };
  other.services[0].origin = "log.example/another";
  delete other.services[0].note;
  await workspace.write("other.json", JSON.stringify(other));
  const { code: none, stderr: why } = await workspace.tally(
    ...["trust", "follow", "other.json", "--service", servers.get("8001")?.url ?? ""],
  );
  expect([none, why]).toEqual([1, expect.stringContaining("pins no key of")]);
});

test("who pins both keeps the file as it is", async () => {
  const before = await workspace.read("both.json");
  const again = ["trust", "follow", "both.json", "--service", servers.get("8001")?.url ?? ""];
  await workspace.must(...again);
  expect(await workspace.read("both.json")).toEqual(before);
});

test("the copy and the export of a rotated log are audited like the service", async () => {
  await workspace.must("audit", "copy", "--trust", "both.json");
  const { url = "" } = servers.get("8001") ?? {};
  await workspace.must("monitor", url, "--state", "m", "--once", "--trust", "both.json");
  await stop("8001");
  await workspace.must("export", "log", "exported");
  await workspace.must("audit", "exported", "--trust", "both.json");
  await workspace.must("fsck", "log");
  const service = await openService(await ServiceDirectory.open("log"), { advice: "in use" });
  expect(service.keys).toHaveLength(2);
  await service.close();
});
