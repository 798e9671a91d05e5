import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { encodeHex } from "@tallystick/cose";
import { decodeBundle, HASH_BYTES, sha256 } from "@tallystick/merkle";
import type { Checkpoint } from "@tallystick/receipt";

import { AnchorFile, type AnchorRecord, type AnchorState } from "../anchor.js";
import { type AnchorContent, encodeAnchorRecord, isFreeze } from "../anchor-record.js";
import { bundleKey, concat, HEAD_KEY, openRow } from "../layout.js";
import { decodeHead, type Frozen } from "../record.js";
import { decodeStated } from "../stated.js";
import type { Row } from "../store.js";
import { numberOf } from "./entries.js";

const ID_BYTES = 8;
const TORN_BYTES = 100;
const ZEROS = new Uint8Array(HASH_BYTES);

/** What a store holds on disk, at one moment. Immutable; equal content has an equal id. */
export class StoreImage {
  static readonly EMPTY: StoreImage = new StoreImage(new Map());

  /** By key in hex, whose text order is the byte order of the keys. */
  readonly rows: ReadonlyMap<string, Uint8Array>;
  readonly id: string;
  /** Tree size that the head states, 0 without one. */
  readonly size: number;
  #tree: { readonly entries: readonly number[]; readonly time: number } | undefined;

  private constructor(rows: ReadonlyMap<string, Uint8Array>) {
    this.rows = rows;
    this.id = idOf([...rows].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(partsOf));
    this.size = statedBy(rows)?.size ?? 0;
  }

  /** The entries of the tree and the time of its checkpoint, as they are stored. */
  get tree(): { readonly entries: readonly number[]; readonly time: number } {
    this.#tree ??= { entries: entriesIn(this.rows), time: statedBy(this.rows)?.time ?? 0 };
    return this.#tree;
  }

  /** Yields the image after a write of rows. */
  with(rows: readonly Row[]): StoreImage {
    const written = rows.map(({ key, value }) => [encodeHex(key), value.slice()] as const);
    return new StoreImage(new Map([...this.rows, ...written]));
  }
}

/** What the file of an anchor holds at one moment; none if there is no file. */
export class AnchorImage {
  static readonly MISSING: AnchorImage = new AnchorImage(undefined);

  readonly bytes: Uint8Array | undefined;
  readonly id: string;

  constructor(bytes: Uint8Array | undefined) {
    this.bytes = bytes;
    this.id = bytes === undefined ? "missing" : idOf([bytes]);
  }
}

/** All that is durable, and the clock. */
export interface Site {
  readonly store: StoreImage;
  readonly anchor: AnchorImage;
  /** Seconds since the epoch. */
  readonly clock: number;
}

/** Yields the name of what is durable at a site; the clock is no part of it. */
export function pairOf({ store, anchor }: Site): string {
  return `${store.id}/${anchor.id}`;
}

/** What {@link AnchorFile} makes of an image. */
export interface OpenedAnchor {
  readonly newest: AnchorRecord | undefined;
  readonly frozen: Frozen | undefined;
  readonly state: AnchorState;
  readonly records: readonly AnchorRecord[];
}

/** What an append can leave behind. */
export interface AnchorAppend {
  readonly whole: AnchorImage;
  /** A torn record before it is cut off, and nothing in its place yet. */
  readonly cut: AnchorImage;
  /** A few bytes of the record; all but its last; as many zeros as it has bytes. */
  readonly torn: AnchorImage;
  readonly tornLate: AnchorImage;
  readonly blank: AnchorImage;
}

/**
 * Reads and writes images with the real {@link AnchorFile}, through a file of its own. What comes of
 * an image is the same every time, so each is worked out once.
 */
export class AnchorFiles {
  readonly #directory: string;
  // Owned by open and append.
  readonly #opened = new Map<string, Promise<OpenedAnchor>>();
  readonly #appended = new Map<string, Promise<AnchorAppend>>();
  #count = 0;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async make(): Promise<AnchorFiles> {
    return new AnchorFiles(await mkdtemp(join(tmpdir(), "tallystick-explore-")));
  }

  /** Removes the files. */
  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true });
  }

  /** Yields the image of a new anchor. */
  async create(): Promise<AnchorImage> {
    const path = this.#path();
    await (await AnchorFile.open(path, { create: true })).close();
    return new AnchorImage(await readFile(path));
  }

  open(image: AnchorImage): Promise<OpenedAnchor> {
    return once(this.#opened, image.id, () =>
      this.#with(image, async (file) => {
        const records: AnchorRecord[] = [];
        for await (const record of file.records()) records.push(record);
        return { newest: file.newest, frozen: file.frozen, state: file.state, records };
      }),
    );
  }

  append(image: AnchorImage, content: AnchorContent): Promise<AnchorAppend> {
    const name = `${image.id} ${idOf([encodeAnchorRecord(content, ZEROS)])}`;
    return once(this.#appended, name, () =>
      this.#with(image, async (file, path) => {
        await (isFreeze(content) ? file.appendFreeze(content) : file.append(content));
        // A copy: the slices of a Buffer are views on it.
        const bytes = new Uint8Array(await readFile(path));
        const end = bytes.length - encodeAnchorRecord(content, ZEROS).length;
        const until = (length: number): AnchorImage => new AnchorImage(bytes.slice(0, length));
        return {
          whole: until(bytes.length),
          cut: until(end),
          torn: until(end + TORN_BYTES),
          tornLate: until(bytes.length - 1),
          blank: new AnchorImage(bytes.slice().fill(0, end)),
        };
      }),
    );
  }

  async #with<T>(
    { bytes }: AnchorImage,
    act: (file: AnchorFile, path: string) => Promise<T>,
  ): Promise<T> {
    const path = this.#path();
    if (bytes !== undefined) await writeFile(path, bytes);
    const file = await AnchorFile.open(path);
    try {
      return await act(file, path);
    } finally {
      await file.close();
    }
  }

  #path(): string {
    return join(this.#directory, `anchor-${++this.#count}`);
  }
}

/** Yields a short name for bytes, the same for the same bytes. */
export function idOf(parts: readonly Uint8Array[]): string {
  return encodeHex(sha256(concat(...parts))).slice(0, 2 * ID_BYTES);
}

function statedBy(rows: ReadonlyMap<string, Uint8Array>): Checkpoint | undefined {
  const payload = payloadIn(rows, HEAD_KEY);
  return payload && decodeStated(decodeHead(payload).checkpoint);
}

// A model's tree fits one bundle.
function entriesIn(rows: ReadonlyMap<string, Uint8Array>): readonly number[] {
  const payload = payloadIn(rows, bundleKey(0));
  return payload === undefined ? [] : decodeBundle(payload).map(numberOf);
}

function payloadIn(rows: ReadonlyMap<string, Uint8Array>, key: Uint8Array): Uint8Array | undefined {
  const value = rows.get(encodeHex(key));
  return value && openRow({ key, value });
}

function partsOf([key, value]: readonly [string, Uint8Array]): readonly Uint8Array[] {
  const name = new TextEncoder().encode(`${key} ${value.length} `);
  return [name, value];
}

function once<T>(known: Map<string, Promise<T>>, name: string, make: () => Promise<T>): Promise<T> {
  const made = known.get(name) ?? make();
  known.set(name, made);
  return made;
}
