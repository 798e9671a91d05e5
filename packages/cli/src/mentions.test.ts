import { createHash } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { decodeBundle, encodeBundle } from "@tallystick/appraisal";
import type { SearchPage } from "@tallystick/client";
import { serve } from "@tallystick/server";
import type { RunningServer, TransparencyService } from "@tallystick/server";

import type { BundlePage } from "./bundle-search.js";
import { ServiceDirectory } from "./directory.js";
import { openService } from "./opening.js";
import { searchPlace } from "./search-place.js";
import { Workspace } from "./testing/workspace.js";

const VENDOR = "https://vendor.example";
const ISSUER = "https://log.example";
const FILE = createHash("sha256").update("rom").digest("hex");
const PURL = "pkg:npm/zlib@1.3.1?arch=arm64";

const hashes = [{ alg: "SHA-256", content: FILE }];
const BOM = {
  ...{ bomFormat: "CycloneDX", specVersion: "1.6" },
  components: [{ type: "library", name: "zlib", version: "1.3.1", purl: PURL, hashes }],
};
const RELEASE = {
  ...{ format: "tallystick-release/1", vendor: "Example Silicon", product: "RoT", version: "7" },
  files: [{ name: "rom", digests: [{ alg: "sha-256", value: FILE }] }],
};

const SIGNED: readonly (readonly [string, string, string])[] = [
  ["bom", JSON.stringify(BOM), "application/vnd.cyclonedx+json"],
  ["release", JSON.stringify(RELEASE), "application/vnd.tallystick.firmware-release+json"],
  ["text", "rom", "text/plain"],
  ["broken", '{"rom', "application/json"],
];

let workspace: Workspace;
let service: TransparencyService;
let server: RunningServer;

async function opened(): Promise<TransparencyService> {
  const directory = await ServiceDirectory.open("log");
  const search = searchPlace(directory);
  return openService(directory, { advice: "in use", search, onNoteKey: () => undefined });
}

async function found(...args: readonly string[]): Promise<SearchPage> {
  const { stdout } = await workspace.must("search", ...args, "--json");
  return JSON.parse(stdout) as SearchPage;
}

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "log", "--issuer", ISSUER, "--origin", "log.example/log");
  await workspace.must("keygen", "--alg", "EdDSA", "--out", "vendor.jwk");
  service = await opened();
  server = await serve(service, { host: "127.0.0.1", port: 0 });
  const { url } = server;
  const to = ["--service", url, "--operator", "log/keys/operator.jwk"];
  await workspace.must("trust", "add", "vendor.pub.jwk", "--iss", VENDOR, ...to);
  for (const [name, text, type] of SIGNED) {
    await workspace.write(name, text);
    const about = ["--iss", VENDOR, "--sub", name, "--type", type];
    await workspace.must("sign", name, "--key", "vendor.jwk", ...about, "--out", `${name}.scitt`);
    const out = ["--out", `${name}.transparent.scitt`];
    await workspace.must("register", `${name}.scitt`, "--service", url, ...out);
  }
  await service.searchSettled();
  await workspace.must("trust", "export", "--service", url, "--out", "trust.json");
  await workspace.must("mirror", url, "copy", "--trust", "trust.json");
  const bundle = ["bundle", "--service", url, "--trust", "trust.json"];
  await workspace.must(...bundle, "--out", "whole.bundle");
  const some = ["release.transparent.scitt", "text.transparent.scitt"];
  await workspace.must(...bundle, ...some, "--files-only", "--out", "part.bundle");
}, 60_000);

afterAll(async () => {
  await server.close();
  await service.close();
  await workspace.remove();
});

describe("by what they speak of, statements are found", () => {
  const rows: Readonly<Record<string, readonly [readonly string[], readonly number[]]>> = {
    "a digest": [
      ["--digest", `sha-256:${FILE}`],
      [2, 3, 4],
    ],
    "a digest in the spelling of others": [
      ["--digest", `sha256:${FILE}`],
      [2, 3, 4],
    ],
    "a digest alone": [["--digest", FILE, "--type", "text/plain"], [4]],
    "a package": [["--purl", "pkg:npm/zlib"], [2]],
    "a version of a package": [["--purl", "pkg:npm/zlib@1.3.1"], [2]],
    "another version": [["--purl", "pkg:npm/zlib@1.3"], []],
    "vendor, product and version": [
      ["--vendor", "EXAMPLE silicon", "--product", "rot", "--product-version", "7"],
      [3],
    ],
    "a class of devices that none is of": [["--device-class", "1.2.3"], []],
    "one of two at a time": [["--digest", FILE, "--limit", "1"], [2]],
    "from an index on": [["--digest", FILE, "--from", "3", "--before", "4"], [3]],
  };

  test.each(Object.entries(rows))("%s", async (_name, [asked, indexes]) => {
    const page = await found(server.url, ...asked);
    expect(page.hits.map(({ index }) => index)).toStrictEqual(indexes);
    const pinned = ["--trust", "trust.json"];
    expect(await found("copy", ...asked, ...pinned)).toStrictEqual(page);
    const { isWhole, entries, unshown, left, ...same } = (await found(
      "whole.bundle",
      ...asked,
      ...pinned,
    )) as BundlePage;
    expect([isWhole, entries, unshown, left]).toStrictEqual([true, 6, [], []]);
    // The time of a bundle is that of its receipts.
    expect(untimed(same)).toStrictEqual(untimed(page));
  });

  test("with what they say of it, and which could not be read", async () => {
    const { stdout } = await workspace.must("search", server.url, "--digest", FILE);
    expect(stdout).toContain(`\n  digest sha-256:${FILE}: component\n3 `);
    expect(stdout).toContain(`: text, text/plain\n  digest sha-256:${FILE}: payload\n`);
    expect(stdout).toMatch(/\nfound: 3 among the first 6 entries\nnot all is listed of: 5; /);
  });

  test("in the directory of a service that is not served", async () => {
    const page = await found(server.url, "--digest", FILE);
    await server.close();
    await service.close();
    try {
      expect(await found("log", "--digest", FILE)).toStrictEqual(page);
      await workspace.must("reindex", "log");
      expect(await found("log", "--digest", FILE)).toStrictEqual(page);
    } finally {
      service = await opened();
      server = await serve(service, { host: "127.0.0.1", port: 0 });
    }
  });
});

describe("a bundle", () => {
  const pinned = ["--trust", "trust.json"];

  test("that has a part of the log says so, and what it has", async () => {
    const asked = ["part.bundle", "--digest", FILE, ...pinned];
    const { stdout } = await workspace.must("search", ...asked);
    expect(stdout).toMatch(/^3 [0-9a-f]{64} .*: release, application\/vnd\.tallystick/);
    expect(stdout).toMatch(
      /\nnot whole: the bundle has 2 of 6 entries, nothing is said of others\nnot shown to be under the checkpoint: 3, 4; receipts are of other sizes\n$/,
    );
    const { hits, isWhole } = (await found(...asked)) as BundlePage;
    expect([hits.map(({ index }) => index), isWhole]).toStrictEqual([[3, 4], false]);
  });

  test("leaves out what no receipt of the log vouches for, and is not whole then", async () => {
    const whole = decodeBundle(await workspace.read("whole.bundle"));
    const statements = whole.statements.map((bytes, i) =>
      i === 3 ? bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte)) : bytes,
    );
    await workspace.write("changed.bundle", encodeBundle({ ...whole, statements }));
    const page = (await found("changed.bundle", "--digest", FILE, ...pinned)) as BundlePage;
    expect(page.hits.map(({ index }) => index)).toStrictEqual([2, 4]);
    expect([page.isWhole, page.entries, page.left]).toStrictEqual([
      ...[false, 5],
      [{ statement: "statements[3]", why: expect.stringMatching(/^VERIFIER_/) }],
    ]);
    const twice = [...whole.statements, ...whole.statements];
    await workspace.write("twice.bundle", encodeBundle({ ...whole, statements: twice }));
    const same = (await found("twice.bundle", "--digest", FILE, ...pinned)) as BundlePage;
    expect([same.isWhole, same.entries, same.hits.length]).toStrictEqual([true, 6, 3]);
  });

  test("whose checkpoint does not hold is refused", async () => {
    const whole = decodeBundle(await workspace.read("whole.bundle"));
    const last = whole.checkpoint.length - 1;
    const checkpoint = whole.checkpoint.map((byte, at) => (at === last ? byte ^ 1 : byte));
    await workspace.write("forged.bundle", encodeBundle({ ...whole, checkpoint }));
    for (const [file, exit, error] of [
      ["forged.bundle", 1, expect.stringMatching(/^VERIFIER_/)],
      ["bom", 2, "APPRAISAL_BUNDLE_INVALID"],
    ] as const) {
      const { code, stdout } = await workspace.tally("search", file, ...pinned, "--json");
      expect([code, JSON.parse(stdout)]).toMatchObject([exit, { error: { code: error } }]);
    }
  });

  test.each([
    ["without pinned keys", ["whole.bundle"], /a bundle wants --trust/],
    ["with a note key", ["whole.bundle", ...pinned, "--vkey", "x"], /a bundle wants --trust/],
    ["for a proof", ["whole.bundle", ...pinned, "--sub", "a", "--prove", "f"], /has no index/],
  ])("%s is wrong usage", async (_name, args, says) => {
    const { code, stderr } = await workspace.tally("search", ...args);
    expect([code, stderr]).toEqual([3, expect.stringMatching(says)]);
  });
});

test.each([
  [["--digest", "AB"], /--digest is no digest/],
  [["--digest", `sha-512:${FILE}`], /--digest is no digest/],
  [["--purl", "zlib"], /--purl is no package URL/],
  [["--device-class", " "], /--device-class says nothing/],
  [["--product-version", ""], /--product-version is empty/],
  [["--product-version", " "], /--product-version says nothing/],
  [["--digest", FILE, "--prove", "f"], /--prove goes with one of/],
  [["--sub", "a", "--digest", FILE, "--prove", "f"], /--prove goes with one of/],
])("%j is wrong usage", async (args, says) => {
  const { code, stderr } = await workspace.tally("search", server.url, ...args);
  expect([code, stderr]).toEqual([3, expect.stringMatching(says)]);
});

function untimed({ hits, ...page }: SearchPage): object {
  return { ...page, hits: hits.map((hit) => ({ ...hit, time: 0 })) };
}
