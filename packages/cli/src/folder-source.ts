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
import type { KeptCheckpoint, ReadPath } from "@tallystick/mirror";
import { decodeChainLink } from "@tallystick/receipt";
import { MAX_STATEMENT_BYTES } from "@tallystick/statement";
import type { WitnessPolicy } from "@tallystick/tlog";
import type { TrustStore } from "@tallystick/verifier";

const MAX_BYTES = 1_048_576;

/** Statements that are held at a time while the files are checked. */
const PARALLEL = 8;

/** An export or a mirror, as a folder or as a web server has it, to be replayed. */
export interface FolderSource {
  readonly source: LogSource;
  readonly issuer: string;
  readonly origin: string;
  /** Size of the note. */
  readonly published: number;
}

/** What such a place is held against before it is replayed. */
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
  path: ReadPath,
  from: number,
  { trust, witnesses }: FolderTrust,
): Promise<void> {
  const nothing = (): Promise<void> => Promise.resolve();
  await monitor(path, {
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
export async function folderToAudit(path: ReadPath, pins: FolderTrust): Promise<FolderSource> {
  const { newest, published } = await readHeads(new CheckedReader(path), pins);
  const { record, signed } = newest;
  const { size, issuer, origin } = signed.checkpoint;
  const kept = new KeptSizes(path, newest);
  const source: LogSource = {
    newest: () => Promise.resolve({ size, record }),
    entries: (bundle) => entriesOf(path, bundle, size),
    checkpoints: (bundle) => recordsOf(path, kept, bundle * TILE_WIDTH),
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

async function* recordsOf(
  path: ReadPath,
  kept: KeptSizes,
  first: number,
): AsyncIterable<Uint8Array> {
  for (const size of await kept.above(first)) {
    if (size > first + TILE_WIDTH) return;
    yield await recordAt(path, size);
  }
}

async function recordAt(path: ReadPath, size: number): Promise<Uint8Array> {
  const at = `checkpoints/${size}`;
  const record = decoded(at, await read(path, at), decodeCbor);
  if (record instanceof Uint8Array) return record;
  throw invalid(at, "not a byte string");
}

/** The sizes of the checkpoints that a place has: as it lists them, else as their chain names them. */
class KeptSizes {
  readonly #path: ReadPath;
  readonly #newest: KeptCheckpoint;
  // Owned by above: ascending, and from which size on they are known.
  #known: { readonly sizes: readonly number[]; readonly from: number } | undefined;

  constructor(path: ReadPath, newest: KeptCheckpoint) {
    this.#path = path;
    this.#newest = newest;
  }

  /** Yields those above a size, ascending. Whether the chain holds is for the audit to say. */
  async above(first: number): Promise<readonly number[]> {
    let known = this.#known;
    if (known === undefined || known.from > first) {
      const found = (await this.#listed()) ?? (await this.#chained(first));
      known = { sizes: found.sort((one, other) => one - other), from: first };
      this.#known = known;
    }
    return known.sizes.filter((size) => size > first);
  }

  async #listed(): Promise<number[] | undefined> {
    const names = await this.#path.list?.("checkpoints");
    return names?.filter((name) => /^[1-9][0-9]{0,15}$/.test(name)).map(Number);
  }

  async #chained(first: number): Promise<number[]> {
    const sizes = [this.#newest.signed.checkpoint.size];
    let size = this.#newest.link.previousSize;
    while (size > first) {
      if (size >= (sizes.at(-1) ?? 0)) throw invalid(`checkpoints/${size}`, "not before the next");
      sizes.push(size);
      size = decodeChainLink(await recordAt(this.#path, size)).previousSize;
    }
    return sizes;
  }
}

async function read(path: ReadPath, resource: string, maxBytes = MAX_BYTES): Promise<Uint8Array> {
  const bytes = await path.find(resource, maxBytes);
  if (bytes !== undefined) return bytes;
  throw new MirrorError("MIRROR_INCOMPLETE", `${resource} is not there`);
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
