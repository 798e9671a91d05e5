import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join, relative } from "node:path";

import { PrivateKey, encodeHex } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import { MerkleError } from "@tallystick/merkle";
import { signPolicy, withIssuerKey } from "@tallystick/policy";
import { ReceiptError } from "@tallystick/receipt";
import { publishedFiles, serve } from "@tallystick/server";
import type { RunningServer, TransparencyService } from "@tallystick/server";
import { signStatement } from "@tallystick/statement";
import { TrustStore, VerifierError } from "@tallystick/verifier";

import { ServiceDirectory } from "./directory.js";
import { openService } from "./opening.js";
import { addressSource, folderSource } from "./read-source.js";
import type { ReadSource } from "./read-source.js";
import { StaticFolder } from "./static-folder.js";
import { consistencyFromTiles, receiptFromTiles } from "./tile-receipt.js";
import { Workspace } from "./testing/workspace.js";

const ISSUER = "https://log.example";
const VENDOR = "https://vendor.example";

/** How many statements each round of the log has. */
const ROUNDS = [1, 1, 2, 5, 60, 184, 1, 1, 30];

let workspace: Workspace;
let directory: ServiceDirectory;
let service: TransparencyService;
let server: RunningServer;
let vendor: PrivateKey;
let count = 0;
const sizes: number[] = [];

async function made(dir: string): Promise<ServiceDirectory> {
  const config = { issuer: ISSUER, origin: "log.example/log", algorithm: "ES256" } as const;
  return ServiceDirectory.create(workspace.at(dir), config);
}

const opened = (at: ServiceDirectory): Promise<TransparencyService> =>
  openService(at, { advice: "in use", onNoteKey: () => undefined });

async function grow(by: number): Promise<void> {
  const statements = Array.from({ length: by }, () => {
    const payload = new TextEncoder().encode(`statement ${count++}`);
    const header = { contentType: "text/plain", issuer: VENDOR, subject: "a/b" };
    return signStatement({ payload, ...header }, vendor);
  });
  const signed = await Promise.all(statements);
  await Promise.all(signed.map((statement) => service.register(statement)));
  sizes.push(service.size());
}

async function exported(out: string, from = service): Promise<StaticFolder> {
  const folder = await StaticFolder.open(workspace.at(out), from);
  for await (const file of publishedFiles(from, folder.before)) await folder.put(file);
  return folder;
}

beforeAll(async () => {
  workspace = await Workspace.make();
  directory = await made("service");
  service = await opened(directory);
  vendor = await PrivateKey.generate("EdDSA");
  const { policy, entryId } = await service.policyInForce();
  const named = { iss: VENDOR, key: vendor.publicKey };
  const document = withIssuerKey(policy.document, entryId, named);
  const issuedAt = Math.floor(Date.now() / 1000);
  const operator = await directory.operatorKey();
  await service.register(await signPolicy(document, { issuer: ISSUER, issuedAt }, operator));
  sizes.push(service.size());
  for (const round of ROUNDS) await grow(round);
  server = await serve(service, { host: "127.0.0.1", port: 0 });
}, 60_000);

afterAll(async () => {
  await server.close();
  await service.close();
  await workspace.remove();
});

async function pathsIn(out: string): Promise<readonly string[]> {
  const top = workspace.at(out);
  const found = await readdir(top, { recursive: true, withFileTypes: true });
  const files = found.filter((each) => each.isFile());
  return files.map(({ parentPath, name }) => relative(top, join(parentPath, name))).sort();
}

describe("an export", () => {
  test("is the read path, byte for byte as it is served", async () => {
    const folder = await exported("out");
    const paths = await pathsIn("out");
    expect([folder.written, folder.kept]).toEqual([paths.length, 0]);
    const size = service.size();
    expect(paths.filter((path) => path.startsWith("statements/"))).toHaveLength(size);
    expect(paths.filter((path) => path.endsWith("/collateral"))).toHaveLength(size);
    expect(paths.filter((path) => path.startsWith("policies/"))).toHaveLength(2);
    for (const of of ["notes", "checkpoints"]) {
      for (const kept of sizes) expect(paths).toContain(`${of}/${kept}`);
    }
    for (const path of ["tile/0/000", "tile/entries/000", "tile/1/000.p/1", "checkpoint"]) {
      expect(paths).toContain(path);
    }
    for (const path of paths) {
      const response = await fetch(`${server.url}/${path}`);
      const body = new Uint8Array(await response.arrayBuffer());
      expect([path, response.status]).toEqual([path, 200]);
      expect([path, encodeHex(await workspace.read(`out/${path}`))]).toEqual([
        ...[path, encodeHex(body)],
      ]);
    }
  }, 60_000);

  test("writes the newest checkpoint last, and everything that it leads to before", async () => {
    const paths: string[] = [];
    for await (const { path } of publishedFiles(service)) paths.push(path);
    expect(paths.at(-1)).toBe("checkpoint");
    expect(new Set(paths).size).toBe(paths.length);
  });

  test("is continued, and what never changes is left as it is", async () => {
    await exported("grown");
    const before = await pathsIn("grown");
    await workspace.write("grown/tile/0/000", "left as it is");
    for (let round = 0; round < 3; round++) await grow(1);
    const folder = await exported("grown");
    const after = await pathsIn("grown");
    expect(after).toEqual(expect.arrayContaining([...before]));
    for await (const { path } of publishedFiles(service)) expect(after).toContain(path);
    // Three statements with collateral, three checkpoints in both forms, tile and bundle, and four names.
    expect([folder.written, folder.kept]).toEqual([18, 1]);
    expect(new TextDecoder().decode(await workspace.read("grown/tile/0/000"))).toBe(
      "left as it is",
    );
    const note = await service.notes?.newest();
    expect(await workspace.read("grown/checkpoint")).toEqual(note);
  });

  test("that was cut short is finished", async () => {
    await exported("cut");
    for (const path of ["checkpoint", "tile/0", "notes"]) {
      await rm(workspace.at(`cut/${path}`), { recursive: true });
    }
    await exported("cut");
    await exported("whole");
    expect(await pathsIn("cut")).toEqual(await pathsIn("whole"));
  });

  test("that was cut short is not finished with another log", async () => {
    await exported("begun");
    await rm(workspace.at("begun/checkpoint"));
    const second = await opened(await made("another"));
    const refused = { code: "CLI_DIRECTORY_INVALID" };
    await expect(exported("begun", second)).rejects.toMatchObject(refused);
    await second.close();
  });

  test("is not mixed with anything else", async () => {
    await mkdir(workspace.at("other"));
    await workspace.write("other/file", "");
    const refused = { code: "CLI_DIRECTORY_INVALID" };
    await expect(exported("other")).rejects.toMatchObject(refused);
    const second = await opened(await made("second"));
    await exported("of-second", second);
    // The same name, and another tree: of one entry, and then a shorter one.
    await expect(exported("of-second")).rejects.toMatchObject(refused);
    await exported("long");
    await expect(exported("long", second)).rejects.toMatchObject(refused);
    await second.close();
    await workspace.write("long/checkpoint", "no note");
    await expect(exported("long")).rejects.toMatchObject(refused);
  });
});

test.each(["http://mirror.example", "http://10.0.0.1/x", "http://localhost.example"])(
  "a token does not go to %s in clear",
  (url) => {
    const open = (): ReadSource => addressSource(url, { token: "secret", timeoutMs: 1000 });
    expect(open).toThrow(expect.objectContaining({ code: "CLIENT_URL_INVALID" }));
    expect(addressSource(url, { timeoutMs: 1000 })).toBeDefined();
  },
);

async function sources(): Promise<readonly ReadSource[]> {
  await exported("read");
  const address = addressSource(server.url, { timeoutMs: 10_000 });
  return [folderSource(workspace.at("read")), address];
}

interface Damage {
  readonly what: string;
  readonly path: string;
  /** Of the entry whose receipt is made. */
  readonly index: number;
  readonly refused: typeof Error | typeof MerkleError;
  readonly isUsed: (at: number) => boolean;
}

function trustIn(keys: readonly PublicKey[], origin = "log.example/log"): TrustStore {
  const jwks = keys.map((key) => key.toJwk());
  return TrustStore.parse(JSON.stringify({ services: [{ issuer: ISSUER, origin, keys: jwks }] }));
}

describe("a receipt from tiles", () => {
  test("is the one that the service sends, for every kept size", async () => {
    const trust = trustIn(service.keys);
    for (const source of await sources()) {
      for (const size of sizes) {
        for (const index of new Set([0, 1, Math.floor(size / 2), size - 1])) {
          const entry = await service.log.entryAt(index);
          const sent = await service.log.inclusionReceipt(entry, size);
          for (const at of [{}, { index }]) {
            const made = await receiptFromTiles(source, { trust, entry, size, ...at });
            const { newest, ...found } = made;
            expect(found).toEqual({ receipt: sent, index, size });
            expect(newest.checkpoint.size).toBe(service.size());
          }
        }
      }
      const entry = await service.log.entryAt(3);
      const { receipt } = await receiptFromTiles(source, { trust, entry });
      expect(receipt).toEqual(await service.log.inclusionReceipt(entry));
    }
  }, 60_000);

  test("is not made for what is not there, or under a key that nobody pinned", async () => {
    const [source = folderSource("")] = await sources();
    const trust = trustIn(service.keys);
    const last = await service.log.entryAt(service.size() - 1);
    const none = new Uint8Array(32);
    const unknown = { code: "CLI_ENTRY_UNKNOWN" };
    await expect(receiptFromTiles(source, { trust, entry: none })).rejects.toMatchObject(unknown);
    const early = receiptFromTiles(source, { trust, entry: last, size: 2 });
    await expect(early).rejects.toMatchObject(unknown);
    const beyond = receiptFromTiles(source, { trust, entry: last, index: 9999 });
    await expect(beyond).rejects.toMatchObject(unknown);
    const wrong = receiptFromTiles(source, { trust, entry: last, index: 3 });
    await expect(wrong).rejects.toBeInstanceOf(MerkleError);
    for (const others of [trustIn([vendor.publicKey]), trustIn(service.keys, "another")]) {
      const refused = receiptFromTiles(source, { trust: others, entry: last });
      await expect(refused).rejects.toBeInstanceOf(VerifierError);
    }
  });

  test("under an earlier checkpoint is made although the newest is behind the cutoff", async () => {
    const [source = folderSource("")] = await sources();
    const size = sizes[3] ?? 0;
    const { time, root } = (await service.log.checkpointAt(size)).checkpoint;
    const [key = vendor.publicKey] = service.keys;
    const until = { size, root: encodeHex(root), time };
    const pin = { issuer: ISSUER, origin: "log.example/log", keys: [{ ...key.toJwk(), until }] };
    const trust = TrustStore.parse(JSON.stringify({ services: [pin] }));
    const order = { trust, entry: await service.log.entryAt(1) };
    const { receipt } = await receiptFromTiles(source, { ...order, size });
    expect(receipt).toEqual(await service.log.inclusionReceipt(order.entry, size));
    for (const other of [{}, { size: service.size() }, { size: sizes[2] ?? 0 }]) {
      const refused = receiptFromTiles(source, { ...order, ...other });
      await expect(refused).rejects.toBeInstanceOf(VerifierError);
    }
  });

  test("of consistency is the one that the service sends, for any two kept sizes", async () => {
    const [source = folderSource("")] = await sources();
    const trust = trustIn(service.keys);
    const kept = [...new Set(sizes)];
    for (const [i, newSize] of kept.entries()) {
      for (const oldSize of kept.slice(0, i)) {
        const sent = await service.log.consistencyReceipt(oldSize, newSize);
        expect(await consistencyFromTiles(source, { trust, oldSize, newSize })).toEqual(sent);
      }
    }
    const [oldSize = 0, newSize = 0] = kept.slice(-2);
    for (const flipped of ["tile/0/001", `checkpoints/${oldSize}`, `checkpoints/${newSize}`]) {
      const read = async (asked: string): Promise<Uint8Array> => {
        const bytes = await source.read(asked);
        return asked.startsWith(flipped)
          ? bytes.map((byte, at) => (at < 99 ? ~byte : byte))
          : bytes;
      };
      const order = { trust, oldSize, newSize };
      await expect(consistencyFromTiles({ read }, order)).rejects.toMatchObject({
        code: expect.stringMatching(/^(MERKLE|RECEIPT|VERIFIER)_/) as unknown,
      });
    }
    const unsigned = { trust, oldSize: 100, newSize };
    await expect(consistencyFromTiles(source, unsigned)).rejects.toThrow("cannot read");
  });

  test("is not made from a checkpoint under the name of another size", async () => {
    await exported("renamed");
    await workspace.write("renamed/checkpoints/4", await workspace.read("renamed/checkpoints/3"));
    const entry = await service.log.entryAt(1);
    const order = { trust: trustIn(service.keys), entry, size: 4 };
    const source = folderSource(workspace.at("renamed"));
    await expect(receiptFromTiles(source, order)).rejects.toBeInstanceOf(ReceiptError);
  });

  test.each<Damage>([
    // Everything in the tile but the entry's own hash is under the path.
    {
      ...{ what: "a tile", path: "tile/0/000", index: 9, refused: MerkleError },
      isUsed: (at) => at < 9 * 32 || at >= 10 * 32,
    },
    {
      ...{ what: "the tile above", path: "tile/1/000.p/1", index: 256, refused: MerkleError },
      isUsed: () => true,
    },
    {
      ...{ what: "the bundle", path: "tile/entries/000", index: 9, refused: Error },
      isUsed: (at) => at >= 9 * 34 && at < 10 * 34,
    },
    // Behind it stands what chains the records, which no receipt depends on.
    {
      ...{ what: "the checkpoint", path: "checkpoints/latest", index: 9, refused: Error },
      isUsed: (at) => at < 200,
    },
  ])(
    "is right or none with any byte of $what flipped",
    async (damage) => {
      const { path, index, refused, isUsed } = damage;
      const [source = folderSource("")] = await sources();
      const entry = await service.log.entryAt(index);
      const right = await service.log.inclusionReceipt(entry);
      const bytes = await source.read(path);
      const trust = trustIn(service.keys);
      for (let at = 0; at < bytes.length; at += 5) {
        const flipped = bytes.map((byte, i) => (i === at ? byte ^ 0x10 : byte));
        const read = async (asked: string): Promise<Uint8Array> =>
          asked === path ? flipped : source.read(asked);
        const order = { trust, entry };
        const outcome = await receiptFromTiles({ read }, order).catch((error: unknown) => error);
        if (isUsed(at)) expect([at, outcome instanceof Error]).toEqual([at, true]);
        if (outcome instanceof Error) {
          expect(outcome).toBeInstanceOf(refused);
          expect(outcome).toMatchObject({
            code: expect.stringMatching(/^(MERKLE|RECEIPT|VERIFIER|CLI)_/),
          });
        } else expect(outcome).toMatchObject({ receipt: right });
      }
    },
    60_000,
  );
});
