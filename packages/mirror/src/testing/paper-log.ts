import { PrivateKey, decodeCbor, encodeCbor, encodeHex } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import {
  RightEdge,
  TILE_WIDTH,
  encodeBundle,
  formatBundlePath,
  formatTilePath,
  leafHash,
  sha256,
} from "@tallystick/merkle";
import {
  SignedCheckpoint,
  chainDigest,
  decodeChainLink,
  encodeChainLink,
} from "@tallystick/receipt";
import { SignedStatement, signStatement } from "@tallystick/statement";
import { formatCheckpoint, formatNote, noteSigner, signNote } from "@tallystick/tlog";
import type { NoteSigner } from "@tallystick/tlog";
import { TrustStore, verifyCheckpoint } from "@tallystick/verifier";

import { MirrorError } from "../error.js";
import type { KeptPath } from "../read-path.js";

export const ISSUER = "https://log.example";
export const ORIGIN = "log.example/log";

/** The read path of a log in memory, written from the formats alone. */
export class PaperFolder implements KeptPath {
  readonly files: Map<string, Uint8Array>;
  /** Paths that were asked for. */
  readonly asked: string[] = [];

  constructor(files: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.files = new Map(files);
  }

  find(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
    this.asked.push(path);
    const bytes = this.files.get(path);
    if (bytes === undefined || bytes.length <= maxBytes) return Promise.resolve(bytes);
    return Promise.reject(new MirrorError("MIRROR_INCOMPLETE", `${path} is too long`));
  }

  keep(path: string, bytes: Uint8Array): Promise<void> {
    this.files.set(path, bytes);
    return Promise.resolve();
  }
}

interface PaperKeys {
  readonly receipt: PrivateKey;
  readonly note: NoteSigner;
  readonly vendor: PrivateKey;
}

/** A log that signs whatever it is told to, with its keys. */
export class PaperLog {
  readonly trust: TrustStore;
  readonly #receipt: PrivateKey;
  readonly #note: NoteSigner;
  // Owned by the log: bodies are made once, whatever the trees that they stand in.
  readonly #bodies = new Map<string, Uint8Array>();
  readonly #vendor: PrivateKey;

  private constructor(
    { receipt, note, vendor }: PaperKeys,
    pinned: readonly PublicKey[] = [receipt.publicKey],
  ) {
    this.#receipt = receipt;
    this.#note = note;
    this.#vendor = vendor;
    const keys = pinned.map((key) => key.toJwk());
    const service = { issuer: ISSUER, origin: ORIGIN, keys, note: note.key.format() };
    this.trust = TrustStore.parse(JSON.stringify({ services: [service] }));
  }

  static async make(): Promise<PaperLog> {
    const [receipt, note, vendor] = await Promise.all([
      PrivateKey.generate("EdDSA"),
      PrivateKey.generate("EdDSA"),
      PrivateKey.generate("EdDSA"),
    ]);
    return new PaperLog({ receipt, note: noteSigner(ORIGIN, "ed25519", note), vendor });
  }

  /** Yields a log of the same name with a further receipt key; those who trust it pin both. */
  async renewed(): Promise<PaperLog> {
    const receipt = await PrivateKey.generate("EdDSA");
    const keys = { receipt, note: this.#note, vendor: this.#vendor };
    return new PaperLog(keys, [this.#receipt.publicKey, receipt.publicKey]);
  }

  /** Yields what those trust who have retired the receipt key at the newest checkpoint of a folder. */
  async retiredAt({ files }: PaperFolder): Promise<TrustStore> {
    const body = files.get("checkpoints/latest") ?? new Uint8Array();
    const record = decodeCbor(body);
    const { checkpoint } = decodeChainLink(record instanceof Uint8Array ? record : body);
    const { size, root, time } = (await verifyCheckpoint(checkpoint, this.trust)).checkpoint;
    const until = { size, root: encodeHex(root), time };
    const keys = [{ ...this.#receipt.publicKey.toJwk(), until }];
    const service = { issuer: ISSUER, origin: ORIGIN, keys, note: this.#note.key.format() };
    return TrustStore.parse(JSON.stringify({ services: [service] }));
  }

  /**
   * Yields the read path of the log with these statements, by their subjects, and a checkpoint at each
   * size, the last of which is the newest.
   */
  async folder(
    subjects: readonly string[],
    { sizes, time = 1000 }: { readonly sizes: readonly number[]; readonly time?: number },
  ): Promise<PaperFolder> {
    const files = new Map<string, Uint8Array>();
    const edge = RightEdge.empty();
    const tree = new PaperTree();
    const entries: Uint8Array[] = [];
    let record: Uint8Array | undefined;
    for (const subject of subjects) {
      const body = await this.#body(subject);
      const entry = sha256(body);
      files.set(`statements/${encodeHex(entry)}`, body);
      files.set(`entries/${encodeHex(entry)}/collateral`, encodeCbor(new Map([["time", time]])));
      entries.push(entry);
      for (const { id, hash } of edge.append(leafHash(entry))) tree.add(id, hash);
      if (!sizes.includes(edge.size)) continue;
      const point = { size: edge.size, root: edge.root(), time: time + edge.size };
      const after = record === undefined ? undefined : { record, size: lastOf(sizes, edge.size) };
      record = await this.#record(point, after);
      const note = await this.#noteOf(point);
      files.set(`checkpoints/${edge.size}`, encodeCbor(record));
      files.set(`notes/${edge.size}`, note);
      files.set("checkpoints/latest", encodeCbor(record));
      files.set("checkpoint", note);
    }
    for (const [path, tile] of tree.tiles()) files.set(path, tile);
    for (let at = 0; at < entries.length; at += TILE_WIDTH) {
      const some = entries.slice(at, at + TILE_WIDTH);
      const path = formatBundlePath(at / TILE_WIDTH, some.length);
      files.set(`tile/entries/${path}`, encodeBundle(some));
    }
    const key = this.#receipt.publicKey;
    files.set(".well-known/scitt-keys", encodeCbor([key.toCoseKey()]));
    const version = { name: "paper", version: "1", api: "1", issuer: ISSUER, origin: ORIGIN };
    files.set("version", new TextEncoder().encode(JSON.stringify(version)));
    return new PaperFolder(files);
  }

  async #body(subject: string): Promise<Uint8Array> {
    const made = this.#bodies.get(subject);
    if (made !== undefined) return made;
    const payload = new TextEncoder().encode(subject);
    const header = { contentType: "text/plain", issuer: "https://vendor.example", subject };
    const signed = await signStatement({ payload, ...header }, this.#vendor);
    const { normalised } = SignedStatement.decode(signed);
    this.#bodies.set(subject, normalised);
    return normalised;
  }

  async #record(
    point: { readonly size: number; readonly root: Uint8Array; readonly time: number },
    after: { readonly record: Uint8Array; readonly size: number } | undefined,
  ): Promise<Uint8Array> {
    const signed = await SignedCheckpoint.sign(
      { issuer: ISSUER, origin: ORIGIN, ...point },
      this.#receipt,
    );
    return encodeChainLink({
      checkpoint: signed.encode(),
      previousDigest: after === undefined ? new Uint8Array(32) : chainDigest(after.record),
      previousSize: after?.size ?? 0,
    });
  }

  async #noteOf(point: { readonly size: number; readonly root: Uint8Array }): Promise<Uint8Array> {
    const text = formatCheckpoint({ origin: ORIGIN, ...point });
    return formatNote({ text, signatures: [await signNote(text, this.#note)] });
  }
}

/** Tiles as tlog-tiles has them: every eighth level, 256 hashes each. */
class PaperTree {
  readonly #levels = new Map<number, Uint8Array[]>();

  add(
    { level, index }: { readonly level: number; readonly index: number },
    hash: Uint8Array,
  ): void {
    if (level % 8 !== 0) return;
    const hashes = this.#levels.get(level / 8) ?? [];
    hashes[index] = hash;
    this.#levels.set(level / 8, hashes);
  }

  *tiles(): Generator<[string, Uint8Array], void, undefined> {
    for (const [level, hashes] of this.#levels) {
      for (let at = 0; at < hashes.length; at += TILE_WIDTH) {
        const some = hashes.slice(at, at + TILE_WIDTH);
        const id = { level, index: at / TILE_WIDTH, width: some.length };
        yield [`tile/${formatTilePath(id)}`, new Uint8Array(Buffer.concat(some))];
      }
    }
  }
}

function lastOf(sizes: readonly number[], before: number): number {
  return Math.max(...sizes.filter((size) => size < before));
}
