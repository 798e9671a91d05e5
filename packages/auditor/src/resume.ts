import { encodeBase64url, encodeHex } from "@tallystick/cose";
import { HASH_BYTES, MerkleError, RightEdge } from "@tallystick/merkle";
import type { Checkpoint } from "@tallystick/receipt";

import { CheckpointChain } from "./checkpoint-chain.js";
import { readEntry } from "./entry.js";
import { EntryTable } from "./entry-table.js";
import { AuditorError } from "./error.js";
import { IndexAudit } from "./index-audit.js";
import { indexPartsOf, indexStateOf } from "./index-state.js";
import { Ledger } from "./ledger.js";
import { PolicyHistory } from "./policy-history.js";
import type { Replay, ReplayStart } from "./replay.js";
import type { AuditTrust } from "./source.js";
import { AuditState, invalid } from "./state.js";
import type { AuditStateParts } from "./state.js";

const SIGNER_BYTES = 4;

/** Yields what a replay can be gone on from; `undefined` before its first checkpoint. */
export function stateOf(replay: Replay): AuditState | undefined {
  const { chain, edge, history, index, ledger } = replay;
  const { last } = chain;
  const { issuer, origin } = chain.name;
  if (last === undefined || issuer === undefined || origin === undefined) return undefined;
  const { table, signers } = ledger;
  const entries = new Uint8Array(table.size * HASH_BYTES);
  const signerOf = new Uint8Array(table.size * SIGNER_BYTES);
  const view = new DataView(signerOf.buffer);
  for (let index = 0; index < table.size; index++) {
    entries.set(table.digest(index), index * HASH_BYTES);
    view.setUint32(index * SIGNER_BYTES, table.signer(index));
  }
  const { uncovered, sums } = replay;
  return new AuditState({
    ...{ issuer, origin, last, uncovered, sums, entries, signers, signerOf },
    keys: chain.signers,
    size: edge.size,
    index: indexStateOf(index.parts),
    edge: edge.hashes(),
    controls: history.controls.map(({ index, source }) => ({ index, ...source })),
  });
}

/**
 * Yields where a replay goes on from a state: of this log, of which every checkpoint so far is signed
 * with one of these keys. The policies are decided on again, from the control entries in the state.
 *
 * @throws {@link AuditorError} `AUDITOR_STATE_INVALID`
 */
export async function resumedStart({ parts }: AuditState, trust: AuditTrust): Promise<ReplayStart> {
  const { issuer, origin, last, keys, size } = parts;
  if ((trust.issuer ?? issuer) !== issuer || (trust.origin ?? origin) !== origin) {
    throw invalid(`it is of ${issuer}, log ${origin}`);
  }
  requirePinned([...keys, last.key], trust);
  requireWithin({ issuer, origin, ...last }, last.key, trust);
  if (
    size < 1 ||
    last.size > size ||
    parts.entries.length !== size * HASH_BYTES ||
    parts.signerOf.length !== size * SIGNER_BYTES
  ) {
    throw invalid("its parts are not of one size");
  }
  const { uncovered, sums } = parts;
  return {
    chain: new CheckpointChain({ ...trust, issuer, origin }, { last, keys }),
    history: await historyOf(parts),
    ledger: ledgerOf(parts),
    index: new IndexAudit(indexPartsOf(parts.index, parts.entries)),
    edge: edgeOf(parts),
    ...{ uncovered, sums },
  };
}

// A fresh run would refuse the first checkpoint by a key that is not pinned any more.
function requirePinned(keys: readonly Uint8Array[], { receiptKeys }: AuditTrust): void {
  const pinned = new Set(receiptKeys.map((key) => encodeHex(key.thumbprint())));
  const missing = keys.find((key) => !pinned.has(encodeHex(key)));
  if (missing === undefined) return;
  const name = encodeBase64url(missing);
  throw invalid(`checkpoints in it are signed with the key ${name}, which is not pinned`);
}

// A key may have been retired since the state was saved.
function requireWithin(last: Checkpoint, thumbprint: Uint8Array, trust: AuditTrust): void {
  const name = encodeHex(thumbprint);
  const key = trust.receiptKeys.find((one) => encodeHex(one.thumbprint()) === name);
  try {
    if (key !== undefined) trust.requireWithin?.(key, last);
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw invalid(cause.message, cause);
  }
}

function ledgerOf({ size, entries, signerOf, signers }: AuditStateParts): Ledger {
  const table = new EntryTable();
  const view = new DataView(signerOf.buffer, signerOf.byteOffset, signerOf.length);
  for (let index = 0; index < size; index++) {
    const entry = entries.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
    table.add(entry, view.getUint32(index * SIGNER_BYTES));
  }
  return new Ledger(table, signers);
}

function edgeOf({ size, edge }: AuditStateParts): RightEdge {
  try {
    return RightEdge.from(size, edge);
  } catch (cause) {
    if (!(cause instanceof MerkleError)) throw cause;
    throw invalid(cause.message, cause);
  }
}

async function historyOf({ controls, entries }: AuditStateParts): Promise<PolicyHistory> {
  const history = new PolicyHistory();
  try {
    for (const { index, ...source } of controls) {
      const entry = readEntry(source, index);
      const at = entries.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
      if (encodeHex(at) !== entry.statement.entryId)
        throw invalid("its policies are of another log");
      history.advance(entry, await history.decide(entry, await history.verify(entry)));
    }
  } catch (cause) {
    if (!(cause instanceof AuditorError) || cause.code === "AUDITOR_STATE_INVALID") throw cause;
    throw invalid(cause.message, cause);
  }
  if (history.count === 0) throw invalid("it has no policy");
  return history;
}
