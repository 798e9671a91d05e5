import { encodeHex } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import { Receipt, ReceiptError, VerifiedInclusion } from "@tallystick/receipt";
import type { ReceiptTrust } from "@tallystick/receipt";
import { VerifierError } from "@tallystick/verifier";
import type { TrustStore } from "@tallystick/verifier";

import { ClientError } from "./error.js";

/** Finds the key that the service publishes under a kid. */
export type PublishedKey = (kid: Uint8Array) => Promise<PublicKey>;

/**
 * Holds the receipts of one service against the entry they were asked for.
 *
 * A receipt carries a path and no root, so a path of another entry folds to something as well: only
 * the signature tells. It is checked under the pinned keys, or else under the service's own.
 */
export class ReceiptCheck {
  readonly #published: PublishedKey;
  readonly #trust: TrustStore | undefined;
  // Keys that were fetched, by kid: a key never changes under its kid.
  readonly #keys = new Map<string, PublicKey>();

  constructor(published: PublishedKey, trust: TrustStore | undefined) {
    this.#published = published;
    this.#trust = trust;
  }

  /**
   * Yields the verified inclusion of `entry`.
   *
   * @throws {@link ClientError} `CLIENT_RECEIPT_INVALID`; else what fetching the key throws
   */
  async inclusion(bytes: Uint8Array, entry: Uint8Array): Promise<VerifiedInclusion> {
    const receipt = decodeReceipt(bytes);
    const trust =
      this.#trust === undefined ? await this.#claimed(receipt) : pinned(receipt, this.#trust);
    try {
      const inclusion = await VerifiedInclusion.verify(receipt, { entry, ...trust });
      const { issuer = "", signedSize: size, issuedAt: time } = receipt;
      this.#trust?.requireWithin(issuer, trust.key, { size, root: inclusion.root, time });
      return inclusion;
    } catch (cause) {
      throw fromReceipt(cause);
    }
  }

  /**
   * Checks what can be checked of a receipt of consistency without the older root.
   *
   * @throws {@link ClientError} `CLIENT_RECEIPT_INVALID`
   */
  consistency(bytes: Uint8Array, newSize: number): void {
    const { kind, signedSize } = decodeReceipt(bytes);
    if (kind !== "consistency") throw invalid(`receipt of ${kind}, want consistency`);
    if (signedSize === undefined || signedSize === newSize) return;
    throw invalid(`receipt of consistency with size ${signedSize}, want ${newSize}`);
  }

  async #claimed({ kid, vds }: Receipt): Promise<ReceiptTrust> {
    if (kid === undefined) throw invalid("receipt names no key");
    const name = encodeHex(kid);
    const key = this.#keys.get(name) ?? (await this.#fetchKey(kid));
    this.#keys.set(name, key);
    return { key, vds };
  }

  async #fetchKey(kid: Uint8Array): Promise<PublicKey> {
    try {
      return await this.#published(kid);
    } catch (cause) {
      if (!(cause instanceof ClientError) || cause.code !== "CLIENT_REFUSED") throw cause;
      throw invalid("the service publishes no key with the kid of its receipt", { cause });
    }
  }
}

function pinned({ issuer, subject, kid }: Receipt, trust: TrustStore): ReceiptTrust {
  const found = trust.resolve(issuer, kid);
  if (found === undefined) throw invalid("receipt is of a service or key that is not pinned");
  const { origin, vds } = found.service;
  if (subject !== origin) throw invalid("receipt is of another log");
  return { key: found.key, vds };
}

function decodeReceipt(bytes: Uint8Array): Receipt {
  try {
    return Receipt.decode(bytes);
  } catch (cause) {
    throw fromReceipt(cause);
  }
}

function fromReceipt(cause: unknown): unknown {
  const isRefusal = cause instanceof ReceiptError || cause instanceof VerifierError;
  return isRefusal ? invalid(`receipt: ${cause.message}`, { cause }) : cause;
}

function invalid(message: string, options: ErrorOptions = {}): ClientError {
  return new ClientError("CLIENT_RECEIPT_INVALID", message, options);
}
