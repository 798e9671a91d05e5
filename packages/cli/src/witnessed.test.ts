import { cp, rm } from "node:fs/promises";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parseNote, parseTlogProof, VerifierKey } from "@tallystick/tlog";
import type { RunningWitness } from "@tallystick/witness";

import { startWitness } from "./testing/running-witness.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const SERVE = ["serve", "service", "--port", "0", "--witness-policy", "policy"];
const ISS = "https://issuer.example";

let workspace: Workspace;
let witness: RunningWitness;
/** The lines of the witness in a policy, one for each of its keys. */
let lines: string;
let noteKey: string;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "service");
  const { origin } = (await workspace.json("service/config.json")) as { readonly origin: string };
  const jwk = (await workspace.json("service/keys/note.pub.jwk")) as { readonly x: string };
  const { PublicKey } = await import("@tallystick/cose");
  const publicKey = PublicKey.fromJwk({ kty: "OKP", crv: "Ed25519", x: jwk.x });
  noteKey = VerifierKey.of(origin, "ed25519", publicKey).format();
  const { stdout } = await workspace.must("witness", "init", "w", "--name", "witness.example/w");
  await workspace.must("witness", "add-log", "w", noteKey);
  witness = await startWitness(workspace.at("w"));
  lines = stdout
    .trimEnd()
    .split("\n")
    .map((vkey, at) => `witness w${String(at + 1)} ${vkey} ${witness.url}\n`)
    .join("");
  await workspace.write("policy", `log ${noteKey}\n${lines}group g all w1 w2\nquorum g\n`);
  await workspace.must("keygen", "--alg", "EdDSA", "--out", "issuer.jwk");
  await workspace.must("trust", "add", "issuer.pub.jwk", "--iss", ISS, "--dir", "service");
  await workspace.write("a.txt", "a");
  const claims = ["--iss", ISS, "--sub", "a", "--type", "text/plain", "--key", "issuer.jwk"];
  await workspace.must("sign", "a.txt", ...claims, "--out", "a.scitt");
}, 60_000);

afterAll(async () => {
  await witness.close();
  await workspace.remove();
});

function serve(mode: string): Promise<ServeProcess> {
  const asking = ["--witness-policy", "policy", "--witness-mode", mode];
  // Looked at again and again by one client.
  asking.push("--read-rate", "0");
  return ServeProcess.start(workspace, "service", ...asking);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}

const register = (url: string, out: string): ReturnType<Workspace["tally"]> =>
  workspace.tally("register", "a.scitt", "--service", url, "--out", `${out}.transparent`);

const verify = (name: string, ...more: readonly string[]): ReturnType<Workspace["tally"]> =>
  workspace.tally("verify", `${name}.transparent`, "--trust", "trust.json", ...more);

interface Verified {
  readonly entryId: string;
  readonly receipts: readonly { readonly witnesses: readonly { readonly name: string }[] }[];
}

/** Has a receipt fetched, written as a proof and made again, by the command. */
async function convert(url: string, { entryId }: Verified): Promise<void> {
  const demanding = ["--witness-policy", "policy"];
  const fetching = ["receipt", entryId, "--service", url, ...demanding];
  await workspace.must(...fetching, "--out", "a.receipt");
  await workspace.must(...fetching, "--as", "tlog-proof", "--out", "a.proof");
  const proof = parseTlogProof(await workspace.read("a.proof"));
  expect(proof.note.signatures).toHaveLength(3);
  const back = ["receipt", entryId, "--from-proof", "a.proof", "--trust", "trust.json"];
  await workspace.must(...back, ...demanding, "--out", "back.receipt");
  expect(await workspace.read("back.receipt")).toEqual(await workspace.read("a.receipt"));
  // From tiles it is the same, as the newest note has the cosignatures.
  const tiles = ["receipt", entryId, "--from-tiles", url, "--trust", "trust.json"];
  await workspace.must(...tiles, "--out", "tiles.receipt");
  expect(await workspace.read("tiles.receipt")).toEqual(await workspace.read("a.receipt"));
  await workspace.must(...tiles, "--as", "tlog-proof", "--out", "tiles.proof");
  expect(await workspace.read("tiles.proof")).toEqual(await workspace.read("a.proof"));
  // A size that is named has the note of that size, which the log alone has signed.
  await workspace.must(...tiles, "--size", "3", "--as", "tlog-proof", "--out", "bare.proof");
  const bare = parseTlogProof(await workspace.read("bare.proof"));
  expect([bare.index, bare.path, bare.note.text]).toEqual([
    proof.index,
    proof.path,
    proof.note.text,
  ]);
  expect(bare.note.signatures).toEqual(proof.note.signatures.slice(0, 1));
  // Both ways, a note that the pinned note key has not signed makes no proof.
  const { PrivateKey } = await import("@tallystick/cose");
  const { publicKey } = await PrivateKey.generate("EdDSA");
  const stranger = VerifierKey.of(VerifierKey.parse(noteKey).name, "ed25519", publicKey).format();
  const pins = new TextDecoder().decode(await workspace.read("trust.json"));
  expect(pins).toContain(noteKey);
  await workspace.write("stranger.json", pins.replace(noteKey, stranger));
  for (const [from, says] of [
    ["--service", "does not hold under the pinned note key"],
    // Refused before a receipt is made of it: the place shows it as its newest.
    ["--from-tiles", "MIRROR_CHECKPOINT_INVALID: note: no known key has signed the note"],
  ] as const) {
    const args = ["receipt", entryId, from, url, "--trust", "stranger.json", "--as", "tlog-proof"];
    const { stderr } = await workspace.tally(...args, "--out", "no.proof");
    expect(stderr).toContain(says);
  }
  expect(await workspace.names(".")).not.toContain("no.proof");
  const other = ["receipt", "0".repeat(64), "--from-proof", "a.proof", "--trust", "trust.json"];
  expect((await workspace.tally(...other, "--out", "no.receipt")).code).toBe(1);
}

/** Has what is appended while the service is stopped wait for its witnesses. */
async function offline(): Promise<void> {
  await workspace.must("keygen", "--alg", "EdDSA", "--out", "offline.jwk");
  const add = (dir: string, ...asking: readonly string[]): ReturnType<Workspace["tally"]> =>
    workspace.tally(...["trust", "add", "offline.pub.jwk", "--iss", ISS, "--dir", dir], ...asking);
  await workspace.must("keygen", "--alg", "EdDSA", "--out", "service/keys/index.jwk");
  for (const unasked of [add("service"), workspace.tally("reindex", "service", "--commit")]) {
    const { code, stderr } = await unasked;
    expect([code, stderr]).toEqual([3, expect.stringMatching(/has witnesses.*--witness-mode off/)]);
  }
  await workspace.must("reindex", "service");
  const elsewhere = ["--service", "http://127.0.0.1:1", "--operator", "offline.jwk"];
  for (const wrong of [
    ["reindex", "service", "--witness-mode", "off"],
    ["trust", "add", "offline.pub.jwk", "--iss", ISS, ...elsewhere, "--witness-mode", "off"],
  ]) {
    expect((await workspace.tally(...wrong)).code).toBe(3);
  }
  // An older copy learns of it from the witness, before it forks.
  await cp(workspace.at("backup"), workspace.at("older"), { recursive: true });
  const forked = await add("older", "--witness-policy", "policy");
  expect([forked.code, forked.stderr]).toEqual([
    2,
    expect.stringContaining("rolled back or forked"),
  ]);
  await cp(workspace.at("service"), workspace.at("asked"), { recursive: true });
  const asked = await add("asked", "--witness-policy", "policy", "--witness-mode", "required");
  expect([asked.code, asked.stderr]).toEqual([0, expect.stringContaining("may register")]);
}

/** Has the files of the stopped service carry what it has served. */
async function exported(served: Uint8Array, { entryId }: Verified): Promise<void> {
  const { stderr } = await workspace.must("export", "service", "out", "--quiet");
  expect(stderr).not.toContain("quorum");
  const trust = ["--trust", "trust.json"];
  const receiptFrom = async (folder: string, ...size: readonly string[]): Promise<Uint8Array> => {
    const made = ["receipt", entryId, "--from-tiles", folder, ...trust, ...size];
    await workspace.must(...made, "--out", "made.receipt");
    return workspace.read("made.receipt");
  };
  const sent = await workspace.read("a.receipt");
  for (const folder of ["copy", "out"]) {
    expect(await workspace.read(`${folder}/checkpoint`)).toEqual(served);
    expect(await receiptFrom(folder)).toEqual(sent);
    expect((await workspace.tally("audit", folder, ...trust)).code).toBe(0);
  }
  // What has come since then has no cosignatures yet.
  await cp(workspace.at("service"), workspace.at("ahead"), { recursive: true });
  await workspace.must("keygen", "--alg", "EdDSA", "--out", "later.jwk");
  const unasked = ["--dir", "ahead", "--witness-mode", "off"];
  await workspace.must("trust", "add", "later.pub.jwk", "--iss", ISS, ...unasked);
  const newest = await workspace.must("export", "ahead", "ahead.out", "--quiet");
  expect(newest.stderr).toMatch(/no quorum of cosignatures; that of 3 entries is .*: --witnessed/);
  expect(newest.stdout).toMatch(/^exported: 4 entries/);
  const shorter = await workspace.tally("export", "ahead", "ahead.out", "--witnessed");
  expect([shorter.code, shorter.stderr]).toEqual([2, expect.stringContaining("is of 4 entries")]);
  const { stdout } = await workspace.must("export", "ahead", "seen", "--witnessed");
  expect(stdout).toMatch(/^exported: 3 entries/);
  expect(await workspace.read("seen/checkpoint")).toEqual(served);
  expect(await receiptFrom("seen")).toEqual(sent);
  expect(await receiptFrom("ahead.out")).toEqual(await receiptFrom("ahead.out", "--size", "4"));
  await workspace.must("mirror", "seen", "seen.copy", ...trust);
  await workspace.must("audit", "seen", ...trust);
  // An older copy of the log is no place to export what was cosigned after it.
  await cp(workspace.at("service/witness"), workspace.at("backup/witness"), { recursive: true });
  const old = await workspace.tally("export", "backup", "old.out");
  expect([old.code, old.stderr]).toEqual([2, expect.stringContaining("an older or another copy")]);
  await rm(workspace.at("backup/witness"), { recursive: true });
  const none = await workspace.tally("export", "backup", "old.out", "--witnessed");
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("--witnessed wants one")]);
}

describe("a service with a witness, over processes and ports", () => {
  test("has its checkpoints and receipts cosigned; a restored backup is frozen at its start", async () => {
    for (const copy of ["backup", "again"]) {
      await cp(workspace.at("service"), workspace.at(copy), { recursive: true });
    }
    const first = await serve("required");
    const sizeOf = async (): Promise<number> => {
      const response = await fetch(`${first.url}/checkpoint`);
      if (response.status !== 200) return 0;
      const note = parseNote(new Uint8Array(await response.arrayBuffer()));
      expect(note.signatures).toHaveLength(3);
      return Number(note.text.split("\n")[1]);
    };
    await until(async () => (await sizeOf()) === 2);
    await workspace.must("trust", "export", "--service", first.url, "--out", "trust.json");
    expect((await register(first.url, "bare")).code).toBe(0);
    await until(async () => (await sizeOf()) === 3);
    expect((await register(first.url, "a")).code).toBe(0);

    const policy = ["--witness-policy", "policy"];
    const bare = await verify("bare", ...policy);
    expect([bare.code, bare.stdout]).toEqual([
      1,
      expect.stringContaining("carries no cosignatures"),
    ]);
    expect((await verify("bare")).code).toBe(0);
    const witnessed = await verify("a", ...policy, "--json");
    expect([witnessed.stderr, witnessed.code]).toEqual(["", 0]);
    const verified = JSON.parse(witnessed.stdout) as Verified;
    expect(verified.receipts.map(({ witnesses }) => witnesses.map(({ name }) => name))).toEqual([
      ["w1", "w2"],
    ]);
    await convert(first.url, verified);
    const served = new Uint8Array(await (await fetch(`${first.url}/checkpoint`)).arrayBuffer());
    await workspace.must("mirror", first.url, "copy", "--trust", "trust.json", ...policy);
    await workspace.must("audit", "--service", first.url, "--trust", "trust.json", ...policy);
    expect((await first.stop()).code).toBe(0);
    expect(await workspace.names("service/witness")).toEqual(["checkpoint"]);
    await exported(served, verified);
    await offline();

    const asking = ["--witness-policy", "policy"];
    const restored = await ServeProcess.start(workspace, "backup", ...asking);
    const health = await fetch(`${restored.url}/health`);
    expect([health.status, await health.json()]).toEqual([
      503,
      expect.objectContaining({ status: "read-only", code: "LOG_FROZEN", size: 2 }),
    ]);
    const { stderr } = await restored.stop();
    expect(stderr).toMatch(/LOG_FROZEN: read-only, nothing is registered: .*rolled back or forked/);
    expect(await workspace.names("backup/witness")).toEqual([
      expect.stringMatching(/^evidence-3-[0-9a-f]{16}\.json$/),
    ]);
    // The evidence alone, and nobody to ask, as where the freeze was lost.
    await cp(workspace.at("backup/witness"), workspace.at("again/witness"), { recursive: true });
    const nowhere = lines.replaceAll(witness.url, "http://127.0.0.1:1");
    await workspace.write("policy.nowhere", `${nowhere}quorum w1\n`);
    const alone = ["--witness-policy", "policy.nowhere"];
    const again = await ServeProcess.start(workspace, "again", ...alone);
    expect((await again.stop()).stderr).toMatch(/LOG_FROZEN: .*rolled back or forked/);
  }, 60_000);
});

test.each([
  ["a proof and a service", ["--service", "http://127.0.0.1:1"]],
  ["a proof and tiles", ["--from-tiles", "service"]],
  ["a proof and a size", ["--size", "3"]],
  ["a proof of a proof", ["--as", "tlog-proof"]],
  ["a form that there is not", ["--as", "proof"]],
])("tally receipt refuses %s", async (_name, options) => {
  const args = ["receipt", "0".repeat(64), "--from-proof", "a.proof", "--out", "no.receipt"];
  const outcome = await workspace.tally(...args, "--trust", "trust.json", ...options);
  expect(outcome.code).toBe(3);
});

interface Refused {
  readonly text: string;
  readonly mode: string;
  readonly code: number;
  readonly message: string;
}

describe("witness policies", () => {
  const other = "log.example/other+";

  test.each<[string, Refused]>([
    [
      "is none",
      {
        text: "hello\n",
        mode: "preferred",
        code: 2,
        message: "policy.bad: line 1: want log, witness, group or quorum",
      },
    ],
    [
      "has no witness with a URL",
      { text: "quorum none\n", mode: "preferred", code: 3, message: "no witness has a URL" },
    ],
    [
      "has a URL of files",
      {
        text: "URL file:///w",
        mode: "preferred",
        code: 3,
        message: "is not of http or https and no more",
      },
    ],
    [
      "has a URL with a query",
      {
        text: "URL http://127.0.0.1:1/?a",
        mode: "off",
        code: 3,
        message: "is not of http or https",
      },
    ],
    [
      "has a URL with a password",
      {
        text: "URL http://a:b@127.0.0.1:1",
        mode: "off",
        code: 3,
        message: "is not of http or https",
      },
    ],
    [
      "has a URL that is none",
      {
        text: "URL w.example",
        mode: "off",
        code: 3,
        message: "is not of http or https and no more",
      },
    ],
    [
      "requires nothing",
      {
        text: "LINES quorum none\n",
        mode: "required",
        code: 3,
        message: "with quorum none, nothing is required",
      },
    ],
    [
      "cannot be met",
      { text: "NOWHERE", mode: "required", code: 3, message: "cannot make the quorum" },
    ],
    [
      "is for other logs",
      { text: "OTHER", mode: "preferred", code: 3, message: "is for other logs" },
    ],
    ["is not there", { text: "-", mode: "preferred", code: 2, message: "cannot read missing" }],
  ])("serve refuses one that %s", async (_name, { text, mode, code, message }) => {
    await workspace.write("policy.bad", written(text));
    const file = text === "-" ? "missing" : "policy.bad";
    const asking = ["--witness-policy", file, "--witness-mode", mode];
    const args = ["serve", "service", "--port", "0", "--log-level", "silent", ...asking];
    const outcome = await workspace.tally(...args);
    expect([outcome.code, outcome.stderr]).toEqual([code, expect.stringContaining(message)]);
  });

  function written(text: string): string {
    const [line = ""] = lines.split("\n");
    const bare = line.slice(0, line.lastIndexOf(" "));
    if (text.startsWith("URL ")) return `${bare} ${text.slice(4)}\nquorum w1\n`;
    if (text === "OTHER") return `log ${renamed()}\n${line}\nquorum w1\n`;
    if (text === "NOWHERE") return `${bare}\n${lines.split("\n")[1] ?? ""}\nquorum w1\n`;
    return text.replace("LINES ", lines);
  }

  function renamed(): string {
    const { publicKey } = VerifierKey.parse(noteKey);
    return VerifierKey.of(other.slice(0, -1), "ed25519", publicKey).format();
  }

  test.each([
    ["a mode that wants one", ["serve", "service", "--witness-mode", "required"], 3],
    ["a mode that there is not", ["serve", "service", "--witness-mode", "maybe"], 3],
    [
      "a monitoring address without one",
      ["serve", "service", "--witness-monitor", "w1=http://127.0.0.1:1"],
      3,
    ],
    [
      "a monitoring address of a witness that it has not",
      [...SERVE, "--witness-monitor", "w9=http://127.0.0.1:1"],
      3,
    ],
    ["a monitoring address that is none", [...SERVE, "--witness-monitor", "w1=file:///w"], 3],
    ["a monitoring address without a name", [...SERVE, "--witness-monitor", "http://a/"], 3],
    [
      "two monitoring addresses of one",
      [...SERVE, ...["a", "b"].flatMap((to) => ["--witness-monitor", `w1=http://${to}`])],
      3,
    ],
    [
      "--since beside it",
      ["verify", "a.scitt", "--since", "a.scitt", "--witness-policy", "policy"],
      3,
    ],
    ["one that is not there", ["verify", "a.scitt", "--witness-policy", "missing"], 2],
    ["one that is none", ["verify", "a.scitt", "--witness-policy", "a.txt"], 2],
  ])("are refused: %s", async (_name, args, code) => {
    const trust = args[0] === "verify" ? ["--trust", "trust.json"] : [];
    expect((await workspace.tally(...args, ...trust)).code).toBe(code);
  });
});
