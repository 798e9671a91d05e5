/** What is looked for; all of it at once. */
export interface SearchParameters {
  readonly iss?: string | undefined;
  readonly sub?: string | undefined;
  readonly type?: string | undefined;
  /** Digest of the payload, in hexadecimal. */
  readonly payload?: string | undefined;
  /** A digest that statements speak of: `sha-256:` and hexadecimal, or hexadecimal alone. */
  readonly digest?: string | undefined;
  /** A package URL, or one without its qualifiers or its version. */
  readonly purl?: string | undefined;
  /** A UUID, an object identifier in dots, hexadecimal, or a name. */
  readonly deviceClass?: string | undefined;
  readonly vendor?: string | undefined;
  readonly product?: string | undefined;
  /** Of firmware or a component. */
  readonly version?: string | undefined;
  /** Times of registration, in seconds since the epoch, both included. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Indexes, the first included and the last not. */
  readonly from?: number | undefined;
  readonly before?: number | undefined;
  readonly limit?: number | undefined;
}

const NAMES = [
  ...(["iss", "sub", "type", "payload"] as const),
  ...(["digest", "purl", "deviceClass", "vendor", "product", "version"] as const),
  ...(["since", "until", "from", "before", "limit"] as const),
] as const;

/** Yields the query of a search, with its question mark; empty where nothing is looked for. */
export function queryOf(query: SearchParameters): string {
  const pairs = NAMES.flatMap((name) => {
    const value = query[name];
    return value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`];
  });
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}
