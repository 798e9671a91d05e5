import { CoseError, decodeCbor, isCborMap, MAJOR, type CborValue } from "@tallystick/cose";

/** What configfs-tsm calls those who make reports. */
const PROVIDER = /^[a-z0-9_-]{1,32}$/;

/**
 * Yields what a report by configfs-tsm, a map of `provider`, `outblob` and maybe `auxblob`, is called;
 * `undefined` of any other bytes.
 */
export function nameOfReport(bytes: Uint8Array): string | undefined {
  const value = (bytes[0] ?? 0) >> 5 === MAJOR.map ? decodeUnlessRefused(bytes) : undefined;
  if (value === undefined || !isCborMap(value)) return undefined;
  const [provider, outblob] = [value.get("provider"), value.get("outblob")];
  if (typeof provider !== "string" || !(outblob instanceof Uint8Array)) return undefined;
  const name = provider.trimEnd();
  return PROVIDER.test(name) ? `a TSM report of ${name}` : "a TSM report";
}

function decodeUnlessRefused(bytes: Uint8Array): CborValue | undefined {
  try {
    return decodeCbor(bytes);
  } catch (error) {
    if (error instanceof CoseError) return undefined;
    throw error;
  }
}
