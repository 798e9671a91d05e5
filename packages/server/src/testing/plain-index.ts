import { EMPTY_LIST, extendList, isCommitted, termKey, termsOf } from "@tallystick/catalog";
import type { ListState } from "@tallystick/catalog";
import { MENTIONS_EDITION, MENTION_KINDS, MENTION_ROLES, mentionsIn } from "@tallystick/content";
import { concatBytes, decodeHex, digest, encodeCbor, encodeHex } from "@tallystick/cose";
import { MemoryStore, sealRow } from "@tallystick/log";
import type { Row } from "@tallystick/log";
import type { SignedStatement } from "@tallystick/statement";

const KINDS = ["issuer", "subject", "contentType"] as const;

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
  const lists = new Map<string, { readonly number: number; readonly list: ListState }>();
  let members = 0;
  for (const [index, statement] of statements.entries()) {
    const { entry } = statement;
    const terms = termsOf(statement);
    const valueOf = (wanted: string): string | undefined =>
      terms.find(({ kind }) => kind === wanted)?.value;
    const payload = decodeHex(valueOf("payload") ?? "");
    const facts = encodeCbor([entry, ...KINDS.map((kind) => valueOf(kind) ?? null), payload]);
    const rows = [
      sealRow(keyOf("E", ordinal(index)), facts),
      { key: keyOf("D", payload.slice(0, 8), ordinal(index)), value: new Uint8Array() },
      ...spokenRows(index, statement),
    ];
    for (const term of terms) {
      if (term.kind === "payload") continue;
      const key = termKey(term);
      const isNamed = isCommitted(term.kind);
      const before = lists.get(encodeHex(key));
      const { number, list } = before ?? { number: lists.size, list: EMPTY_LIST };
      const after = isNamed
        ? extendList(list, { index, entry })
        : { count: list.count + 1, digest: new Uint8Array(32) };
      if (isNamed && before === undefined) members++;
      lists.set(encodeHex(key), { number, list: after });
      const listed = keyOf("L", ordinal(number), ordinal(index));
      const count = ordinal(after.count);
      if (after.count % 8 > 0) rows.push({ key: listed, value: new Uint8Array() });
      else rows.push(sealRow(listed, concatBytes([count, after.digest])));
      const state = concatBytes([ordinal(number), count, ordinal(index), after.digest]);
      rows.push(sealRow(keyOf(isNamed ? "K" : "T", key), state));
    }
    await store.write(rows);
  }
  const [first, last] = [statements[0]?.entry ?? null, statements.at(-1)?.entry ?? null];
  const state = encodeCbor([
    ...[`tallystick-search/5.${MENTIONS_EDITION}`, statements.length, lists.size, members],
    ...[first, last, null],
  ]);
  const times = checkpoints.map(({ size, time }) =>
    sealRow(keyOf("C", ordinal(size)), number(time)),
  );
  await store.write([...times, sealRow(keyOf("S"), state)]);
  return store.rows();
}

function spokenRows(index: number, statement: SignedStatement): readonly Row[] {
  const { list, isWhole } = mentionsIn(statement);
  const rows = list.map(({ kind, value, roles }) => {
    const preimage = concatBytes([
      ...[new TextEncoder().encode("tallystick-mention/1\0")],
      ...[Uint8Array.of(MENTION_KINDS.indexOf(kind)), new TextEncoder().encode(value)],
    ]);
    const key = digest("sha-256", preimage).slice(0, 16);
    const bits = roles.reduce((sum, role) => sum + 2 ** MENTION_ROLES.indexOf(role), 0);
    return sealRow(keyOf("A", key, ordinal(index)), Uint8Array.of(bits >> 8, bits & 0xff));
  });
  return isWhole ? rows : [...rows, sealRow(keyOf("P", ordinal(index)), statement.entry)];
}

function keyOf(kind: string, ...rest: readonly Uint8Array[]): Uint8Array {
  return concatBytes([new TextEncoder().encode(kind), ...rest]);
}

function number(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** How many bytes a number takes, and those. */
function ordinal(value: number): Uint8Array {
  const bytes = number(value);
  const from = bytes.findIndex((byte) => byte !== 0);
  const shortest = from === -1 ? new Uint8Array() : bytes.slice(from);
  return concatBytes([Uint8Array.of(shortest.length), shortest]);
}
