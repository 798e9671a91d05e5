import { StatementError } from "../error.js";

/** The alphabet of Bitcoin: no 0, O, I or l. */
const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const VALUES: ReadonlyMap<string, number> = new Map(Array.from(ALPHABET, (char, i) => [char, i]));

/** Longest text taken; the cost is quadratic. The largest key there is, ML-DSA-87, takes 3,544. */
const MAX_CHARACTERS = 4096;

/**
 * Yields the bytes of the base58btc text in a did:key (draft-msporny-base58-03 §3).
 *
 * @throws {@link StatementError} `STATEMENT_DID_INVALID`
 */
export function decodeBase58(text: string): Uint8Array {
  if (text.length > MAX_CHARACTERS) {
    throw invalid(`base58 of ${text.length} characters, want at most ${MAX_CHARACTERS}`);
  }
  // Big-endian numbers to the base 256, the least significant one first.
  const reversed: number[] = [];
  for (const char of text) {
    let carry = VALUES.get(char);
    if (carry === undefined) throw invalid("not base58 text");
    for (let i = 0; i < reversed.length; i++) {
      carry += (reversed[i] ?? 0) * 58;
      reversed[i] = carry % 256;
      carry = Math.floor(carry / 256);
    }
    for (; carry > 0; carry = Math.floor(carry / 256)) reversed.push(carry % 256);
  }
  const zeros = /^1*/.exec(text)?.[0].length ?? 0;
  return Uint8Array.from([...new Array<number>(zeros).fill(0), ...reversed.reverse()]);
}

function invalid(message: string): StatementError {
  return new StatementError("STATEMENT_DID_INVALID", `iss of did:key: ${message}`);
}
