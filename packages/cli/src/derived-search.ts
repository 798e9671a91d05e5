import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Term } from "@tallystick/catalog";
import { encodeHex } from "@tallystick/cose";
import { MirrorError, VerifiedReplay } from "@tallystick/mirror";
import type { ReadPath } from "@tallystick/mirror";
import type { CommittedHead, DerivedSearch } from "@tallystick/server";
import { MAX_STATEMENT_BYTES, SignedStatement, attachReceipts } from "@tallystick/statement";
import type { TrustStore } from "@tallystick/verifier";

import { CliError } from "./error.js";
import { failed } from "./file.js";
import { interruptible } from "./interrupt.js";
import { receiptFromTiles } from "./tile-receipt.js";

const MAX_BYTES = 1_048_576;

/** A log whose search index is made here, from its read path. */
export interface DerivedPlace {
  readonly path: ReadPath;
  readonly trust: TrustStore;
  /** Statements asked for at a time. */
  readonly parallel: number;
  /** Where the index lies meanwhile, in a folder of its own; the system's place for that unless given. */
  readonly temporary?: string;
}

/**
 * Lets an act have the search index of a log that is made for it, each byte held against the newest
 * checkpoint. It lies in a temporary folder meanwhile, which goes when SIGINT or SIGTERM stops it, too.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_INTERRUPTED`; MirrorError; what reading the log, and
 * the act, throw
 */
export async function withDerived<T>(
  { path, trust, parallel, temporary = tmpdir() }: DerivedPlace,
  act: (search: DerivedSearch) => Promise<T>,
): Promise<T> {
  const replay = await VerifiedReplay.open(path, { trust, parallel });
  return interruptible(async (signal) => {
    const folder = await mkdtemp(join(temporary, "tally-index-")).catch((error: unknown) => {
      throw failed(`cannot make a folder in ${temporary}`, error);
    });
    try {
      return await inFolder(join(folder, "index"), { replay, signal }, act);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

async function inFolder<T>(
  folder: string,
  { replay, signal }: { readonly replay: VerifiedReplay; readonly signal: AbortSignal },
  act: (search: DerivedSearch) => Promise<T>,
): Promise<T> {
  const { LevelStore } = await import("@tallystick/log");
  const { DerivedSearch } = await import("@tallystick/server");
  const { issuer, origin } = replay.newest.checkpoint;
  const store = await LevelStore.open(folder, { create: true });
  const options = { store, log: { issuer, origin } };
  const search = await DerivedSearch.make(options, replay, () => !signal.aborted);
  try {
    if (!signal.aborted) return await act(search);
    throw new CliError("CLI_INTERRUPTED", "stopped before the log was read, nothing was searched");
  } finally {
    await search.close();
  }
}

/**
 * Yields a completeness proof out of an index that was made here, which the newest head of the log has
 * to commit to.
 *
 * @throws AuditorError `AUDITOR_INDEX_MISMATCH`; ServerError `SERVER_HEAD_MISSING`,
 * `SERVER_LIST_TOO_LONG`; MirrorError, LogError, and as {@link receiptFromTiles}
 */
export async function derivedProof(
  place: DerivedPlace,
  search: Pick<DerivedSearch, "commitment" | "completeness">,
  term: Term,
): Promise<Uint8Array> {
  const { head, root } = (await search.commitment()) ?? {};
  if (head !== undefined && root !== undefined && encodeHex(root) !== encodeHex(head.root)) {
    const { AuditorError } = await import("@tallystick/auditor");
    const [stated, found] = [encodeHex(head.root), encodeHex(root)];
    const reason = `commits to an index of root ${stated}, and ${head.size} entries make ${found}`;
    const where = { index: head.index, entryId: encodeHex(head.entry) };
    throw new AuditorError("AUDITOR_INDEX_MISMATCH", reason, where);
  }
  return search.completeness(term, (newest) => transparentHead(place, newest));
}

async function transparentHead(
  { path, trust }: DerivedPlace,
  { entry, index }: CommittedHead,
): Promise<Uint8Array> {
  const read = async (resource: string, maxBytes = MAX_BYTES): Promise<Uint8Array> => {
    const bytes = await path.find(resource, maxBytes);
    if (bytes !== undefined) return bytes;
    throw new MirrorError("MIRROR_INCOMPLETE", `${resource} is not there`);
  };
  const { receipt } = await receiptFromTiles({ read }, { trust, entry, index });
  const statement = await read(`statements/${encodeHex(entry)}`, MAX_STATEMENT_BYTES);
  const decoded = SignedStatement.decode(statement, { isSubjectOptional: true });
  return attachReceipts(decoded, [receipt]);
}
