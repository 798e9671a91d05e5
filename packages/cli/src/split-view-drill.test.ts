import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { start, startTally } from "./testing/command.js";
import { Faces } from "./testing/faces.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const PAGE = resolve(import.meta.dirname, "../../../docs/split-view-drill.md");
const TRUST = ["--trust", "trust.json"];

let workspace: Workspace;
/** Where what the page has on a port is in truth. */
const urls = new Map<string, string>();
// What the page calls by a name that a person fills in.
const named = new Map<string, string>();
/** Every line with what it came to. */
const ran: (readonly [line: string, wanted: string, got: string])[] = [];

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  const page = await readFile(PAGE, "utf8");
  for (const [, block = ""] of page.matchAll(/^```sh\n(.*?)^```/gms)) {
    for (const line of block.trimEnd().split("\n")) await run(line);
  }
}, 120_000);

afterAll(() => workspace.remove());

function filled(text: string): string {
  const replaced = text.replaceAll(/\$([A-Z]+)/g, (_all, name: string) => {
    const value = named.get(name);
    if (value === undefined) throw new Error(`$${name} is used before it is known`);
    return value;
  });
  return [...urls].reduce((line, [port, url]) => {
    return line.replaceAll(`http://127.0.0.1:${port}`, url);
  }, replaced);
}

// What stands behind the command is what it comes to: an exit code, or else what it prints.
async function run(text: string): Promise<void> {
  const [, command = "", wanted = "exit 0"] = /^(.*?)(?: +# ([^:]+).*)?$/.exec(text) ?? [];
  const line = filled(command);
  const [, serving, port = ""] = /^tally (.*) --port ([0-9]+) &$/.exec(line) ?? [];
  if (serving !== undefined) {
    urls.set(port, await listening(serving.split(" ")));
    return;
  }
  const outcome = line.startsWith("tally ")
    ? await workspace.tally(...wordsOf(line).slice(1))
    : await start("sh", ["-c", line], workspace.path).ended;
  const { code, stdout, stderr } = outcome;
  const got = wanted.startsWith("exit ") ? `exit ${String(code)}` : stdout.trim();
  ran.push([command, wanted, got === wanted ? got : `${got}: ${stderr}`]);
  if (line.startsWith("tally init"))
    named.set("NOTE", /^note key: (\S+)$/m.exec(stdout)?.[1] ?? "");
  if (line.startsWith("tally witness init")) named.set("WITNESS", stdout.trim());
}

async function listening([command = "", ...rest]: readonly string[]): Promise<string> {
  if (command === "serve") return (await ServeProcess.start(workspace, ...dirOf(rest))).url;
  const running = workspace.adopt(startTally([command, ...rest, "--port", "0"], workspace.path));
  const [, url = ""] = await running.until("stdout", /^listening on (\S+)\n/m);
  return url;
}

function dirOf([dir = "", ...rest]: readonly string[]): readonly [string, ...string[]] {
  return [dir, ...rest];
}

function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? "");
}

test("the drill runs as it stands, and each line comes to what the page says", () => {
  expect(ran.filter(([, wanted, got]) => wanted !== got)).toEqual([]);
  const wanted = ran.map(([, what]) => what).filter((what) => what !== "exit 0");
  // The monitor and the comparison, then the witness and who demands its cosignature.
  expect(wanted).toEqual(["exit 1", "exit 1", "200", "422", "409", "3", "exit 1"]);
  expect([...urls.keys()]).toEqual(["8100", "8085", "8086"]);
});

test("a service over the second face that asks the witness is frozen at its start", async () => {
  await workspace.must("backup", "face", "face.tlyb");
  await workspace.must("restore", "face.tlyb", "again");
  for (const name of ["receipt", "note"]) {
    await start("cp", [`face/keys/${name}.jwk`, "again/keys/"], workspace.path).ended;
  }
  await start("cp", ["face/anchor", "again/anchor"], workspace.path).ended;
  const asking = ["--witness-policy", "policy.txt"];
  const again = await ServeProcess.start(workspace, "again", ...asking);
  const health = await fetch(`${again.url}/health`);
  expect([health.status, await health.json()]).toEqual([
    503,
    expect.objectContaining({ code: "LOG_FROZEN" }),
  ]);
});

describe("one address, which shows another face to whoever has a token", () => {
  const bob = ["--token-file", "bob.token"];
  let faces: Faces;

  beforeAll(async () => {
    await workspace.write("bob.token", "bob");
    const [all = "", one = ""] = [urls.get("8085"), urls.get("8086")];
    faces = await Faces.serve(all, one, "bob");
  });

  afterAll(() => faces.close());

  test("is caught by a monitor that comes as both", async () => {
    const args = ["monitor", faces.url, "--state", "both.state", "--once", ...TRUST];
    await workspace.must(...args);
    const { code, stderr } = await workspace.tally(...args, ...bob);
    expect([code, stderr]).toEqual([1, expect.stringContaining("(split)")]);
    const { stdout } = await workspace.must("evidence", "both.state.evidence", ...TRUST);
    expect(stdout).toContain("contradicts itself");
  });

  test("is not seen by two clients alone, and caught once they compare", async () => {
    await workspace.must("mirror", faces.url, "carol", ...TRUST);
    await workspace.must("mirror", faces.url, "bobs", ...TRUST, ...bob);
    for (const copy of ["carol", "bobs"]) await workspace.must("audit", copy, ...TRUST);
    expect((await workspace.tally("mirror", "bobs", "carol", ...TRUST)).code).toBe(1);
    await workspace.must("evidence", "carol.evidence", ...TRUST);
  });

  test("is caught by two clients that pass on the checkpoint that they have seen", async () => {
    const args = ["checkpoint", "--service", faces.url, ...TRUST, "--seen", "seen.json"];
    await workspace.must(...args);
    expect((await workspace.tally(...args, ...bob)).code).toBe(1);
    await workspace.must(...args);
  });
});
