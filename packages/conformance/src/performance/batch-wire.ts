import { once } from "node:events";
import { Agent, request } from "node:http";
import type { IncomingMessage } from "node:http";

import { decodeFirst } from "cborg";

/** Media type of a batch and of its answer. */
const SEQUENCE = "application/cbor-seq";

/** One kept connection to the batch endpoint. */
export class BatchWire {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  /** Takes the address of the endpoint. */
  constructor(url: string) {
    this.#url = url;
  }

  /** Sends a sequence of statements, and yields that of their results, or the status if it failed. */
  async post(body: Uint8Array): Promise<number | Uint8Array> {
    const headers = { "content-type": SEQUENCE, "content-length": body.length };
    const sent = request(this.#url, { method: "POST", headers, agent: this.#agent });
    const answered = once(sent, "response") as Promise<[IncomingMessage]>;
    sent.end(body);
    const [response] = await answered;
    const parts: Uint8Array[] = [];
    for await (const part of response as AsyncIterable<Uint8Array>) parts.push(part);
    const { statusCode = 0 } = response;
    return statusCode === 200 ? Buffer.concat(parts) : statusCode;
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Yields the second member of each item of a sequence of results. */
export function statusesIn(sequence: Uint8Array): readonly number[] {
  const statuses: number[] = [];
  for (let rest = sequence; rest.length > 0;) {
    const [item, after] = decodeFirst(rest, { useMaps: true }) as [unknown, Uint8Array];
    statuses.push(Array.isArray(item) ? Number(item[1]) : 0);
    rest = after;
  }
  return statuses;
}
