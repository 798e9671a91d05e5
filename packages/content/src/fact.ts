/** A value of JSON whose members can be absent, for rules to ask for. */
export type Fact = boolean | number | string | readonly Fact[] | FactMap;

/** Facts by name. */
export interface FactMap {
  readonly [name: string]: Fact;
}

/** Yields the members that are known. */
export function present(members: Readonly<Record<string, Fact | undefined>>): FactMap {
  const known: Record<string, Fact> = {};
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined) known[name] = value;
  }
  return known;
}

/** Yields a digest of whatever algorithm. */
export function digestFacts({
  alg,
  value,
}: {
  readonly alg: string;
  readonly value: string;
}): FactMap {
  return { alg, value };
}
