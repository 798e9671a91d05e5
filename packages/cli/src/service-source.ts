import type { LogSource, SourceEntry } from "@tallystick/auditor";
import { ClientError } from "@tallystick/client";
import { CoseError, decodeCbor, isCborArray } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { ReceiptError, SignedCheckpoint, decodeChainLink } from "@tallystick/receipt";
import type { AuditTrust } from "@tallystick/auditor";

import type { Access } from "./access.js";
import { SequenceReader } from "./sequence.js";

/** Longest time for the first bytes of an answer, and between two pieces of one. */
const TIMEOUT_MS = 30_000;

/** Yields the log of a running service; docs/formats/replay.md describes what it gives. */
export function sourceOfService(
  url: string,
  { receiptKeys }: AuditTrust,
  access: Access = {},
): LogSource {
  const base = url.endsWith("/") ? url : `${url}/`;
  return {
    newest: async () => {
      for await (const item of sequence(new URL("checkpoints/latest", base), access)) {
        const record = bytesIn(item);
        return { size: await sizeIn(record, receiptKeys), record };
      }
      throw new ClientError("CLIENT_PROTOCOL", "no newest checkpoint");
    },
    async *entries(bundle) {
      for await (const item of sequence(new URL(`replay/entries/${bundle}`, base), access)) {
        yield entryIn(item);
      }
    },
    async *checkpoints(bundle) {
      for await (const item of sequence(new URL(`replay/checkpoints/${bundle}`, base), access)) {
        yield bytesIn(item);
      }
    },
  };
}

async function* sequence(
  url: URL,
  { token, fetch: ask = (asked, init) => fetch(asked, init) }: Access,
): AsyncIterable<CborValue> {
  const controller = new AbortController();
  let timer = setTimeout(() => undefined);
  const expect = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      controller.abort();
    }, TIMEOUT_MS);
  };
  try {
    expect();
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const { signal } = controller;
    const response = await ask(url.href, { signal, redirect: "error", headers });
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      throw new ClientError("CLIENT_REFUSED", `${url.pathname}: status ${response.status}`);
    }
    const reader = new SequenceReader();
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      for (const item of reader.take(piece)) yield decodeItem(item);
      expect();
    }
    if (!reader.isEmpty) throw new ClientError("CLIENT_PROTOCOL", "the answer is cut short");
  } catch (cause) {
    if (cause instanceof ClientError || !(cause instanceof Error)) throw cause;
    const code = controller.signal.aborted ? "CLIENT_TIMEOUT" : "CLIENT_UNREACHABLE";
    throw new ClientError(code, `${url.pathname}: ${cause.message}`, { cause });
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}

function decodeItem(item: Uint8Array): CborValue {
  try {
    return decodeCbor(item, { maxBytes: item.length });
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new ClientError("CLIENT_PROTOCOL", cause.message, { cause });
  }
}

function entryIn(item: CborValue): SourceEntry {
  const [statement, collateral] = isCborArray(item) && item.length === 2 ? item : [];
  return { statement: bytesIn(statement), collateral: bytesIn(collateral) };
}

function bytesIn(item: CborValue | undefined): Uint8Array {
  if (item instanceof Uint8Array) return item;
  throw new ClientError("CLIENT_PROTOCOL", "the answer is not of the form of a replay");
}

// The size is what the checkpoint says, once one of the pinned keys has signed it.
async function sizeIn(record: Uint8Array, keys: AuditTrust["receiptKeys"]): Promise<number> {
  let refusal: ReceiptError | undefined;
  for (const key of keys) {
    try {
      const { checkpoint } = decodeChainLink(record);
      return (await SignedCheckpoint.verify(checkpoint, key)).checkpoint.size;
    } catch (error) {
      if (!(error instanceof ReceiptError)) throw error;
      refusal = error;
    }
  }
  // The audit says so with its own words, whatever the size.
  if (refusal !== undefined) return 0;
  throw new TypeError("no receipt key");
}
