import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { gzipSync } from "node:zlib";

import { Meddling } from "./testing/meddling.js";
import type { Meddle, Passed } from "./testing/meddling.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const ISS = "https://issuer.example";
const TRUST = ["--trust", "trust.json"];

let workspace: Workspace;
let proxy: Meddling;
let count = 0;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "service");
  await workspace.must("keygen", "--alg", "EdDSA", "--out", "issuer.jwk");
  await workspace.must("trust", "add", "issuer.pub.jwk", "--iss", ISS, "--dir", "service");
  const { url } = await ServeProcess.start(workspace, "service", "--read-rate", "0");
  proxy = await Meddling.before(url);
  await workspace.must("trust", "export", "--service", url, "--out", "trust.json");
  for (const name of ["a", "b"]) {
    await workspace.write(`${name}.txt`, name.repeat(500));
    const claims = ["--iss", ISS, "--sub", name, "--type", "text/plain", "--key", "issuer.jwk"];
    await workspace.must("sign", `${name}.txt`, ...claims, "--out", `${name}.scitt`);
    const out = ["--out", `${name}.transparent`];
    await workspace.must("register", `${name}.scitt`, "--service", url, ...out);
  }
  await workspace.must("mirror", url, "sound", ...TRUST);
}, 60_000);

afterAll(async () => {
  await proxy.close();
  await workspace.remove();
});

const withBody = (answer: Passed, body: Uint8Array, headers: Passed["headers"] = {}): Passed => ({
  ...answer,
  headers: { ...answer.headers, ...headers },
  body,
});

const half = ({ body }: Passed): Uint8Array => body.subarray(0, Math.floor(body.length / 2));

const ranged = ({ body }: Passed, end: number): Passed["headers"] => ({
  "content-range": `bytes 0-${String(end - 1)}/${String(body.length)}`,
});

const packed = ({ body }: Passed): Buffer => gzipSync(body);
const GZIP = { "content-encoding": "gzip" };

/** Yields the bytes with one bit of their middle turned. */
function turned(bytes: Uint8Array): Uint8Array {
  const middle = Math.floor(bytes.length / 2);
  return bytes.map((byte, at) => (at === middle ? byte ^ 0x10 : byte));
}

/** Whatever reads a log, each into or with a place of its own. */
const READERS: readonly (readonly [string, (url: string, place: string) => readonly string[]])[] = [
  ["mirror", (url, place) => ["mirror", url, place, ...TRUST]],
  ["monitor", (url, place) => ["monitor", url, "--state", place, "--once", ...TRUST]],
  ["audit", (url) => ["audit", "--service", url, ...TRUST]],
  ["checkpoint", (url) => ["checkpoint", "--service", url, ...TRUST]],
  ["register", (url, place) => ["register", "a.scitt", "--service", url, ...TRUST, "--out", place]],
];

const cases = (
  rows: readonly (readonly [string, Meddle])[],
): [string, string, (typeof READERS)[number][1], Meddle][] =>
  rows.flatMap(([name, meddle]) =>
    READERS.map(([reader, args]): [string, string, (typeof READERS)[number][1], Meddle] => [
      reader,
      name,
      args,
      meddle,
    ]),
  );

describe("F12: behind a proxy", () => {
  test.each(
    cases([
      ["compresses", (answer) => withBody(answer, packed(answer), GZIP)],
      [
        "adds headers of its own",
        (answer) => withBody(answer, answer.body, { age: "9", via: "x" }),
      ],
    ]),
  )("tally %s is right where it %s", async (...[, , args, meddle]) => {
    proxy.meddle = meddle;
    const { code, stderr } = await workspace.tally(...args(proxy.url, `place${count++}`));
    expect([code, stderr.includes("defect")]).toEqual([0, false]);
  });

  test.each(
    cases([
      [
        "answers a plain request with a part",
        (answer) => ({
          ...withBody(answer, half(answer), ranged(answer, half(answer).length)),
          status: 206,
        }),
      ],
      ["cuts bodies in the middle", (answer) => withBody(answer, half(answer))],
      ["says that the reader has it", (answer) => ({ ...answer, status: 304, body: Buffer.of() })],
      [
        "turns a bit of compressed bodies",
        (answer) => withBody(answer, turned(packed(answer)), GZIP),
      ],
      [
        "cuts compressed bodies",
        (answer) => withBody(answer, packed(answer).subarray(0, -12), GZIP),
      ],
      ["calls compressed what is not", (answer) => withBody(answer, answer.body, GZIP)],
      ["compresses and does not say so", (answer) => withBody(answer, packed(answer))],
      ["turns a bit of every body", (answer) => withBody(answer, turned(answer.body))],
    ]),
  )("tally %s refuses, with a code, where it %s", async (...[reader, , args, meddle]) => {
    proxy.meddle = meddle;
    const place = `place${count++}`;
    const { code, stderr, stdout } = await workspace.tally(...args(proxy.url, place));
    // A yes is no verdict here; 70 would be a defect.
    expect([reader, [1, 2].includes(code ?? -1), stderr + stdout]).toEqual([
      ...[reader, true, expect.not.stringContaining("defect") as unknown],
    ]);
    const names = await workspace.names(".");
    if (reader === "register") expect(names).not.toContain(place);
    if (reader !== "mirror" || !names.includes(place)) return;
    // What is in the copy is right, whatever is missing.
    for (const file of ["checkpoint", "tile/entries/000.p/4"]) {
      const got = await workspace.read(`${place}/${file}`).catch(() => undefined);
      if (got !== undefined) expect(got).toEqual(await workspace.read(`sound/${file}`));
    }
  });

  test.each([
    ["mirror", /^\/statements\//],
    ["mirror", /^\/tile\/0\//],
    ["mirror", /^\/tile\/entries\//],
    ["monitor", /^\/statements\//],
    ["monitor", /^\/tile\/entries\//],
    ["audit", /^\/replay\/entries\//],
    ["audit", /^\/replay\/checkpoints\//],
  ])("tally %s refuses where one bit is turned below %s alone", async (reader, paths) => {
    const [, args] = READERS.find(([name]) => name === reader) ?? [];
    let meddled = 0;
    proxy.meddle = (answer, path) => {
      if (!paths.test(path)) return answer;
      meddled++;
      return withBody(answer, turned(answer.body));
    };
    const outcome = await workspace.tally(...(args?.(proxy.url, `place${count++}`) ?? []));
    expect(outcome.stderr + outcome.stdout).not.toContain("defect");
    // 2 where the bit left no CBOR.
    expect([reader, [1, 2].includes(outcome.code ?? -1), meddled > 0]).toEqual([
      reader,
      true,
      true,
    ]);
  });

  test("an old checkpoint is the log as it was then, and no news for who has seen more", async () => {
    proxy.meddle = (answer) => answer;
    const seen = ["checkpoint", "--service", proxy.url, ...TRUST, "--seen", "seen.json"];
    await workspace.must(...seen);
    const old = await fetch(`${proxy.url}/checkpoints/3`);
    const record = new Uint8Array(await old.arrayBuffer());
    proxy.meddle = (answer, path) =>
      path === "/checkpoints/latest" ? withBody(answer, record) : answer;
    const { code, stderr } = await workspace.tally(...seen);
    expect([code, stderr.includes("defect")]).toEqual([1, false]);
    const fresh = await workspace.must("checkpoint", "--service", proxy.url, ...TRUST, "--json");
    expect(JSON.parse(fresh.stdout)).toMatchObject({ size: 3 });
  });
});
