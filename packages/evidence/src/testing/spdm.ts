import { concatBytes } from "@tallystick/cose";

/** What a block is made of; a good one unless it says otherwise. */
export interface BlockRecipe {
  readonly index: number;
  readonly type: number;
  readonly value: Uint8Array;
  readonly specification?: number;
  readonly size?: number;
}

const le = (value: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (value / 256 ** i) & 0xff);

export function block({ index, type, value, specification = 1, size }: BlockRecipe): Uint8Array {
  const length = le(size ?? value.length + 3, 2);
  const head = Uint8Array.of(index, specification, ...length, type, ...le(value.length, 2));
  return concatBytes([head, value]);
}

/** Changes to a good exchange. */
export interface ExchangeRecipe {
  readonly version?: number;
  readonly attributes?: number;
  readonly operation?: number;
  readonly answerVersion?: number;
  readonly requestCode?: number;
  readonly answerCode?: number;
  readonly change?: number;
  readonly count?: number;
  readonly opaque?: Uint8Array;
}

/** Yields a request for measurements and its answer, without the signature. */
export function exchange(blocks: readonly Uint8Array[], recipe: ExchangeRecipe = {}): Uint8Array {
  const { version = 0x11, attributes = 1, operation = 0xff, opaque = new Uint8Array(0) } = recipe;
  const { requestCode = 0xe0, answerCode = 0x60, answerVersion = version, change = 0 } = recipe;
  const record = concatBytes(blocks);
  return concatBytes([
    Uint8Array.of(version, requestCode, attributes, operation),
    new Uint8Array(32).fill(7),
    Uint8Array.of(0, answerVersion, answerCode, 0, change, recipe.count ?? blocks.length),
    le(record.length, 3),
    record,
    new Uint8Array(32).fill(9),
    le(opaque.length, 2),
    opaque,
  ]);
}

/** Yields the messages before an exchange of SPDM 1.2, with P-384 and SHA-384 unless told otherwise. */
export function negotiation(measurementHash = 4, asymmetric = 128, baseHash = 2): Uint8Array {
  const capabilities = (code: number): Uint8Array =>
    concatBytes([Uint8Array.of(0x12, code), new Uint8Array(18)]);
  const algorithms = (code: number): Uint8Array =>
    concatBytes([
      Uint8Array.of(0x12, code, 0, 0, ...le(36, 2), 1, 0),
      le(measurementHash, 4),
      le(asymmetric, 4),
      le(baseHash, 4),
      new Uint8Array(16),
    ]);
  return concatBytes([
    Uint8Array.of(0x10, 0x84, 0, 0),
    Uint8Array.of(0x10, 0x04, 0, 0, 0, 2, 0, 0x11, 0, 0x12),
    capabilities(0xe1),
    capabilities(0x61),
    algorithms(0xe3),
    algorithms(0x63),
  ]);
}
