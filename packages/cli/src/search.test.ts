import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdir, readFile, readdir, rm } from "node:fs/promises";

import { PrivateKey } from "@tallystick/cose";
import type { ReadPath } from "@tallystick/mirror";
import { serve } from "@tallystick/server";
import type { DerivedSearch, RunningServer, TransparencyService } from "@tallystick/server";
import { noteSigner } from "@tallystick/tlog";

import { withDerived } from "./derived-search.js";
import { ServiceDirectory } from "./directory.js";
import { openService } from "./opening.js";
import { folderPath } from "./read-path.js";
import { searchPlace } from "./search-place.js";
import { Web } from "./testing/web.js";
import { Workspace } from "./testing/workspace.js";
import { readTrust } from "./trustfile.js";

const VENDOR = "https://vendor.example";
const ISSUER = "https://log.example";

let workspace: Workspace;
let service: TransparencyService;
let server: RunningServer;

interface Page {
  readonly size: number;
  readonly hits: readonly { readonly index: number }[];
}

async function opened(): Promise<TransparencyService> {
  const directory = await ServiceDirectory.open("log");
  return openService(directory, {
    ...{ advice: "in use", search: searchPlace(directory) },
    onNoteKey: () => undefined,
  });
}

async function found(...args: readonly string[]): Promise<Page> {
  const { stdout } = await workspace.must("search", ...args, "--json");
  return JSON.parse(stdout) as Page;
}

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "log", "--issuer", ISSUER, "--origin", "log.example/log");
  await workspace.must("keygen", "--alg", "EdDSA", "--out", "vendor.jwk");
  await workspace.must("keygen", "--alg", "EdDSA", "--out", "log/keys/index.jwk");
  service = await opened();
  server = await serve(service, { host: "127.0.0.1", port: 0 });
  const { url } = server;
  const to = ["--service", url, "--operator", "log/keys/operator.jwk"];
  await workspace.must("trust", "add", "vendor.pub.jwk", "--iss", VENDOR, ...to);
  await workspace.must("trust", "add", "log/keys/index.pub.jwk", "--iss", ISSUER, ...to);
  for (const [name, subject] of [
    ["1", "a"],
    ["2", "b"],
    ["3", "a"],
  ] as const) {
    await workspace.write(`${name}.txt`, `statement ${name}`);
    const about = ["--iss", VENDOR, "--sub", subject, "--type", "text/plain"];
    const files = [`${name}.txt`, "--key", "vendor.jwk", ...about, "--out", `${name}.scitt`];
    await workspace.must("sign", ...files);
    const out = ["--out", `${name}.transparent.scitt`];
    await workspace.must("register", `${name}.scitt`, "--service", url, ...out);
  }
  await service.searchSettled();
  await workspace.must("trust", "export", "--service", url, "--out", "trust.json");
}, 30_000);

afterAll(async () => {
  await server.close();
  await service.close();
  await workspace.remove();
});

/** Lets the commands have the directory, and serves it again. */
async function stopped(act: () => Promise<void>): Promise<void> {
  await server.close();
  await service.close();
  try {
    await act();
  } finally {
    service = await opened();
    server = await serve(service, { host: "127.0.0.1", port: 0 });
    await service.searchSettled();
  }
}

test("a service is searched, and then its directory, which find the same", async () => {
  const page = await found(server.url, "--sub", "a");
  expect(page).toMatchObject({ size: 6, hits: [{ index: 3 }, { index: 5 }] });
  const { stdout } = await workspace.must("search", server.url, "--iss", VENDOR, "--limit", "2");
  expect(stdout).toMatch(/^3 [0-9a-f]{64} \S+ https:\/\/vendor\.example: a, text\/plain\n4 /);
  expect(stdout).toMatch(/\nfound: 2 among the first 6 entries\nthere may be more: --from 5\n$/);
  await stopped(async () => {
    expect(await found("log", "--sub", "a")).toStrictEqual(page);
  });
});

test("the index is made anew, and finds the same", async () => {
  await stopped(async () => {
    const page = await found("log", "--iss", VENDOR);
    await rm("log/index", { recursive: true });
    expect(await found("log", "--iss", VENDOR)).toStrictEqual(page);
    await workspace.write("log/index/CURRENT", "damaged\n");
    expect(await found("log", "--iss", VENDOR)).toStrictEqual(page);
    const { stdout } = await workspace.must("reindex", "log");
    expect(stdout).toBe("indexed: 6 entries\n");
    expect(await found("log", "--iss", VENDOR)).toStrictEqual(page);
  });
});

describe("what was committed to is proven offline", () => {
  beforeAll(async () => {
    await stopped(async () => {
      const { stdout } = await workspace.must("reindex", "log", "--commit", "--json");
      expect(JSON.parse(stdout)).toStrictEqual({ size: 6, committedSize: 6 });
    });
    await workspace.must("search", server.url, "--sub", "a", "--prove", "a.proof");
    await workspace.must("search", server.url, "--iss", VENDOR, "--prove", "vendor.proof");
    await workspace.must("search", server.url, "--sub", "none", "--prove", "none.proof");
  });

  const verify = (file: string, ...args: readonly string[]): ReturnType<Workspace["tally"]> =>
    workspace.tally("verify", file, "--trust", "trust.json", "--complete", ...args);

  test.each([
    ["a.proof", ["--sub", "a"], 2],
    ["vendor.proof", ["--iss", VENDOR], 3],
    ["none.proof", ["--sub", "none"], 0],
  ])("%s", async (file, asked, count) => {
    const { code, stdout } = await verify(file, ...asked, "--json");
    expect(code).toBe(0);
    const answer = JSON.parse(stdout) as { size: number; entries: readonly unknown[] };
    expect([answer.size, answer.entries.length]).toStrictEqual([6, count]);
  });

  test("and says up to which size", async () => {
    const { stdout, stderr } = await verify("a.proof", "--sub", "a", "--at-least", "6");
    expect(stderr).toBe("");
    expect(stdout).toMatch(/\n3 [0-9a-f]{64}\n5 [0-9a-f]{64}\n/);
    expect(stdout).toMatch(
      /yes: complete up to size 6 of log\.example\/log: as of \d{4}-\S+Z, .* subject 2\n$/,
    );
    const open = await verify("a.proof", "--sub", "a");
    expect(open.stderr).toContain("--at-least N demands a proof that covers more");
    const json = await verify("a.proof", "--sub", "a", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ size: 6, time: expect.any(Number) as unknown });
  });

  test("with a log that is named, which it has to be where several are pinned", async () => {
    const { services } = JSON.parse(await readFile("trust.json", "utf8")) as {
      services: readonly object[];
    };
    await workspace.must("keygen", "--alg", "EdDSA", "--out", "second.jwk");
    const key: unknown = JSON.parse(await readFile("second.pub.jwk", "utf8"));
    const second = { issuer: "https://second.example", origin: "second.example/log", keys: [key] };
    await workspace.write("both.json", JSON.stringify({ services: [...services, second] }));
    const asked = ["verify", "a.proof", "--trust", "both.json", "--complete", "--sub", "a"];
    const { code, stderr } = await workspace.tally(...asked);
    expect([code, stderr]).toStrictEqual([3, expect.stringMatching(/wants --origin, one of log/)]);
    await workspace.must(...asked, "--origin", "log.example/log");
    const other = await workspace.tally(...asked, "--origin", second.origin, "--json");
    expect([other.code, JSON.parse(other.stdout)]).toMatchObject([
      1,
      { error: { code: "VERIFIER_INDEX_HEAD_REFUSED" } },
    ]);
  });

  test("with witnesses, whose cosignatures the head needs", async () => {
    await workspace.write("none.txt", "quorum none\n");
    const witnessed = await verify("a.proof", "--sub", "a", "--witness-policy", "none.txt");
    expect(witnessed.code).toBe(0);
    const key = noteSigner(
      "witness.example",
      "ed25519-cosignature",
      await PrivateKey.generate("EdDSA"),
    ).key.format();
    await workspace.write("one.txt", `witness one ${key}\nquorum one\n`);
    const args = ["--sub", "a", "--witness-policy", "one.txt", "--json"];
    const { code, stdout } = await verify("a.proof", ...args);
    expect([code, JSON.parse(stdout)]).toMatchObject([
      1,
      { error: { code: "VERIFIER_RECEIPTS_INSUFFICIENT" } },
    ]);
  });

  describe("from any copy, whose index is made here", () => {
    const pinned = ["--trust", "trust.json"];

    beforeAll(async () => {
      await workspace.must("mirror", server.url, "copy", ...pinned);
      await stopped(async () => {
        await workspace.must("export", "log", "out");
      });
    });

    const places = (): readonly string[] => ["copy", "out", server.url];

    test("which finds what the service finds", async () => {
      for (const asked of [
        ["--sub", "a"],
        ["--iss", VENDOR, "--limit", "1"],
        ["--until", "9"],
      ]) {
        const page = await found(server.url, ...asked);
        for (const place of places()) {
          expect(await found(place, ...asked, ...pinned)).toStrictEqual(page);
        }
      }
    });

    test.each([
      ["what was committed to", ["--sub", "a"], 2],
      ["that there is nothing", ["--sub", "none"], 0],
    ] as const)("and proves %s", async (_name, asked, count) => {
      for (const place of places()) {
        await workspace.must("search", place, ...asked, ...pinned, "--prove", "copied.proof");
        const { code, stdout } = await verify(
          "copied.proof",
          ...asked,
          "--at-least",
          "6",
          "--json",
        );
        expect([code, JSON.parse(stdout)]).toMatchObject([0, { verified: true, size: 6 }]);
        const { entries } = JSON.parse(stdout) as { readonly entries: readonly unknown[] };
        expect(entries).toHaveLength(count);
      }
    });

    test("and leaves nothing behind when it is stopped: CLI_INTERRUPTED", async () => {
      const web = await Web.serve(workspace.at("copy"), (path) => {
        if (path.startsWith("statements/")) process.emit("SIGINT");
        return false;
      });
      const asked = ["search", web.url, "--sub", "a", ...pinned, "--json"];
      const { code, stdout } = await workspace.tally(...asked);
      await web.close();
      expect([code, JSON.parse(stdout)]).toMatchObject([2, { error: { code: "CLI_INTERRUPTED" } }]);

      const temporary = workspace.at("temporary");
      await mkdir(temporary);
      const copy = folderPath("copy");
      const seen: number[] = [];
      const path: ReadPath = {
        find: async (resource, maxBytes) => {
          if (resource.startsWith("statements/")) {
            seen.push((await readdir(temporary)).length);
            process.emit("SIGTERM");
          }
          return copy.find(resource, maxBytes);
        },
      };
      const trust = await readTrust("trust.json");
      const acted: DerivedSearch[] = [];
      const derived = withDerived({ path, trust, parallel: 1, temporary }, (search) =>
        Promise.resolve(acted.push(search)),
      );
      await expect(derived).rejects.toMatchObject({ code: "CLI_INTERRUPTED" });
      expect([seen[0], acted, await readdir(temporary)]).toEqual([1, [], []]);
    });

    test("and refuses one that hides or changes anything", async () => {
      const { hits } = await found("copy", "--sub", "a", ...pinned);
      const [hit] = hits as readonly { readonly entryId?: string }[];
      const path = `copy/statements/${String(hit?.entryId)}`;
      const body = await workspace.read(path);
      await workspace.write(
        path,
        body.map((byte, at) => (at === 9 ? byte ^ 1 : byte)),
      );
      const changed = await workspace.tally("search", "copy", "--sub", "b", ...pinned);
      expect([changed.code, changed.stderr]).toEqual([
        1,
        expect.stringContaining("is another one"),
      ]);
      await rm(workspace.at(path));
      const hidden = await workspace.tally("search", "copy", "--sub", "b", ...pinned);
      expect([hidden.code, hidden.stderr]).toEqual([1, expect.stringContaining("is not there")]);
      await workspace.write(path, body);
      expect((await workspace.tally("search", "copy", "--sub", "b", ...pinned)).code).toBe(0);
    });

    test.each([
      ["without pinned keys", ["copy"], /want --trust: a copy does not vouch/],
      ["of a service directory", ["log", ...pinned], /--trust goes with an address or a copy/],
      [
        "with two kinds of pins",
        ["copy", ...pinned, "--vkey", "x"],
        /want either --trust or --vkey/,
      ],
    ])("a search %s is wrong usage", async (_name, args, says) => {
      const { code, stderr } = await workspace.tally("search", ...args, "--sub", "a");
      expect([code, stderr]).toEqual([3, expect.stringMatching(says)]);
    });
  });

  test.each([
    ["of another subject", ["a.proof", "--sub", "b"], "VERIFIER_COMPLETENESS_REFUSED"],
    ["as one of an issuer", ["a.proof", "--iss", "a"], "VERIFIER_COMPLETENESS_REFUSED"],
    ["of no proof", ["1.scitt", "--sub", "a"], "VERIFIER_COMPLETENESS_REFUSED"],
    ["of too little", ["a.proof", "--sub", "a", "--at-least", "7"], "VERIFIER_INDEX_STALE"],
  ] as const)("a proof %s is refused", async (_name, [file, ...args], expected) => {
    const { code, stdout } = await verify(file, ...args, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ verified: false, error: { code: expected } });
  });

  test("and the audit has recomputed it", async () => {
    const audit = ["audit", "--service", server.url, "--trust", "trust.json"];
    const { stdout } = await workspace.must(...audit);
    expect(stdout).toMatch(/heads 1,/);
  });
});

test.each([
  ["a page that is too large", ["search", "x", "--limit", "1001"], /--limit is not 1 to 1000/],
  ["a broken digest", ["search", "x", "--payload", "AB"], /--payload is no digest/],
  ["a time that is none", ["search", "x", "--since", "today"], /want a whole number/],
  ["no place", ["search"], /missing required argument/],
  ["a proof of two", ["search", "x", "--prove", "f", "--iss", "a", "--sub", "b"], /--prove goes/],
  [
    "a proof of a page",
    ["search", "x", "--prove", "f", "--sub", "b", "--from", "1"],
    /--prove goes/,
  ],
  ["a proof of a type", ["search", "x", "--prove", "f", "--type", "b"], /--prove goes/],
  ["no subject", ["verify", "f", "--trust", "t", "--complete"], /wants one of --sub and --iss/],
  ["a log alone", ["verify", "f", "--trust", "t", "--origin", "a"], /go with --complete/],
  ["a subject alone", ["verify", "f", "--trust", "t", "--sub", "a"], /go with --complete/],
  [
    "a payload, too",
    ["verify", "f", "--trust", "t", "--complete", "--sub", "a", "--since", "x"],
    /goes with none/,
  ],
  ["no entries to commit after", ["serve", "log", "--index-every", "x"], /a whole number/],
  [
    "never and every minute",
    ["serve", "log", "--index-every", "0", "--index-seconds", "60"],
    /0 is never/,
  ],
  ["no index to commit to", ["serve", "log", "--index-every", "5", "--no-search"], /no index/],
] as const)("%s is wrong usage", async (_name, args, message) => {
  const { code, stderr } = await workspace.tally(...args);
  expect([code, stderr]).toStrictEqual([3, expect.stringMatching(message)]);
});

test("a key that is missing is asked for", async () => {
  await workspace.must("init", "other");
  const { code, stderr } = await workspace.tally("reindex", "other", "--commit");
  expect([code, stderr]).toStrictEqual([2, expect.stringMatching(/tally keygen --alg EdDSA/)]);
});
