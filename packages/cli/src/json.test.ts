import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { leavesOf, wholeCommandLine } from "./testing/catalogue.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const PAGE = resolve(import.meta.dirname, "../../../docs/cli.md");
const REPORT = resolve(import.meta.dirname, "../../../docs/examples/report-7.json");
const ISS = "https://vendor.example";

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isText = (value: unknown): boolean => typeof value === "string";
const isHex = (value: unknown): boolean => /^[0-9a-f]{64}$/.test(String(value));

/** What a member of each form on the page looks like. */
const FORMS: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ["EntryID", isHex],
  ["digest", isHex],
  ["thumbprint", (value: unknown) => /^[\w-]{43}$/.test(String(value))],
  ["count", isCount],
  ["time", isCount],
  ["text", isText],
  ["flag", (value: unknown) => typeof value === "boolean"],
  ["list", (value: unknown) => Array.isArray(value)],
  ["object", (value: unknown) => typeof value === "object" && !Array.isArray(value)],
  ["any", () => true],
]);

/** Whose members are not of this vocabulary: documents of other formats, and counts by kind. */
const OTHERS = new Set(["policy", "counts", "checked", "measured", "identity"]);

/** Yields the form of every member on the page. */
async function readVocabulary(): Promise<ReadonlyMap<string, string>> {
  const [, table = ""] =
    /\n## Members of JSON\n([\s\S]+)$/.exec(await readFile(PAGE, "utf8")) ?? [];
  const rows = [...table.matchAll(/^\| (`[^|]+`) +\| (\w+) +\|/gm)];
  return new Map(
    rows.flatMap(([, names = "", form = ""]) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name = ""]) => [name, form] as const),
    ),
  );
}

/** Yields what is not as the page has it, each by its path. */
function strayIn(value: unknown, vocabulary: ReadonlyMap<string, string>): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((one: unknown) => strayIn(one, vocabulary));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
    const form = vocabulary.get(name);
    const isOf = member === null || FORMS.get(form ?? "")?.(member) === true;
    const here = isOf ? [] : [`${name}: ${JSON.stringify(member)} is no ${form ?? "member"}`];
    if (OTHERS.has(name)) return here;
    return [...here, ...strayIn(member, vocabulary).map((below) => `${name}.${below}`)];
  });
}

let workspace: Workspace;
let server: ServeProcess;
let vocabulary: ReadonlyMap<string, string>;
let entryId = "";
let thumbprint = "";
let noteKey = "";

beforeAll(async () => {
  vocabulary = await readVocabulary();
  workspace = await Workspace.moveTo();
  const made = await workspace.must("init", "service", "--json");
  ({ noteKey } = JSON.parse(made.stdout) as { noteKey: string });
  await workspace.write("report.json", await readFile(REPORT));
  await workspace.must("keygen", "--alg", "ES384", "--out", "lab.jwk");
  await workspace.must("init", "idle");
  await workspace.must("keygen", "--alg", "ES256", "--out", "vendor.jwk");
  await workspace.must("trust", "add", "vendor.pub.jwk", "--iss", ISS, "--dir", "service");
  server = await ServeProcess.start(workspace, "service");
  await workspace.write("bom.json", "{}");
  await workspace.must("sign", "bom.json", ...SIGNING, "--out", "bom.scitt");
  const service = ["--service", server.url];
  for (const name of ["one", "two"]) {
    const signing = [...SIGNING.slice(0, -3), name, "--type", "application/json"];
    const out = ["--out", `${name}.transparent.scitt`];
    const { stdout } = await workspace.must("register", "bom.json", ...signing, ...service, ...out);
    [, entryId = ""] = /^entryId: (\S+)$/m.exec(stdout) ?? [];
  }
  const pinned = await workspace.must("trust", "export", ...service, "--out", "trust.json");
  [, thumbprint = ""] = /^thumbprint: (\S+)$/m.exec(pinned.stdout) ?? [];
  await workspace.must("receipt", entryId, ...service, "--out", "two.receipt");
  const proof = ["--as", "tlog-proof", "--out", "two.proof"];
  await workspace.must("receipt", entryId, ...service, ...proof);
  await workspace.must("consistency", "3", "4", ...service, "--out", "3-4.receipt");
  await workspace
    .must("policy", "show", "--next", ...service)
    .then(({ stdout }) => workspace.write("policy.json", stdout));
}, 120_000);

afterAll(async () => {
  await server.stop();
  await workspace.remove();
});

const SIGNING = [
  ...["--key", "vendor.jwk", "--iss", ISS, "--sub", "bom", "--type", "application/json"],
];
const TRUST = ["--trust", "trust.json"];
const SERVICE = ["--service", "URL"];
const OPERATOR = ["--operator", "service/keys/operator.jwk"];
const ONE = "one.transparent.scitt";

/** Each command with `--json`: how it is called, and what it exits with where that is not 0. */
const CALLS: readonly (readonly [args: readonly string[], exit?: number])[] = [
  [["keygen", "--alg", "ES256", "--out", "new.jwk"]],
  [["init", "new"]],
  [["sign", "bom.json", ...SIGNING, "--out", "x.scitt"]],
  [["register", "bom.json", ...SIGNING, ...SERVICE, "--out", "x.transparent.scitt"]],
  [["register", "bom.scitt", ...SERVICE, "--async"]],
  [["register", ".", ...SERVICE, "--out", "many"]],
  [["receipt", "ENTRYID", ...SERVICE, "--out", "x.receipt"]],
  [["consistency", "3", "4", ...SERVICE, "--out", "x.receipt"]],
  [["checkpoint", ...SERVICE, ...TRUST]],
  [["checkpoint", "--from-tiles", "URL", ...TRUST]],
  [["attach", "two.transparent.scitt", "two.receipt", ...TRUST, "--out", "x.transparent.scitt"]],
  [["verify", ONE, ...TRUST, "--payload", "bom.json"]],
  [["verify", ONE, ...TRUST, "--payload", "vendor.jwk"], 1],
  [["verify", "3-4.receipt", ...TRUST, "--since", ONE]],
  [["verify", "two.transparent.scitt", ...TRUST, "--tlog-proof", "two.proof"]],
  [["bundle", ONE, ...SERVICE, ...TRUST, "--files-only", "--out", "x.bundle"]],
  [["appraise", "--digest", "sha-256:00", "--bundle", "none", "--policy", "none"], 2],
  [["inspect", "bom.scitt"]],
  [["inspect", ONE]],
  [["inspect", "two.receipt"]],
  [["inspect", "bom.json"], 1],
  [["sign-report", "report.json", "--key", "lab.jwk", "--kid", "lab", "--out", "report.jws"]],
  [["witness", "init", "w1", "--name", "witness.example/w1"]],
  [["witness", "add-log", "w1", "NOTEKEY"]],
  // It is there already, and says so in the same words.
  [["witness", "add-log", "w1", "NOTEKEY"]],
  [["evidence", "bom.json", ...TRUST], 1],
  [["search", "URL", "--iss", ISS]],
  [["audit", ...SERVICE, ...TRUST]],
  [["audit", ...SERVICE, "--trust", "stranger.json"], 1],
  [["audit", "idle"]],
  [["fsck", "idle"]],
  [["doctor", "idle", "--writes", "1"]],
  [["reindex", "idle"]],
  [["export", "idle", "out"]],
  [["backup", "idle", "idle.backup"]],
  [["restore", "idle.backup", "restored"]],
  [["recover", "idle", "--rebuild-anchor"]],
  [["token", "create", "--name", "ci", "--tokens", "tokens.json", "--out", "ci.token"]],
  [["mirror", "URL", "copy", ...TRUST]],
  [["monitor", "URL", "--state", "seen", "--once", "--watch-issuer", ISS, ...TRUST]],
  [["rotate-key", "idle"]],
  [["trust", "show", "trust.json"]],
  [["trust", "export", ...SERVICE, "--out", "again.json"]],
  [["trust", "follow", "trust.json", ...SERVICE]],
  [["trust", "add", "new.pub.jwk", "--iss", ISS, "--dir", "idle"]],
  // It is there already, and says so in the same words.
  [["trust", "add", "new.pub.jwk", "--iss", ISS, "--dir", "idle"]],
  [["trust", "retire", "again.json", "--key", "THUMBPRINT", "--size", "9"]],
  [["freeze", "idle", "--why", "the end"]],
  [["policy", "show", ...SERVICE]],
  [["policy", "check", "policy.json"]],
  [["policy", "test", "policy.json", "--statements", "bom.scitt"]],
  [["policy", "propose", "policy.json", ...SERVICE, ...OPERATOR]],
  [["policy", "approve", "ENTRYID", ...SERVICE, ...OPERATOR], 3],
];

/** What stands in {@link CALLS} for what is made first. */
const places = new Map([
  ["URL", () => server.url],
  ["ENTRYID", () => entryId],
  ["THUMBPRINT", () => thumbprint],
  ["NOTEKEY", () => noteKey],
]);

describe("--json", () => {
  test("is called here for each command that has it", async () => {
    const leaves = leavesOf(await wholeCommandLine());
    const having = leaves.filter(({ options }) => options.some(({ long }) => long === "--json"));
    const called = CALLS.map(([args]) => `tally ${args.join(" ")} `);
    for (const { path } of having) {
      expect([path, called.some((one) => one.startsWith(`${path} `))]).toEqual([path, true]);
    }
  });

  test.each(CALLS)("tally %j speaks the words of docs/cli.md", async (args, exit = 0) => {
    if (args.includes("stranger.json")) await pinStranger();
    const given = args.map((arg) => places.get(arg)?.() ?? arg);
    const { code, stdout } = await workspace.tally(...given, "--json");
    // What the machine's disks are like is not for this test to say.
    if (args[0] !== "doctor") expect(code).toBe(exit);
    const lines = stdout.trimEnd().split("\n");
    if (args[0] !== "monitor") expect(lines).toHaveLength(1);
    for (const line of lines) expect(strayIn(JSON.parse(line), vocabulary)).toEqual([]);
  });
});

/** Pins a key of somebody else for the same log. */
async function pinStranger(): Promise<void> {
  const { services } = (await workspace.json("trust.json")) as { services: [object] };
  const keys = [await workspace.json("vendor.pub.jwk")];
  const stranger = { services: [{ ...services[0], keys, note: undefined }] };
  await workspace.write("stranger.json", JSON.stringify(stranger));
}
