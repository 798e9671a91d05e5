import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { encodeBundle } from "@tallystick/appraisal";
import { PrivateKey } from "@tallystick/cose";
import { inclusionNodes, inclusionPath, leafHash, treeRoot } from "@tallystick/merkle";
import { SignedCheckpoint, issueInclusionReceipt } from "@tallystick/receipt";
import { SignedStatement, attachReceipts, signStatement } from "@tallystick/statement";

import type { BundlePage } from "./bundle-search.js";
import { Workspace } from "./testing/workspace.js";

const TIME = 1_790_000_000;
const EARLIER = 1_700_000_000;
const VENDOR = "https://vendor.example";

/** One tree of a log; another one under the same key is a fork. */
class Tree {
  readonly #name: string;
  readonly #key: PrivateKey;
  readonly #entries: readonly SignedStatement[];

  constructor(name: string, key: PrivateKey, entries: readonly SignedStatement[]) {
    this.#name = name;
    this.#key = key;
    this.#entries = entries;
  }

  get pinned(): object {
    const keys = [this.#key.publicKey.toJwk()];
    return { issuer: `https://${this.#name}.example`, origin: `${this.#name}.example/log`, keys };
  }

  get size(): number {
    return this.#entries.length;
  }

  signed(size: number, time: number = TIME): Promise<SignedCheckpoint> {
    const named = { issuer: `https://${this.#name}.example`, origin: `${this.#name}.example/log` };
    const root = treeRoot(this.#leaves(size));
    return SignedCheckpoint.sign({ ...named, size, root, time }, this.#key);
  }

  async receipt(index: number, size: number, time: number = TIME): Promise<Uint8Array> {
    const leaves = this.#leaves(size);
    const nodes = inclusionNodes(index, size).map(({ level, index: at }) =>
      treeRoot(leaves.slice(at * 2 ** level, (at + 1) * 2 ** level)),
    );
    const path = inclusionPath(index, size, nodes);
    return issueInclusionReceipt(await this.signed(size, time), { index, size, path });
  }

  async transparent(index: number, size: number = this.size): Promise<Uint8Array> {
    return this.with(index, [await this.receipt(index, size)]);
  }

  with(index: number, receipts: readonly Uint8Array[]): Uint8Array {
    const statement = this.#entries[index];
    if (statement === undefined) throw new Error(`no entry ${index}`);
    return attachReceipts(statement, receipts);
  }

  #leaves(size: number): readonly Uint8Array[] {
    return this.#entries.slice(0, size).map(({ entry }) => leafHash(entry));
  }
}

let workspace: Workspace;
let entries: readonly SignedStatement[];
let tree: Tree;
/** Of other entries from index 2 on. */
let fork: Tree;
/** Another log, which has every entry in the opposite order. */
let other: Tree;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  const [lab, vendor, key, otherKey] = await Promise.all([
    PrivateKey.generate("ES384"),
    PrivateKey.generate("EdDSA"),
    PrivateKey.generate("ES256"),
    PrivateKey.generate("ES256"),
  ]);
  const signed = async (text: string): Promise<SignedStatement> => {
    const payload = new TextEncoder().encode(text);
    const header = { contentType: "text/plain", issuer: VENDOR, subject: "x" };
    return SignedStatement.decode(await signStatement({ payload, ...header }, vendor));
  };
  entries = await Promise.all(["a", "b", "c", "d", "e"].map(signed));
  const strange = await Promise.all(["evil", "more", "most"].map(signed));
  tree = new Tree("log", key, entries);
  fork = new Tree("log", key, [...entries.slice(0, 2), ...strange]);
  other = new Tree("other", otherKey, [...entries].reverse());
  await workspace.write("one.json", JSON.stringify({ services: [tree.pinned] }));
  await workspace.write(
    "appraisal.json",
    JSON.stringify({
      format: "tallystick-appraisal/1",
      trust: { services: [tree.pinned] },
      reviewKeys: [{ provider: "Example Lab", key: lab.publicKey.toJwk() }],
    }),
  );
  await workspace.write("two.json", JSON.stringify({ services: [other.pinned, tree.pinned] }));
});

afterAll(() => workspace.remove());

async function write(size: number, statements: readonly Uint8Array[]): Promise<void> {
  const checkpoint = (await tree.signed(size)).encode();
  const keys = new Uint8Array();
  await workspace.write("some.bundle", encodeBundle({ statements, checkpoint, keys }));
}

async function page(...asked: readonly string[]): Promise<BundlePage> {
  const all = ["search", "some.bundle", "--sub", "x", ...asked, "--json"];
  return JSON.parse((await workspace.must(...all)).stdout) as BundlePage;
}

const timesIn = ({ hits }: BundlePage): readonly (readonly number[])[] =>
  hits.map(({ index, time }) => [index, time]);

const all = (of: Tree, size: number): Promise<Uint8Array[]> =>
  Promise.all(Array.from({ length: size }, (_, index) => of.transparent(index, size)));

describe("the time of a hit", () => {
  test("is that of the log of the checkpoint, whatever other pinned logs say", async () => {
    // The middle one has the same index in both.
    const [own, others] = await Promise.all([tree.receipt(2, 3), other.receipt(2, 5, EARLIER)]);
    const statements = (await all(tree, 3)).slice(0, 2);
    await write(3, [...statements, tree.with(2, [others, own])]);
    for (const trust of ["one.json", "two.json"]) {
      const pinned = ["--trust", trust];
      const expected = [0, 1, 2].map((index) => [index, TIME]);
      expect(timesIn(await page(...pinned))).toStrictEqual(expected);
      expect(timesIn(await page(...pinned, "--since", String(TIME - 1)))).toStrictEqual(expected);
      expect(timesIn(await page(...pinned, "--until", String(TIME - 1)))).toStrictEqual([]);
    }
  });

  test("is that of the earliest receipt of it, in whichever copy and order", async () => {
    const [late, early] = await Promise.all([
      tree.receipt(1, 5, TIME),
      tree.receipt(1, 3, EARLIER),
    ]);
    const copies = [late, early].map((receipt) => tree.with(1, [receipt]));
    for (const statements of [
      [tree.with(1, [late, early])],
      [tree.with(1, [early, late])],
      copies,
      [...copies].reverse(),
    ]) {
      await write(5, statements);
      expect(timesIn(await page("--trust", "two.json"))).toStrictEqual([[1, EARLIER]]);
    }
  });
});

describe("a fork is no shortage", () => {
  async function refused(): Promise<string> {
    const asked = ["search", "some.bundle", "--sub", "nobody", "--trust", "one.json"];
    const { code, stdout, stderr } = await workspace.tally(...asked);
    expect([code, stdout]).toStrictEqual([1, ""]);
    const { stdout: json } = await workspace.tally(...asked, "--json");
    expect(JSON.parse(json)).toMatchObject({ error: { code: "APPRAISAL_BUNDLE_CONTRADICTION" } });
    // Nothing is decided by it either.
    const subject = ["--digest", `sha-256:${"00".repeat(32)}`, "--policy", "appraisal.json"];
    const decided = await workspace.tally("appraise", ...subject, "--bundle", "some.bundle");
    expect(decided).toStrictEqual({ code, stdout, stderr });
    return stderr;
  }
  /** The same words, with the roots of both. */
  const told = (words: string): RegExp =>
    new RegExp(
      `${words.replace(" and by ", " with the root [0-9a-f]{64} and by ")} with [0-9a-f]{64};`,
    );
  const idOf = (index: number): string => entries[index]?.entryId ?? "";

  test("where a receipt of the size of the checkpoint is of another tree", async () => {
    await write(3, [await fork.transparent(1, 3)]);
    expect(await refused()).toMatch(
      told(`two trees of 3 entries, by the checkpoint and by a receipt of entry 1 ${idOf(1)}`),
    );
  });

  test("where receipts of another size are of two trees", async () => {
    await write(3, [await tree.transparent(0, 5), await fork.transparent(1, 5)]);
    expect(await refused()).toMatch(
      told(
        `two trees of 5 entries, by a receipt of entry 0 ${idOf(0)} and by a receipt of entry 1 ${idOf(1)}`,
      ),
    );
  });

  test.each([
    ["below the size", 2, 5],
    ["beyond it", 3, 3],
  ])("where one index %s has two entries", async (_name, index, size) => {
    await write(size, [await tree.transparent(index, 5), await fork.transparent(index, 4)]);
    expect(await refused()).toMatch(
      new RegExp(
        `two entries for index ${index}, ${idOf(index)} by a receipt of size 5 and [0-9a-f]{64} by one of size 4; keep the bundle`,
      ),
    );
  });

  test("where every index is taken, and the root is another", async () => {
    const own = await all(tree, 3);
    await write(3, [...own.slice(0, 2), await fork.transparent(2, 4)]);
    expect(await refused()).toMatch(
      /a tree of 3 entries that its entries do not make, by the checkpoint with the root [0-9a-f]{64}; no receipt of that size has entry 2 [0-9a-f]{64}; keep the bundle, it is the evidence\n/,
    );
  });

  test("where the first entries do not make the root of a receipt below the checkpoint", async () => {
    await write(5, [
      await tree.transparent(0, 3),
      await tree.transparent(1, 3),
      await fork.transparent(2, 4),
    ]);
    expect(await refused()).toContain("a tree of 3 entries that its entries do not make");
  });

  test("and what other logs sign is none of it", async () => {
    await write(5, [...(await all(tree, 5)), ...(await all(other, 5))]);
    const { isWhole, entries: count, left } = await page("--trust", "two.json");
    expect([isWhole, count, left.length]).toStrictEqual([true, 5, 5]);
  });
});

describe("a hit is under the checkpoint", () => {
  const pinned = ["--trust", "one.json"];

  test("where its receipt is of that size, and not shown to be otherwise", async () => {
    await write(5, [await tree.transparent(1, 3), await tree.transparent(2, 5)]);
    const { isWhole, unshown } = await page(...pinned);
    expect([isWhole, unshown]).toStrictEqual([false, [{ index: 1, entryId: entries[1]?.entryId }]]);
    const { stdout } = await workspace.must("search", "some.bundle", "--sub", "x", ...pinned);
    expect(stdout).toMatch(
      /\nnot shown to be under the checkpoint: 1; receipts are of other sizes\n$/,
    );
  });

  test("where the bundle is whole, whatever the sizes", async () => {
    const statements = await Promise.all(
      [2, 3, 3, 4, 5].map((size, i) => tree.transparent(i, size)),
    );
    await write(5, statements);
    const { isWhole, unshown, hits } = await page(...pinned);
    expect([isWhole, unshown, hits.length]).toStrictEqual([true, [], 5]);
  });
});
