import { Encoder } from "cbor-x/index-no-eval";

/**
 * The one cbor-x instance. Only {@link decodeCbor} and {@link encodeCbor} touch it: it believes
 * what it reads, and tags reach extensions that the whole process shares.
 *
 * This build neither evaluates code nor loads the native addon, so Node and browsers run the same.
 */
export const codec: Encoder = new Encoder({
  mapsAsObjects: false,
  useRecords: false,
  tagUint8Array: false,
  variableMapSize: true,
});
