import { openRow, sealRow } from "../layout.js";
import { MemoryStore } from "../memory.js";
import type { LogReport } from "../report.js";
import { appendAll, createLog, request } from "./bench.js";

/** Yields 600 entries, in rounds that end at 1, 301, 302 and 600; control entries at 0 and 301. */
export async function storeOf600(): Promise<MemoryStore> {
  const store = new MemoryStore();
  const log = await createLog(store);
  await appendAll(log, 1, 301);
  await log.append(request(301, { control: true }));
  await appendAll(log, 302, 600);
  return store;
}

/** Yields the payload of a row that is there. */
export async function payloadOf(store: MemoryStore, rowKey: Uint8Array): Promise<Uint8Array> {
  const value = await store.get(rowKey);
  if (value === undefined) throw new Error("no such row");
  return openRow({ key: rowKey, value });
}

/** Puts a payload past the log, under a checksum that fits. */
export function put(store: MemoryStore, rowKey: Uint8Array, payload: Uint8Array): void {
  store.damage(rowKey, sealRow(rowKey, payload).value);
}

/** Yields the kind and the place of each problem. */
export function kindsOf({ problems }: LogReport): readonly string[] {
  return problems.map(({ kind, where }) => `${kind} ${where}`);
}
