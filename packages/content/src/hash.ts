import { HASH_ALGORITHMS, type HashName } from "@tallystick/cose";

/** A digest as this package gives it: the algorithm by its Named Information name, lower-case hex. */
export interface ContentDigest {
  readonly alg: HashName;
  readonly value: string;
}

/** Yields the digest that a hex text of one of the known lengths is; `undefined` for any other. */
export function digestOfHex(text: string): ContentDigest | undefined {
  if (!/^[0-9a-f]*$/i.test(text)) return undefined;
  const found = HASH_ALGORITHMS.find(({ bytes }) => bytes * 2 === text.length);
  return found === undefined ? undefined : { alg: found.name, value: text.toLowerCase() };
}
