import { appendFileSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { KIND } from "../layout.js";
import type { Row, Store } from "../store.js";

// What is held of one file before it is written out; there are some six hundred files.
const BUFFER_BYTES = 64 * 1024;
const BATCH_BYTES = 4 * 1024 * 1024;
const HEAD_BYTES = 6;

// Bytes at the end of a key that tell the rows of one file apart. Digests are spread evenly over 256
// files, bundles and tiles come in their order, 256 to a file, and bodies 65,536.
const OWN_BYTES: Readonly<Record<string, number>> = {
  [KIND.digest]: 31,
  [KIND.body]: 2,
  [KIND.checkpoint]: 2,
};

interface Open {
  readonly buffer: Buffer;
  length: number;
}

/**
 * Sorts more rows than memory holds, through files. A store that is given its rows in the order of
 * their keys has nothing to merge, which is nearly all that a large load costs. Of rows with one key
 * the last stays.
 */
export class RowSorter {
  readonly #folder: string;
  // Owned by add: by name of the file.
  readonly #open = new Map<string, Open>();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Yields an empty one, whose files lie in a new folder in `parent`. */
  static async make(parent: string = tmpdir()): Promise<RowSorter> {
    return new RowSorter(await mkdtemp(join(parent, "tally-rows-")));
  }

  add({ key, value }: Row): void {
    const own = OWN_BYTES[String.fromCharCode(key[0] ?? 0)] ?? 1;
    const name = Buffer.from(key.subarray(0, Math.max(1, key.length - own))).toString("hex");
    const length = HEAD_BYTES + key.length + value.length;
    const open = this.#openAt(name);
    if (open.length + length > open.buffer.length) this.#flush(name, open);
    if (length > open.buffer.length) {
      const alone = { buffer: Buffer.alloc(length), length: 0 };
      put(alone, { key, value });
      this.#flush(name, alone);
    } else {
      put(open, { key, value });
    }
  }

  /** Writes everything to a store, which syncs each batch, and removes the files. */
  async writeTo(store: Pick<Store, "write">): Promise<void> {
    for (const [name, open] of this.#open) this.#flush(name, open);
    this.#open.clear();
    let batch: Row[] = [];
    let bytes = 0;
    for (const name of readdirSync(this.#folder).sort()) {
      for (const row of sorted(readFileSync(join(this.#folder, name)))) {
        batch.push(row);
        bytes += row.key.length + row.value.length;
        if (bytes < BATCH_BYTES) continue;
        await store.write(batch);
        [batch, bytes] = [[], 0];
      }
      rmSync(join(this.#folder, name));
    }
    if (batch.length > 0) await store.write(batch);
    this.remove();
  }

  /** Removes the files, also those that were not written to a store. */
  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #openAt(name: string): Open {
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    const open = { buffer: Buffer.alloc(BUFFER_BYTES), length: 0 };
    this.#open.set(name, open);
    return open;
  }

  #flush(name: string, open: Open): void {
    if (open.length === 0) return;
    appendFileSync(join(this.#folder, name), open.buffer.subarray(0, open.length));
    open.length = 0;
  }
}

function put(open: Open, { key, value }: Row): void {
  const { buffer } = open;
  buffer.writeUInt16BE(key.length, open.length);
  buffer.writeUInt32BE(value.length, open.length + 2);
  buffer.set(key, open.length + HEAD_BYTES);
  buffer.set(value, open.length + HEAD_BYTES + key.length);
  open.length += HEAD_BYTES + key.length + value.length;
}

function sorted(bytes: Buffer): readonly Row[] {
  const rows: Row[] = [];
  for (let at = 0; at < bytes.length;) {
    const keyEnd = at + HEAD_BYTES + bytes.readUInt16BE(at);
    const end = keyEnd + bytes.readUInt32BE(at + 2);
    rows.push({
      key: bytes.subarray(at + HEAD_BYTES, keyEnd),
      value: bytes.subarray(keyEnd, end),
    });
    at = end;
  }
  rows.sort((a, b) => Buffer.compare(a.key, b.key));
  return rows.filter(({ key }, i) => Buffer.compare(key, rows[i + 1]?.key ?? EMPTY) !== 0);
}

const EMPTY = new Uint8Array();
