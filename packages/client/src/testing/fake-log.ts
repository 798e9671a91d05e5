import { digest, encodeCbor } from "@tallystick/cose";
import type { Signer } from "@tallystick/cose";
import { SignedCheckpoint, encodeChainLink, issueConsistencyReceipt } from "@tallystick/receipt";
import type { ForkProof } from "@tallystick/receipt";

import { ISSUER, ORIGIN } from "./scene.js";
import { answer, cose } from "./wire.js";

export const TIME = 1_700_000_000;

type Answer = ReturnType<typeof answer>;

/** A log as a service would show it, whose entries differ from those of the others from `differsFrom` on. */
export class FakeLog {
  readonly #key: Signer;
  readonly #differsFrom: number;

  constructor(key: Signer, differsFrom?: number) {
    this.#key = key;
    this.#differsFrom = differsFrom ?? Infinity;
  }

  checkpoint(size: number, time: number = TIME + size): Promise<SignedCheckpoint> {
    const checkpoint = { issuer: ISSUER, origin: ORIGIN, size, root: this.#hash(0, size), time };
    return SignedCheckpoint.sign(checkpoint, this.#key);
  }

  async record(size: number, time?: number): Promise<Answer> {
    const checkpoint = (await this.checkpoint(size, time)).encode();
    const link = { checkpoint, previousDigest: new Uint8Array(32), previousSize: 0 };
    return answer(200, { "content-type": "application/cbor" }, encodeCbor(encodeChainLink(link)));
  }

  async consistency(oldSize: number, newSize: number): Promise<Answer> {
    const path = this.#subproof(oldSize, 0, newSize);
    const signed = await this.checkpoint(newSize);
    return cose(200, issueConsistencyReceipt(signed, { oldSize, newSize, path }));
  }

  /** What its tiles say of a tree of `newSize` entries at a smaller size. */
  beginning(oldSize: number, newSize: number): ForkProof {
    return { root: this.#hash(0, oldSize), path: this.#subproof(oldSize, 0, newSize) };
  }

  // RFC 9162 §2.1.1, as the RFC writes it down.
  #hash(start: number, end: number): Uint8Array {
    if (end - start === 1) {
      return sha256(0, Uint8Array.of(start, start >= this.#differsFrom ? 1 : 0));
    }
    const middle = start + split(end - start);
    return sha256(1, this.#hash(start, middle), this.#hash(middle, end));
  }

  // RFC 9162 §2.1.4.1.
  #subproof(old: number, start: number, end: number): Uint8Array[] {
    if (old === end) return start === 0 ? [] : [this.#hash(start, end)];
    const middle = start + split(end - start);
    return old <= middle
      ? [...this.#subproof(old, start, middle), this.#hash(middle, end)]
      : [...this.#subproof(old, middle, end), this.#hash(start, middle)];
  }
}

function split(size: number): number {
  let power = 1;
  while (2 * power < size) power *= 2;
  return power;
}

function sha256(prefix: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return digest("sha-256", Uint8Array.from([prefix, ...parts.flatMap((part) => [...part])]));
}
