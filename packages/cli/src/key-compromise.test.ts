import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { encodeBase64url } from "@tallystick/cose";
import { SignedStatement, signStatement } from "@tallystick/statement";
import { cp, readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";

import { ServiceDirectory } from "./directory.js";
import { readPrivateKey } from "./keyfile.js";
import { openService } from "./opening.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const PAGE = resolve(import.meta.dirname, "../../../docs/key-compromise.md");
const VENDOR = "https://vendor.example";

let workspace: Workspace;
const servers = new Map<string, ServeProcess>();
// What the page calls by a name that a person fills in.
const named = new Map<string, string>();

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.write("package.json", "{}");
  await workspace.write("package-lock.json", "[]");
  for (const command of commandsOf(await readFile(PAGE, "utf8"))) await say(filled(command));
}, 120_000);

afterAll(() => workspace.remove());

/** Yields the commands of the page, each with the text that it is given on the lines behind it. */
function commandsOf(page: string): readonly string[] {
  return [...page.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(
    ([, text = ""]) => text.match(/^[^\n]*<<EOF\n.*?^EOF$|^[^\n]+$/gms) ?? [],
  );
}

const REDIRECTED = /^(.+) > ([a-z.]+)$/;
const WRITTEN = /^cat > ([a-z.]+) <<EOF\n(.*?)^EOF$/ms;
const PRINTED = /^([A-Z]+)=\$\((.+) \| sed -n 's\/\^([A-Za-z]+: )\/\/p'\)$/;
const EVALUATED = /^([A-Z]+)=\$\(node -p '(.+)'\)$/;

/** Does what a shell would make of a command of the page. */
async function say(line: string): Promise<void> {
  const [, written, content = ""] = WRITTEN.exec(line) ?? [];
  const [, said = line, to] = REDIRECTED.exec(line) ?? [];
  const [, printed, command = said, label = ""] = PRINTED.exec(said) ?? [];
  const [, evaluated, expression = ""] = EVALUATED.exec(said) ?? [];
  if (written !== undefined) await workspace.write(written, content);
  else if (evaluated !== undefined) {
    const { stdout } = await promisify(execFile)(process.execPath, ["-p", expression]);
    named.set(evaluated, stdout.trim());
  } else if (!line.startsWith("until curl ")) {
    // A server that was started is waited for in any case.
    const stdout = await run(command);
    if (to !== undefined) await workspace.write(to, stdout);
    if (printed === undefined) return;
    const found = stdout.split("\n").filter((text) => text.startsWith(label));
    named.set(printed, found.map((text) => text.slice(label.length)).join("\n"));
  }
}

function filled(text: string): string {
  const replaced = text.replaceAll(/\$([A-Z]+)/g, (_all, name: string) => {
    const value = named.get(name);
    if (value === undefined) throw new Error(`$${name} is used before it is known`);
    return value;
  });
  return [...servers].reduce((line, [port, { url }]) => {
    return line.replaceAll(`http://127.0.0.1:${port}`, url);
  }, replaced);
}

async function run(line: string): Promise<string> {
  const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(
    ([, quoted, word]) => quoted ?? word ?? "",
  );
  if (words[0] === "curl") {
    const [, , file = "", url = ""] = words;
    const answer = await fetch(url);
    expect(answer.status).toBe(200);
    await workspace.write(file, new Uint8Array(await answer.arrayBuffer()));
    return "";
  }
  const [, , ...args] = words;
  expect(words.slice(0, 2)).toEqual(["npx", "tally"]);
  if (args[0] === "serve") {
    expect(args.pop()).toBe("&");
    const [, dir = "", , port = "8000"] = args;
    // On any free port, in place of the one of the page.
    servers.set(port, await ServeProcess.start(workspace, dir));
    return "";
  }
  // A backup, which is smaller than the log becomes.
  if (args[0] === "register" && args[1] === "lock.scitt") await copyLog("early");
  if (args[0] === "freeze") {
    // A thief has had the machine until then: the key, and the log as it was.
    await copyLog("thief");
    await cp(workspace.at("package.transparent.scitt"), workspace.at("early.transparent.scitt"));
  }
  if (args.join(" ").startsWith("trust retire")) {
    await cp(workspace.at("trust.json"), workspace.at("before.json"));
  }
  return (await workspace.must(...args)).stdout;
}

async function copyLog(to: string): Promise<void> {
  const filter = (name: string): boolean => !name.endsWith(".sock");
  await cp(workspace.at("old"), workspace.at(to), { recursive: true, filter });
}

test("the drill runs as it stands, fills in all that it names, and keeps what it says to keep", async () => {
  const before = await workspace.read("early.transparent.scitt");
  expect(await workspace.read("package.transparent.scitt")).toEqual(before);
  expect([...named.keys()].sort()).toEqual(["ENTRYID", "KEY", "ROOT", "SIZE", "TIME"]);
  expect([...servers.keys()]).toEqual(["8000", "8001"]);
});

test("the frozen log takes nothing more", async () => {
  const service = filled("http://127.0.0.1:8000");
  const args = ["register", "announcement.scitt", "--service", service, "--out", "no.scitt"];
  // At once, however long the command could wait.
  const { code, stderr } = await workspace.tally(...args);
  expect([code, stderr]).toEqual([2, expect.stringContaining("takes no entries (Read Only:")]);
  expect(stderr).toMatch(/closed to new entries for good at \S+: the receipt key leaked\)/);
});

test("what a thief logs with the key holds before the key is retired, and not after", async () => {
  const service = await openService(await ServiceDirectory.open("thief"), { advice: "in use" });
  const vendor = await readPrivateKey("vendor.jwk");
  const about = { subject: "forged", payload: Uint8Array.of(1), contentType: "text/plain" };
  const forged = await signStatement({ issuer: VENDOR, ...about }, vendor);
  try {
    await service.register(forged);
    const { entry } = SignedStatement.decode(forged);
    await writeFile("forged.transparent.scitt", await service.transparentStatement(entry));
  } finally {
    await service.close();
  }
  const verify = (trust: string) =>
    workspace.tally("verify", "forged.transparent.scitt", "--trust", trust, "--json");
  expect(await verify("before.json")).toMatchObject({ code: 0 });
  const { code, stdout } = await verify("trust.json");
  expect(code).toBe(1);
  expect(stdout).toContain("VERIFIER_KEY_RETIRED");
  expect(stdout).toContain("(leaked)");
});

test("a receipt of a smaller tree counts up to a size, and not beside a last tree", async () => {
  const file = "early.transparent.scitt";
  await cp(workspace.at("before.json"), workspace.at("replaced.json"));
  await workspace.must(
    "trust",
    "retire",
    "replaced.json",
    ...filled("--key $KEY --size $SIZE").split(" "),
  );
  expect(await workspace.tally("verify", file, "--trust", "replaced.json")).toMatchObject({
    code: 0,
  });
  const { code, stdout } = await workspace.tally("verify", file, "--trust", "trust.json", "--json");
  expect([code, stdout.includes("VERIFIER_KEY_RETIRED")]).toEqual([1, true]);
});

test("an audit holds a copy from before the cutoff against it, and the newest alone", async () => {
  const backup = ["audit", "early", "--trust"];
  expect(await workspace.tally(...backup, "before.json")).toMatchObject({ code: 0 });
  const { code, stdout } = await workspace.tally(...backup, "trust.json", "--json");
  expect([code, stdout]).toEqual([1, expect.stringContaining("AUDITOR_CHECKPOINT_INVALID")]);
  const service = filled("http://127.0.0.1:8000");
  const frozen = await workspace.must("audit", "--service", service, "--trust", "trust.json");
  expect(frozen.stdout).toContain("sound: ");
  const older = await ServeProcess.start(workspace, "early");
  const served = await workspace.tally("audit", "--service", older.url, "--trust", "trust.json");
  expect(served).toMatchObject({ code: 1, stdout: expect.stringContaining("(leaked)") as unknown });
});

test("the announcement is of the operator of the old log", async () => {
  const operator = await readPrivateKey("old/keys/operator.jwk");
  const args = ["announcement.transparent.scitt", "--trust", "next.json"];
  const { stdout } = await workspace.must("verify", ...args);
  expect(stdout).toContain(encodeBase64url(operator.publicKey.thumbprint()));
});

test("an export of the trust file leaves the cutoff in it", async () => {
  const before = await readFile("trust.json", "utf8");
  const service = filled("http://127.0.0.1:8000");
  const { stderr } = await workspace.must(
    ...["trust", "export", "--service", service, "--out", "trust.json"],
  );
  expect(stderr).toContain("kept trust.json, which retires a key: https://log.example, log");
  expect(stderr).not.toContain("wrote");
  const other = filled("http://127.0.0.1:8001");
  const refused = await workspace.tally(
    "trust",
    "export",
    "--service",
    other,
    "--out",
    "trust.json",
  );
  expect([refused.code, refused.stderr]).toEqual([
    1,
    expect.stringContaining('It retires a key: carry its "until" over'),
  ]);
  expect(await readFile("trust.json", "utf8")).toBe(before);
  expect(before).toContain('"until"');
});

test.each<[string, string, number, string]>([
  ["a key that is retired", "trust.json --key $KEY --size 9", 1, "has retired"],
  ["a key that is not pinned", "trust.json --key AAAA --size 9", 2, "pins no key"],
  ["a root without its time", "before.json --key $KEY --size 3 --root 00", 3, "belong together"],
  ["a time without its root", "before.json --key $KEY --size 3 --time 0", 3, "belong together"],
  ["no size", "before.json --key $KEY", 3, "--size"],
  ["a size that is none", "before.json --key $KEY --size x", 3, "--size"],
  ["size 0", "before.json --key $KEY --size 0", 2, "until.size"],
  ["a root that is none", "before.json --key $KEY --size 3 --root 00 --time 0", 2, "until.root"],
  ["no file", "missing.json --key $KEY --size 3", 2, "cannot read missing.json"],
])("%s: nothing is retired", async (_name, line, ...[code, part]) => {
  const before = await readFile("before.json", "utf8");
  const outcome = await workspace.tally("trust", "retire", ...filled(line).split(" "));
  expect([outcome.code, outcome.stderr]).toEqual([code, expect.stringContaining(part)]);
  expect(await readFile("before.json", "utf8")).toBe(before);
});
