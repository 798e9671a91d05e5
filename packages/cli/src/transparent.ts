import type { Registered } from "@tallystick/client";
import { encodeHex } from "@tallystick/cose";
import { Receipt, ReceiptError } from "@tallystick/receipt";
import { attachReceipts } from "@tallystick/statement";
import type { SignedStatement } from "@tallystick/statement";

/** A statement with the receipt of its registration. */
export interface Transparent {
  readonly transparent: Uint8Array;
  /** Whether an older receipt of the same log gave way. */
  readonly isReplaced: boolean;
}

/**
 * Attaches the receipt of a registration to a statement. A receipt of the same log by the same key
 * gives way to the newer one. Names alone do not tell two services apart, so a receipt by another key
 * stays.
 */
export function transparentWith(
  statement: SignedStatement,
  registered: Pick<Registered, "inclusion" | "receipt">,
): Transparent {
  const { receipts, isReplaced } = receiptsWith(statement.receipts, registered);
  return { transparent: attachReceipts(statement, receipts), isReplaced };
}

/**
 * Yields receipts with one more behind them. One of the same log by the same key gives way to it.
 */
export function receiptsWith(
  receipts: readonly Uint8Array[],
  { inclusion, receipt }: Pick<Registered, "inclusion" | "receipt">,
): { readonly receipts: readonly Uint8Array[]; readonly isReplaced: boolean } {
  const source = sourceOf(inclusion.receipt);
  const others = receipts.filter((bytes) => {
    try {
      return sourceOf(Receipt.decode(bytes)) !== source;
    } catch (error) {
      if (error instanceof ReceiptError) return true;
      throw error;
    }
  });
  return { receipts: [...others, receipt], isReplaced: others.length < receipts.length };
}

function sourceOf({ issuer, subject, kid }: Receipt): string {
  return JSON.stringify([issuer, subject, kid && encodeHex(kid)]);
}
