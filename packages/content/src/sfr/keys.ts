import { encodeHex, type Algorithm, type PublicKey } from "@tallystick/cose";

import { ContentError } from "../error.js";

/** A key of a review provider, as the caller trusts it, with its terms in seconds since the epoch. */
export interface ReviewKey {
  /** Whose key it is. */
  readonly provider: string;
  readonly key: PublicKey;
  /** What reports call the key; free text, of which no register is published. */
  readonly kids?: readonly string[];
  /** First second in which it may be used. */
  readonly notBefore?: number;
  /** First second in which it may not be used any more. */
  readonly expires?: number;
  /** First second in which it was withdrawn. */
  readonly revoked?: number;
}

/** Most keys of one set. Every key that fits may be tried on a report. */
const MAX_KEYS = 256;

/** The keys that reports are verified with. Immutable. */
export class ReviewKeys {
  readonly #keys: readonly ReviewKey[];

  /** Throws `TypeError` for more than 256 keys, and for one key that is there twice. */
  constructor(keys: readonly ReviewKey[]) {
    if (keys.length > MAX_KEYS) throw new TypeError(`${keys.length} keys, limit ${MAX_KEYS}`);
    const thumbprints = new Set(keys.map(({ key }) => encodeHex(key.thumbprint())));
    if (thumbprints.size !== keys.length) throw new TypeError("one key is there twice");
    this.#keys = keys.map((key) => ({ ...key, kids: [...(key.kids ?? [])] }));
    Object.freeze(this);
  }

  /**
   * Yields the keys that a signature could be of, those that answer to its kid before the others:
   * no register says which kid is whose, so a kid orders the keys and decides nothing. Without an
   * algorithm, every key that is for one of `algorithms` is there.
   *
   * @throws {@link ContentError} `CONTENT_KEY_UNKNOWN` where there is none
   */
  candidates(kid: string | undefined, algorithms: readonly Algorithm[]): readonly ReviewKey[] {
    const fitting = this.#keys.filter(({ key }) => algorithms.some((alg) => key.fits(alg)));
    if (fitting.length === 0) {
      const names = algorithms.map(({ name }) => name).join(", ");
      throw new ContentError("CONTENT_KEY_UNKNOWN", `no key that is trusted is for ${names}`);
    }
    const isNamed = ({ kids }: ReviewKey): boolean =>
      kid !== undefined && kids?.includes(kid) === true;
    return [...fitting.filter(isNamed), ...fitting.filter((key) => !isNamed(key))];
  }
}

/**
 * Yields why a key may not be used at `time`; `undefined` where it may. Without a time a key may be
 * used that has no terms, for those of another cannot be judged.
 */
export function termRefusal(key: ReviewKey, time: number | undefined): string | undefined {
  const { notBefore = -Infinity, expires = Infinity, revoked = Infinity } = key;
  if (time === undefined) {
    const hasTerms = notBefore !== -Infinity || expires !== Infinity || revoked !== Infinity;
    return hasTerms
      ? "has terms that cannot be judged, for nothing says when it was used"
      : undefined;
  }
  if (time >= revoked) return "was withdrawn before";
  if (time >= expires) return "had expired before";
  return time < notBefore ? "was not to be used yet" : undefined;
}
