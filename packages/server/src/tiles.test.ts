import { createHash } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { MemoryStore } from "@tallystick/log";

import { serve } from "./listen.js";
import type { RunningServer } from "./listen.js";
import { TransparencyService } from "./service.js";
import { problemOf, read } from "./testing/exchange.js";
import type { Answer } from "./testing/exchange.js";
import { ISSUER, ORIGIN, TIME, fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";

// A reader made from the text of C2SP tlog-tiles alone: nothing of the service's own code decides here
// what a path, a tile or a root is.

const ENTRIES = 300;

let at: Fixture;
let server: RunningServer;

beforeAll(async () => {
  at = await fixture();
  server = await serve(at.service, { host: "127.0.0.1", port: 0 });
  const count = ENTRIES - at.service.size();
  const signed = Array.from({ length: count }, (_, i) => at.sign(`statement ${i}`));
  await Promise.all(signed.map(async (bytes) => at.service.register(await bytes)));
  expect(at.service.size()).toBe(ENTRIES);
}, 60_000);

afterAll(async () => {
  await server.close();
  await at.service.close();
});

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

const leaf = (entry: Uint8Array): Buffer => sha256(Uint8Array.of(0), entry);
const node = (left: Uint8Array, right: Uint8Array): Buffer => sha256(Uint8Array.of(1), left, right);

/** RFC 9162 §2.1.1, word for word. */
function treeHash(hashes: readonly Uint8Array[]): Uint8Array {
  const [only] = hashes;
  if (hashes.length === 1 && only !== undefined) return only;
  let k = 1;
  while (k * 2 < hashes.length) k *= 2;
  return node(treeHash(hashes.slice(0, k)), treeHash(hashes.slice(k)));
}

function pathOf(level: number | "entries", index: number, width: number): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, "0");
  const groups = digits.match(/.../g) ?? [];
  const name = groups.map((group, i) => (i === groups.length - 1 ? group : `x${group}`)).join("/");
  return `/tile/${level}/${name}${width === 256 ? "" : `.p/${width}`}`;
}

/** The tiles of a level in a tree of a size: all full ones, and the partial one if it is not empty. */
function tilesOf(level: number, size: number): readonly { index: number; width: number }[] {
  const hashes = Math.floor(size / 256 ** level);
  const full = Array.from({ length: Math.floor(hashes / 256) }, (_, index) => ({
    index,
    width: 256,
  }));
  const rest = hashes % 256;
  return rest === 0 ? full : [...full, { index: full.length, width: rest }];
}

async function fetched(path: string): Promise<Answer> {
  const answer = await read(`${server.url}${path}`);
  expect([path, answer.status]).toEqual([path, 200]);
  return answer;
}

function split(bytes: Uint8Array, length: number): readonly Uint8Array[] {
  expect(bytes.length % length).toBe(0);
  return Array.from({ length: bytes.length / length }, (_, i) =>
    bytes.subarray(i * length, (i + 1) * length),
  );
}

/** W17: entries behind their lengths. */
function entriesIn(bundle: Uint8Array): readonly Uint8Array[] {
  const entries: Uint8Array[] = [];
  const bytes = Buffer.from(bundle);
  for (let from = 0; from < bytes.length;) {
    const length = bytes.readUInt16BE(from);
    entries.push(new Uint8Array(bytes.subarray(from + 2, from + 2 + length)));
    from += 2 + length;
  }
  return entries;
}

async function levelOf(level: number): Promise<readonly Uint8Array[]> {
  const hashes: Uint8Array[] = [];
  for (const { index, width } of tilesOf(level, ENTRIES)) {
    const { body } = await fetched(pathOf(level, index, width));
    expect(body.length).toBe(32 * width);
    hashes.push(...split(body, 32));
  }
  return hashes;
}

async function allEntries(): Promise<readonly Uint8Array[]> {
  const entries: Uint8Array[] = [];
  for (const { index, width } of tilesOf(0, ENTRIES)) {
    entries.push(...entriesIn((await fetched(pathOf("entries", index, width))).body));
  }
  return entries;
}

describe("a reader of tiles", () => {
  test("W17: finds every entry, each of which hashes to its leaf and names a statement", async () => {
    const entries = await allEntries();
    expect(entries).toHaveLength(ENTRIES);
    const leaves = await levelOf(0);
    expect(leaves.map((hash) => Buffer.from(hash).toString("hex"))).toEqual(
      entries.map((entry) => leaf(entry).toString("hex")),
    );
    for (const index of [0, 1, 255, 256, ENTRIES - 1]) {
      const entry = Buffer.from(entries[index] ?? []);
      const { body } = await fetched(`/statements/${entry.toString("hex")}`);
      expect(sha256(body)).toEqual(entry);
    }
  });

  test("W14: comes to the signed root from leaves, and hashes higher up are those of full tiles", async () => {
    const leaves = await levelOf(0);
    const { checkpoint } = at.service.log.head();
    expect(Buffer.from(treeHash(leaves))).toEqual(Buffer.from(checkpoint.root));
    const above = await levelOf(1);
    expect(above.map((hash) => Buffer.from(hash))).toEqual([
      Buffer.from(treeHash(leaves.slice(0, 256))),
    ]);
  });

  test("W16: has every narrower width of the newest tile, as the beginning of it", async () => {
    const last = Math.floor(ENTRIES / 256);
    const width = ENTRIES % 256;
    for (const [level, length] of [
      [0, 32],
      ["entries", 34],
    ] as const) {
      const whole = (await fetched(pathOf(level, last, width))).body;
      for (let narrow = 1; narrow < width; narrow++) {
        const { body } = await fetched(pathOf(level, last, narrow));
        expect(body).toEqual(whole.subarray(0, narrow * length));
      }
    }
  });

  test("W16: still has the partial widths of a tile that is full by now", async () => {
    const whole = (await fetched(pathOf(0, 0, 256))).body;
    for (const width of [1, 17, 255]) {
      const { body } = await fetched(pathOf(0, 0, width));
      expect(body).toEqual(whole.subarray(0, width * 32));
    }
  });
});

describe("a tile", () => {
  test.each([
    ["a full tile", "/tile/0/000"],
    ["a partial tile", "/tile/0/001.p/44"],
    ["a tile of level 1", "/tile/1/000.p/1"],
    ["a full bundle", "/tile/entries/000"],
    ["a partial bundle", "/tile/entries/001.p/44"],
  ])("W14: %s is immutable bytes, sent as they are", async (_name, path) => {
    const url = `${server.url}${path}`;
    const plain = await fetch(url, { headers: { "accept-encoding": "gzip, br, zstd" } });
    const body = new Uint8Array(await plain.arrayBuffer());
    expect(plain.status).toBe(200);
    expect(Object.fromEntries(plain.headers)).toMatchObject({
      "content-type": "application/octet-stream",
      "cache-control": "public, max-age=31536000, immutable",
      "content-length": String(body.length),
      etag: expect.stringMatching(/^"[A-Za-z0-9_-]{22}"$/),
    });
    expect(plain.headers.get("content-encoding")).toBeNull();
    const head = await fetch(url, { method: "HEAD" });
    for (const name of ["content-type", "cache-control", "content-length", "etag"]) {
      expect([name, head.headers.get(name)]).toEqual([name, plain.headers.get(name)]);
    }
    expect((await head.arrayBuffer()).byteLength).toBe(0);
    // F12: what a proxy that leaves queries out would keep is what is answered with one.
    const asked = await read(`${url}?hash=1&x`);
    expect([asked.status, asked.body]).toEqual([200, body]);
  });

  test.each([
    ["its tag", (tag: string) => tag],
    ["its tag, weakened by a proxy", (tag: string) => `W/${tag}`],
    ["its tag among others", (tag: string) => `"a", ${tag} , W/"b"`],
    ["any tag", () => "*"],
  ])("is not sent again to a reader with %s", async (_name, given) => {
    const url = `${server.url}/tile/0/000`;
    const { headers } = await read(url);
    const tag = headers.get("etag") ?? "";
    for (const method of ["GET", "HEAD"]) {
      const answer = await fetch(url, { method, headers: { "if-none-match": given(tag) } });
      expect(answer.status).toBe(304);
      expect((await answer.arrayBuffer()).byteLength).toBe(0);
      expect(answer.headers.get("etag")).toBe(tag);
      expect(answer.headers.get("cache-control")).toContain("immutable");
      expect(answer.headers.get("content-type")).toBeNull();
    }
  });

  test.each([
    ["another tag", '"AAAAAAAAAAAAAAAAAAAAAA"'],
    ["no tag", ""],
    ["what is no list of tags", "AAAA, *"],
  ])("is sent to a reader with %s", async (_name, known) => {
    const answer = await fetch(`${server.url}/tile/0/000`, {
      headers: { "if-none-match": known },
    });
    expect([answer.status, (await answer.arrayBuffer()).byteLength]).toEqual([200, 8192]);
  });
});

describe("W15, W16: there is no tile at", () => {
  test.each([
    ["a width beyond the published size", "/tile/0/001.p/45"],
    ["the full width of a partial tile", "/tile/0/001"],
    ["an index beyond it", "/tile/0/002.p/1"],
    ["an empty tile of a higher level", "/tile/2/000.p/1"],
    ["a width of the level above that no full tile is for", "/tile/1/000.p/2"],
    ["the highest level", "/tile/63/000.p/1"],
    ["a level beyond it", "/tile/64/000.p/1"],
    ["width 0", "/tile/0/000.p/0"],
    ["width 256, spelt out", "/tile/0/000.p/256"],
    ["a width with a leading zero", "/tile/0/000.p/01"],
    ["a level with a leading zero", "/tile/00/000"],
    ["a level with a sign", "/tile/+0/000"],
    ["an index without its zeros", "/tile/0/0"],
    ["an index with a group too many", "/tile/0/x000/000"],
    ["an index without its x", "/tile/0/000/000"],
    ["an index beyond 2^53", "/tile/0/x999/x999/x999/x999/x999/999"],
    ["a percent-encoded digit", "/tile/0/%3000"],
    ["a percent-encoded slash", "/tile/0%2F000"],
    ["a slash at the end", "/tile/0/000/"],
    ["two slashes", "/tile//0/000"],
    ["another case", "/tile/0/000.P/1"],
    ["nothing", "/tile/"],
    ["a bundle beyond the published size", "/tile/entries/001.p/45"],
    ["an empty bundle", "/tile/entries/002.p/1"],
    ["a bundle of width 0", "/tile/entries/000.p/0"],
    ["a bundle with a level", "/tile/entries/0/000"],
    ["a bundle without a number", "/tile/entries"],
  ])("%s", async (_name, path) => {
    const answer = await read(`${server.url}${path}`);
    expect([path, answer.status]).toEqual([path, 404]);
    expect(problemOf(answer)[0]).toBe("Not Found");
  });

  test.each(["POST", "PUT", "DELETE"])("%s: only reading is answered", async (method) => {
    for (const path of ["/tile/0/000", "/tile/entries/000"]) {
      const answer = await fetch(`${server.url}${path}`, { method });
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    }
  });
});

/** A store that hands out rows of one kind with a bit of them flipped. */
class FlippedStore extends MemoryStore {
  kind = "";

  override async getMany(
    keys: readonly Uint8Array[],
  ): Promise<readonly (Uint8Array | undefined)[]> {
    const values = await super.getMany(keys);
    return values.map((value, i) => {
      if (value === undefined || String.fromCharCode(keys[i]?.[0] ?? 0) !== this.kind) return value;
      return value.map((byte, place) => (place === 3 ? byte ^ 1 : byte));
    });
  }
}

test.each([
  ["t", "/tile/0/000"],
  ["b", "/tile/entries/000"],
])(
  "I5: damage to a stored row of kind %s is a failure, never wrong bytes",
  async (kind, path) => {
    const store = new FlippedStore();
    const damaged = await fixture(store);
    const signed = Array.from({ length: 256 }, (_, i) => damaged.sign(`statement ${i}`));
    await Promise.all(signed.map(async (bytes) => damaged.service.register(await bytes)));
    // Opened again, so that nothing is at hand.
    const { anchor, receiptKey: signer } = damaged;
    const named = { issuer: ISSUER, origin: ORIGIN, signer, now: (): number => TIME };
    const service = await TransparencyService.open({ store, anchor, ...named });
    const defects: unknown[] = [];
    const own = await serve(service, {
      host: "127.0.0.1",
      port: 0,
      onDefect: (defect) => defects.push(defect),
    });
    store.kind = kind;
    const answer = await read(`${own.url}${path}`);
    store.kind = "";
    await own.close();
    await service.close();
    expect([answer.status, defects]).toEqual([
      500,
      [expect.objectContaining({ code: "LOG_CORRUPT" })],
    ]);
  },
  60_000,
);
