import { EMPTY_LIST, extendList, isCommitted, termKey, termsOf } from "@tallystick/catalog";
import type { ListState } from "@tallystick/catalog";
import { MENTIONS_EDITION, mentionsIn } from "@tallystick/content";
import { concatBytes, encodeCbor, encodeHex } from "@tallystick/cose";
import { MemoryStore, sealRow } from "@tallystick/log";
import type { Row } from "@tallystick/log";
import type { SignedStatement } from "@tallystick/statement";

import { mentionKeysOf, mentionRows } from "../search/mention-rows.js";

const KINDS = ["issuer", "subject", "contentType", "payload"] as const;

/** A checkpoint of a log that is indexed. */
export interface PlainCheckpoint {
  readonly size: number;
  readonly time: number;
}

/**
 * Yields the rows of a search index of statements without a head among them, in the order of their
 * keys, made entry after entry as the layout says and in no other way: what the index is held against.
 */
export async function plainIndex(
  statements: readonly SignedStatement[],
  checkpoints: readonly PlainCheckpoint[],
): Promise<readonly Row[]> {
  const store = new MemoryStore();
  const lists = new Map<string, ListState>();
  let members = 0;
  for (const [index, statement] of statements.entries()) {
    const { entry } = statement;
    const terms = termsOf(statement);
    const values = KINDS.map((wanted) => terms.find(({ kind }) => kind === wanted)?.value ?? null);
    const facts = encodeCbor([entry, ...values]);
    const rows = [sealRow(keyOf("E", number(index)), facts)];
    rows.push(...mentionRows({ index, entry }, mentionKeysOf(mentionsIn(statement))));
    for (const term of terms) {
      const key = termKey(term);
      const list = extendList(lists.get(encodeHex(key)) ?? EMPTY_LIST, { index, entry });
      lists.set(encodeHex(key), list);
      const count = number(list.count);
      const listed = concatBytes([entry, count, list.digest]);
      rows.push(sealRow(keyOf("L", key, number(index)), listed));
      rows.push(sealRow(keyOf("K", key), concatBytes([count, list.digest, number(index)])));
      if (list.count > 1 || !isCommitted(term.kind)) continue;
      rows.push(sealRow(keyOf("M", key), new Uint8Array()));
      members++;
    }
    await store.write(rows);
  }
  const [first, last] = [statements[0]?.entry ?? null, statements.at(-1)?.entry ?? null];
  const state = encodeCbor([
    ...[`tallystick-search/4.${MENTIONS_EDITION}`, statements.length, members],
    ...[first, last, null],
  ]);
  const times = checkpoints.map(({ size, time }) =>
    sealRow(keyOf("C", number(size)), number(time)),
  );
  await store.write([...times, sealRow(keyOf("S"), state)]);
  return store.rows();
}

function keyOf(kind: string, ...rest: readonly Uint8Array[]): Uint8Array {
  return concatBytes([new TextEncoder().encode(kind), ...rest]);
}

function number(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
