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
  { inclusion, receipt }: Registered,
): Transparent {
  const source = sourceOf(inclusion.receipt);
  const others = statement.receipts.filter((bytes) => {
    try {
      return sourceOf(Receipt.decode(bytes)) !== source;
    } catch (error) {
      if (error instanceof ReceiptError) return true;
      throw error;
    }
  });
  return {
    transparent: attachReceipts(statement, [...others, receipt]),
    isReplaced: others.length < statement.receipts.length,
  };
}

function sourceOf({ issuer, subject, kid }: Receipt): string {
  return JSON.stringify([issuer, subject, kid && encodeHex(kid)]);
}
