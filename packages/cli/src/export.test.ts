import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "service", "--origin", "tallystick.local/log");
});

afterAll(() => workspace.remove());

test("a service is exported, and receipts are assembled from the files or its address", async () => {
  const server = await ServeProcess.start(workspace, "service");
  await workspace.must("keygen", "--alg", "EdDSA", "--out", "vendor.jwk");
  await workspace.must(
    ...["trust", "add", "vendor.pub.jwk", "--iss", "https://vendor.example"],
    ...["--service", server.url, "--operator", "service/keys/operator.jwk"],
  );
  await workspace.must("trust", "export", "--service", server.url, "--out", "trust.json");
  const policy: unknown = await (await fetch(`${server.url}/policy`)).json();
  const { entryId } = policy as { readonly entryId: string };
  const tiles = (from: string): readonly string[] => [
    "--from-tiles",
    from,
    "--out",
    "made.receipt",
  ];
  const pinned = ["--trust", "trust.json"];
  await workspace.must(...["receipt", entryId, "--service", server.url, "--out", "sent.receipt"]);
  const busy = await workspace.tally("export", "service", "out");
  expect([busy.code, busy.stderr]).toEqual([
    2,
    "tally: CLI_DIRECTORY_IN_USE: service is in use: stop the service, or read it at its address\n",
  ]);
  const { stdout } = await workspace.must("receipt", entryId, ...tiles(server.url), ...pinned);
  expect(stdout).toBe(`entryId: ${entryId}\nindex: 1\nsize: 2\nwrote: made.receipt\n`);
  expect(await workspace.read("made.receipt")).toEqual(await workspace.read("sent.receipt"));
  const grown = ["consistency", "1", "2", "--out", "grown.receipt"];
  await workspace.must(...grown, "--service", server.url);
  const extended = await workspace.read("grown.receipt");
  await workspace.must("mirror", server.url, "copy", ...pinned);
  const watch = ["--state", "watch.state", "--once", "--watch-subject", "registration-policy"];
  const { stdout: news } = await workspace.must("monitor", server.url, ...watch, ...pinned);
  expect(news).toContain(`statement: 1 ${entryId} of `);
  await server.stop();

  const { stdout: said } = await workspace.must("export", "service", "out");
  expect(said).toMatch(
    /^exported: 2 entries, root [0-9a-f]{64}\nfiles: \d+ written, 0 were there\n$/,
  );
  const again = await workspace.must("export", "service", "out", "--json");
  expect(JSON.parse(again.stdout)).toMatchObject({ size: 2, written: 4 });
  for (const folder of ["out", "copy"]) {
    await workspace.must("receipt", entryId, ...tiles(folder), ...pinned, "--index", "1");
    expect(await workspace.read("made.receipt")).toEqual(await workspace.read("sent.receipt"));
    await workspace.must(...grown, "--from-tiles", folder, ...pinned);
    expect(await workspace.read("grown.receipt")).toEqual(extended);
    const audited = await workspace.must("audit", folder, ...pinned);
    expect(audited.stdout).toContain("sound: 2 entries");
    expect(await workspace.read(`${folder}/checkpoint`)).toEqual(
      await workspace.read("out/checkpoint"),
    );
  }
  const unpinned = await workspace.tally("audit", "copy");
  expect([unpinned.code, unpinned.stderr]).toEqual([3, expect.stringContaining("want --trust")]);

  const none = await workspace.tally("receipt", "0".repeat(64), ...tiles("out"), ...pinned);
  expect([none.code, none.stderr]).toEqual([
    1,
    `tally: CLI_ENTRY_UNKNOWN: no receipt of ${"0".repeat(64)}: it is none of the first 2 entries\n`,
  ]);
  const lost = await workspace.tally("receipt", entryId, ...tiles("nowhere"), ...pinned);
  expect([lost.code, lost.stderr]).toEqual([2, expect.stringContaining("cannot read nowhere")]);
  const gone = await workspace.tally("receipt", entryId, ...tiles(server.url), ...pinned);
  expect([gone.code, gone.stderr]).toEqual([2, expect.stringContaining("cannot be reached")]);
}, 120_000);

test.each([
  ["nothing to read from", [], "want --service or --from-tiles"],
  ["both", ["--from-tiles", "out", "--service", "http://127.0.0.1:1"], "not both"],
  ["tiles without pinned keys", ["--from-tiles", "out"], "--from-tiles wants --trust"],
  ["an index without tiles", ["--service", "http://127.0.0.1:1", "--index", "1"], "--index"],
])("receipt: %s is wrong usage", async (_name, args, says) => {
  const command = ["receipt", "0".repeat(64), "--out", "made.receipt", ...args];
  const { code, stderr } = await workspace.tally(...command);
  expect([code, stderr]).toEqual([3, expect.stringContaining(says)]);
});

test.each([
  ["nothing to read from", [], "want either --service or --from-tiles"],
  ["both", ["--from-tiles", "out", "--service", "http://127.0.0.1:1"], "want either"],
  ["tiles without pinned keys", ["--from-tiles", "out"], "--from-tiles wants --trust"],
  [
    "pinned keys without tiles",
    ["--service", "http://127.0.0.1:1", "--trust", "x"],
    "wants --trust",
  ],
])("consistency: %s is wrong usage", async (_name, args, says) => {
  const command = ["consistency", "1", "2", "--out", "made.receipt", ...args];
  const { code, stderr } = await workspace.tally(...command);
  expect([code, stderr]).toEqual([3, expect.stringContaining(says)]);
});
