import { encodeHex, formatThumbprint } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import { SignedCheckpoint } from "@tallystick/receipt";

import { LogError } from "./error.js";
import { isEqual } from "./layout.js";
import type { Meta } from "./record.js";

/** Keys that checkpoints of a log may be signed with, told apart by their thumbprints. */
export type ReceiptKeys = PublicKey | readonly PublicKey[];

/** The receipt keys that a control entry names, by thumbprint; `undefined` for the log's first alone. */
export type NamedKeys = readonly Uint8Array[] | undefined;

/** Control entries name no more receipt keys than this. */
export const MAX_NAMED_KEYS = 16;

/** Yields whether a key is among those that a control entry names. */
export function isNamed(meta: Pick<Meta, "kid">, named: NamedKeys, kid: Uint8Array): boolean {
  return (named ?? [meta.kid]).some((one) => isEqual(one, kid));
}

/** Yields whether the key of a thumbprint is among the keys. */
export function isAmong(keys: ReceiptKeys, kid: Uint8Array): boolean {
  return listOf(keys).some((key) => isEqual(key.thumbprint(), kid));
}

/**
 * Verifies an encoded checkpoint under the one of the keys that it names.
 *
 * @throws ReceiptError as {@link SignedCheckpoint.verify}; `RECEIPT_KEY_MISMATCH` where it names none
 * of them
 */
export async function verifyUnder(
  encoded: Uint8Array,
  keys: ReceiptKeys,
): Promise<SignedCheckpoint> {
  const kid = SignedCheckpoint.kidOf(encoded);
  const [first, ...others] = listOf(keys);
  if (first === undefined) throw new TypeError("no receipt key");
  const key = others.find((one) => isEqual(one.thumbprint(), kid)) ?? first;
  return SignedCheckpoint.verify(encoded, key);
}

/**
 * Returns if the key that the log was created with is among the keys.
 *
 * @throws {@link LogError} `LOG_KEY_MISMATCH`
 */
export function requireFirstKey({ kid }: Pick<Meta, "kid">, keys: ReceiptKeys): void {
  const kids = listOf(keys).map((key) => key.thumbprint());
  if (kids.some((one) => isEqual(one, kid))) return;
  throw new LogError(
    "LOG_KEY_MISMATCH",
    `key ${kids.map((one) => formatThumbprint(one)).join(" and ")}, the log was made with ${formatThumbprint(kid)}`,
  );
}

/**
 * Returns if a key may sign the log's next checkpoint: the newest control entry names it.
 *
 * @throws {@link LogError} `LOG_KEY_MISMATCH`
 */
export function requireSigner(meta: Pick<Meta, "kid">, named: NamedKeys, key: PublicKey): void {
  const kid = key.thumbprint();
  if (isNamed(meta, named, kid)) return;
  const wanted = (named ?? [meta.kid]).map((one) => formatThumbprint(one)).join(" or ");
  throw new LogError(
    "LOG_KEY_MISMATCH",
    `key ${formatThumbprint(kid)} signs nothing for this log: its policy names ${wanted}. Put the key ` +
      "that it names back; a new one signs once a policy names it (tally rotate-key DIR)",
  );
}

function listOf(keys: ReceiptKeys): readonly PublicKey[] {
  return isList(keys) ? keys : [keys];
}

function isList(keys: ReceiptKeys): keys is readonly PublicKey[] {
  return Array.isArray(keys);
}

/** Which keys may have signed the checkpoint of a size, by the control entries of a log. */
export class KeySchedule {
  readonly #meta: Pick<Meta, "kid">;
  // Owned by add: where another list begins, ascending.
  readonly #changes: { readonly index: number; readonly named: NamedKeys }[] = [];

  constructor(meta: Pick<Meta, "kid">) {
    this.#meta = meta;
  }

  /** Goes on with the next control entry. */
  add(index: number, named: NamedKeys): void {
    const last = this.#changes.at(-1);
    if (last === undefined || nameOf(last.named) !== nameOf(named)) {
      this.#changes.push({ index, named });
    }
  }

  /**
   * Yields whether a key may have signed the checkpoint of a size: it is named where the last entry was
   * admitted, and after that entry. So a control entry that names another key for the first time is
   * covered by the one before, and one that drops a key is signed with one that stays.
   */
  permits(kid: Uint8Array, size: number): boolean {
    const before = this.#at(Math.max(size - 1, 1));
    return [before, this.#at(size)].every((named) => isNamed(this.#meta, named, kid));
  }

  // T23: what is in force over a tree of a size.
  #at(size: number): NamedKeys {
    return this.#changes.findLast(({ index }) => index < size)?.named;
  }
}

function nameOf(named: NamedKeys): string {
  return named === undefined ? "" : named.map(encodeHex).sort().join(" ");
}
