import { readdir } from "node:fs/promises";
import { join } from "node:path";

import type { LogSource, SourceEntry } from "@tallystick/auditor";
import { CoseError, decodeCbor, encodeHex } from "@tallystick/cose";
import {
  MerkleError,
  TILE_WIDTH,
  decodeBundle,
  formatBundlePath,
  tileWidth,
} from "@tallystick/merkle";
import { CheckedReader, FRESH_STATE, MirrorError, monitor, readHeads } from "@tallystick/mirror";
import type { ReadPath } from "@tallystick/mirror";
import { MAX_STATEMENT_BYTES } from "@tallystick/statement";
import type { WitnessPolicy } from "@tallystick/tlog";
import type { TrustStore } from "@tallystick/verifier";

import { failed } from "./file.js";
import { folderPath } from "./read-path.js";

const MAX_BYTES = 1_048_576;

/** Statements that are held at a time while the files are checked. */
const PARALLEL = 8;

/** An export or a mirror, to be replayed. */
export interface FolderSource {
  readonly source: LogSource;
  readonly issuer: string;
  readonly origin: string;
  /** Size of the note. */
  readonly published: number;
}

/** What a folder is held against before it is replayed. */
export interface FolderTrust {
  readonly trust: TrustStore;
  /** Whose cosignatures the published note needs. */
  readonly witnesses: WitnessPolicy | undefined;
}

/**
 * Checks what an audit does not replay, which others read: all notes and chain records, and from an index
 * on tiles and bundles of every width that is there, statements, policies and the form of collateral.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`; MirrorError
 */
export async function checkFolder(
  dir: string,
  from: number,
  { trust, witnesses }: FolderTrust,
): Promise<void> {
  const nothing = (): Promise<void> => Promise.resolve();
  await monitor(folderPath(dir), {
    ...{ trust, witnesses, from, state: FRESH_STATE, parallel: PARALLEL },
    ...{ onEntries: nothing, onState: nothing },
  });
}

/**
 * Opens an export or a mirror to be replayed. Its newest checkpoint holds in both forms under pinned
 * keys; whatever else is in it is for the audit to judge, and for {@link checkFolder}.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`; MirrorError as `readHeads`
 */
export async function folderToAudit(dir: string, pins: FolderTrust): Promise<FolderSource> {
  const path = folderPath(dir);
  const { newest, published } = await readHeads(new CheckedReader(path), pins);
  const { record, signed } = newest;
  const { size, issuer, origin } = signed.checkpoint;
  const sizes = await sizesIn(join(dir, "checkpoints"));
  const source: LogSource = {
    newest: () => Promise.resolve({ size, record }),
    entries: (bundle) => entriesOf(path, bundle, size),
    checkpoints: (bundle) => {
      const first = bundle * TILE_WIDTH;
      const within = sizes.filter((one) => one > first && one <= first + TILE_WIDTH);
      return recordsOf(path, within);
    },
  };
  return { source, issuer, origin, published: published.signed.checkpoint.size };
}

async function* entriesOf(
  path: ReadPath,
  bundle: number,
  size: number,
): AsyncIterable<SourceEntry> {
  const at = `tile/entries/${formatBundlePath(bundle, tileWidth(0, bundle, size))}`;
  const entries = decoded(at, await read(path, at), decodeBundle);
  for (const id of entries.map(encodeHex)) {
    yield {
      statement: await read(path, `statements/${id}`, MAX_STATEMENT_BYTES),
      collateral: await read(path, `entries/${id}/collateral`),
    };
  }
}

async function* recordsOf(path: ReadPath, sizes: readonly number[]): AsyncIterable<Uint8Array> {
  for (const size of sizes) {
    const at = `checkpoints/${size}`;
    const record = decoded(at, await read(path, at), decodeCbor);
    if (!(record instanceof Uint8Array)) throw invalid(at, "not a byte string");
    yield record;
  }
}

async function read(path: ReadPath, resource: string, maxBytes = MAX_BYTES): Promise<Uint8Array> {
  const bytes = await path.find(resource, maxBytes);
  if (bytes !== undefined) return bytes;
  throw new MirrorError("MIRROR_INCOMPLETE", `${resource} is not there`);
}

async function sizesIn(folder: string): Promise<readonly number[]> {
  try {
    const names = await readdir(folder);
    const sizes = names.filter((name) => /^[1-9][0-9]{0,15}$/.test(name)).map(Number);
    return sizes.sort((one, other) => one - other);
  } catch (error) {
    throw failed(`cannot read ${folder}`, error);
  }
}

function decoded<T>(at: string, bytes: Uint8Array, decode: (bytes: Uint8Array) => T): T {
  try {
    return decode(bytes);
  } catch (cause) {
    if (!(cause instanceof MerkleError) && !(cause instanceof CoseError)) throw cause;
    throw invalid(at, cause.message, { cause });
  }
}

function invalid(at: string, why: string, options: ErrorOptions = {}): MirrorError {
  return new MirrorError("MIRROR_TILE_INVALID", `${at}: ${why}`, options);
}
