import { malformed } from "../error.js";

/** Flags of a TcbInfo that count: those under the mask, or all that are written where there is none. */
export interface TcbFlags {
  /** By the flags' numbers in manifests: what is negated there is turned round here. */
  readonly flags: ReadonlyMap<number, boolean>;
  /** What they say against the device. */
  readonly concerns: readonly string[];
}

/** Bits of OperationalFlags from the first on, in order; the negated ones say what is not. */
const BITS: readonly { readonly isNegated: boolean; readonly concern?: string }[] = [
  { isNegated: true, concern: "is not configured" },
  { isNegated: true, concern: "is not in a secure mode" },
  { isNegated: false, concern: "is in recovery" },
  { isNegated: false, concern: "can be debugged" },
  { isNegated: true },
  { isNegated: true },
  { isNegated: true },
  { isNegated: true },
  { isNegated: true },
];

/**
 * Reads the content of two bit strings, whose first bit is the most significant one.
 *
 * @throws {@link EvidenceError} `EVIDENCE_MALFORMED`
 */
export function readFlags(content: Uint8Array, mask: Uint8Array | undefined): TcbFlags {
  const set = bitsOf(content);
  const counted = mask === undefined ? set.map(() => true) : bitsOf(mask);
  const flags = new Map<number, boolean>();
  BITS.forEach(({ isNegated }, bit) => {
    if (counted[bit] !== true) return;
    // X.690 §11.2.2: trailing zeros may have been left out.
    const isSet = set[bit] ?? false;
    flags.set(bit, isSet !== isNegated);
  });
  return { flags, concerns: flagConcerns(flags) };
}

/** Yields what flags say against the device, in words; they go by their numbers in manifests. */
export function flagConcerns(flags: ReadonlyMap<number, boolean>): readonly string[] {
  return BITS.flatMap(({ isNegated, concern }, bit) =>
    concern !== undefined && flags.get(bit) === !isNegated ? [concern] : [],
  );
}

function bitsOf(content: Uint8Array): readonly boolean[] {
  const [spare, ...bytes] = content;
  if (spare === undefined || spare > 7 || (bytes.length === 0 && spare > 0) || bytes.length > 8) {
    throw malformed("TcbInfo has flags that are no bit string of up to 64 bits");
  }
  const bits = bytes.flatMap((byte) =>
    [7, 6, 5, 4, 3, 2, 1, 0].map((place) => (byte & (1 << place)) !== 0),
  );
  return bits.slice(0, bits.length - spare);
}
