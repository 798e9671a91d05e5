import type { Measurement, NamedDigest } from "@tallystick/content";
import { encodeHex } from "@tallystick/cose";

/** Code point of flags, which are compared one by one. */
const FLAGS = 3;

/**
 * Yields why an entry does not hold what a condition asks for, in words; `undefined` where it does.
 * Each value is compared by its type, after the comparison rules of CoRIM. What the entry has beyond
 * the condition is let be.
 */
export function differenceOf(condition: Measurement, entry: Measurement): string | undefined {
  const [unknown] = condition.unknown;
  if (unknown !== undefined) return `code point ${unknown} is not known`;
  return (
    versionDifference(condition, entry) ??
    svnDifference(condition, entry) ??
    digestsOf(condition, entry) ??
    rawDifference(condition, entry) ??
    flagsDifference(condition, entry) ??
    registersDifference(condition, entry) ??
    rangeDifference(condition, entry) ??
    othersDifference(condition, entry)
  );
}

function versionDifference({ version: want }: Measurement, { version: got }: Measurement) {
  if (want === undefined) return undefined;
  if (got === undefined) return `no version, want ${want.text}`;
  const isSame = want.text === got.text && want.scheme === got.scheme;
  return isSame ? undefined : `version ${got.text}, want ${want.text}`;
}

/** A plain number equals a plain number; a minimum of evidence equals a minimum alone. */
function svnDifference({ svn: want }: Measurement, { svn: got }: Measurement): string | undefined {
  if (want === undefined) return undefined;
  const asked = `${want.isMinimum ? "at least " : ""}${want.value}`;
  if (got === undefined) return `no SVN, want ${asked}`;
  const isHeld =
    want.isMinimum && !got.isMinimum
      ? got.value >= want.value
      : want.isMinimum === got.isMinimum && got.value === want.value;
  return isHeld ? undefined : `SVN ${got.value}, want ${asked}`;
}

function digestsOf({ digests: want }: Measurement, { digests: got }: Measurement) {
  return want === undefined ? undefined : digestDifference(want, got ?? []);
}

/**
 * Yields why digests are not those that are wanted: no algorithm in common, one that differs, or one
 * algorithm twice, by which a manifest could match what it should not.
 */
export function digestDifference(
  want: readonly NamedDigest[],
  got: readonly NamedDigest[],
): string | undefined {
  const [wanted, found] = [byAlgorithm(want), byAlgorithm(got)];
  if (wanted === undefined) return "the reference has one algorithm twice";
  if (found === undefined) return "the evidence has one algorithm twice";
  const common = [...wanted].filter(([alg]) => found.has(alg));
  if (common.length === 0) return `no digest by ${[...wanted.keys()].join(" or ")}`;
  const differing = common.find(([alg, value]) => found.get(alg) !== value);
  if (differing === undefined) return undefined;
  const [alg, value] = differing;
  return `${alg} ${found.get(alg) ?? ""}, want ${value}`;
}

function byAlgorithm(digests: readonly NamedDigest[]): ReadonlyMap<string, string> | undefined {
  const map = new Map(digests.map(({ alg, value }) => [alg, value]));
  return map.size === digests.length ? map : undefined;
}

function rawDifference({ raw: want }: Measurement, { raw: got }: Measurement): string | undefined {
  if (want === undefined) return undefined;
  if (got === undefined) return "no raw value";
  const { value, mask } = want;
  if (value.length !== got.value.length) {
    return `a raw value of ${got.value.length} bytes, want ${value.length}`;
  }
  const isSame = value.every((byte, i) => {
    const counted = mask?.[i] ?? 0xff;
    return (byte & counted) === ((got.value[i] ?? 0) & counted);
  });
  if (isSame) return undefined;
  const under = mask === undefined ? "" : ` under the mask ${encodeHex(mask)}`;
  return `raw value ${shown(got.value)}, want ${shown(value)}${under}`;
}

function flagsDifference({ flags: want }: Measurement, { flags: got }: Measurement) {
  const differing = [...(want ?? [])].find(([flag, value]) => got?.get(flag) !== value);
  if (differing === undefined) return undefined;
  const [flag, value] = differing;
  return `flag ${flag} is ${String(got?.get(flag) ?? "not stated")}, want ${String(value)}`;
}

function registersDifference({ registers: want }: Measurement, { registers: got }: Measurement) {
  for (const [id, digests] of want ?? []) {
    const why = digestDifference(digests, got?.get(id) ?? []);
    if (why !== undefined) return `register ${id}: ${why}`;
  }
  return undefined;
}

/** The range of the condition includes that of the entry. */
function rangeDifference({ range: want }: Measurement, { range: got }: Measurement) {
  if (want === undefined) return undefined;
  if (got === undefined) return "no number";
  const isAbove = want.min === undefined || (got.min !== undefined && got.min >= want.min);
  const isBelow = want.max === undefined || (got.max !== undefined && got.max <= want.max);
  return isAbove && isBelow ? undefined : "a number outside of the range";
}

function othersDifference(want: Measurement, got: Measurement): string | undefined {
  for (const [code, value] of want.others) {
    // Compared before, unless they are in no form that could be.
    if (code === FLAGS && want.flags !== undefined) continue;
    const found = got.others.get(code);
    if (found !== value) return `value ${code} is ${found ?? "not stated"}, want ${value}`;
  }
  return undefined;
}

function shown(bytes: Uint8Array): string {
  return bytes.length <= 64 ? encodeHex(bytes) : `${encodeHex(bytes.subarray(0, 64))}…`;
}
