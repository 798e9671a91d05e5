import { readFile, readdir, rm, writeFile } from "node:fs/promises";

import type { Row } from "@tallystick/log";

import type { Chance } from "./chance.js";
import { payloadOf, readRows, sealed, writeRows } from "./rows.js";
import type { Site } from "./site.js";

/** Something that befalls a service while it is not running. */
export interface Damage {
  readonly name: string;
  readonly kind: string;
  /** Whether it leaves what a crash leaves in the middle of the last write to the anchor. */
  readonly looksTorn?: boolean;
  readonly apply: (site: Site) => Promise<void>;
}

/** Bytes of an anchor's record of a checkpoint. */
const ANCHOR_RECORD_BYTES = 512;

/** The kinds of file that a service cannot do without, by name within its folder. */
export const FILE_KINDS: readonly (readonly [string, RegExp])[] = [
  ["write-ahead log", /^log\/\d+\.log$/],
  ["table", /^log\/\d+\.ldb$/],
  ["MANIFEST", /^log\/MANIFEST-\d+$/],
  ["CURRENT", /^log\/CURRENT$/],
  ["anchor", /^anchor$/],
];

/** What a service is set up with; damage there is no damage to its log. */
export const SETUP_KINDS: readonly (readonly [string, RegExp])[] = [
  ["configuration", /^config\.json$/],
  ["receipt key", /^keys\/receipt\.jwk$/],
  ["public receipt key", /^keys\/receipt\.pub\.jwk$/],
  ["note key", /^keys\/note\.jwk$/],
];

const SECTOR_BYTES = 512;

interface Draw {
  readonly count: number;
  readonly chance: Chance;
}

/** Yields the kinds of file that a service has just now. */
export async function kindsIn(site: Site): Promise<readonly (typeof FILE_KINDS)[number][]> {
  const present = await Promise.all(FILE_KINDS.map(([, pattern]) => filesOf(site, pattern)));
  return FILE_KINDS.filter((_, number) => (present[number]?.length ?? 0) > 0);
}

/** Yields single flipped bits in files of a kind, as many as asked for. */
export async function flipsOf(
  site: Site,
  [kind, pattern]: (typeof FILE_KINDS)[number],
  { count, chance }: Draw,
): Promise<readonly Damage[]> {
  const files = await filesOf(site, pattern);
  return Array.from({ length: count }, () => {
    const { name, length } = chance.pick(files);
    const place = chance.below(length);
    const bit = chance.below(8);
    return {
      kind,
      name: `bit ${bit} of byte ${place} of ${name}`,
      looksTorn: kind === "anchor" && place >= length - ANCHOR_RECORD_BYTES,
      apply: (victim) =>
        rewrite(victim.at(name), (bytes) => {
          bytes.writeUInt8(bytes.readUInt8(place) ^ (1 << bit), place);
        }),
    };
  });
}

/** Yields sectors that read as zeros in files of a kind, as many as asked for. */
export async function sectorsOf(
  site: Site,
  [kind, pattern]: (typeof FILE_KINDS)[number],
  { count, chance }: Draw,
): Promise<readonly Damage[]> {
  const files = await filesOf(site, pattern);
  return Array.from({ length: count }, () => {
    const { name, length } = chance.pick(files);
    const sector = chance.below(Math.ceil(length / SECTOR_BYTES));
    return {
      kind: `sector of ${kind}`,
      name: `sector ${sector} of ${name}`,
      looksTorn: kind === "anchor" && (sector + 1) * SECTOR_BYTES >= length,
      apply: (victim) =>
        rewrite(victim.at(name), (bytes) => {
          const end = Math.min((sector + 1) * SECTOR_BYTES, bytes.length);
          bytes.fill(0, sector * SECTOR_BYTES, end);
        }),
    };
  });
}

async function filesOf(
  site: Site,
  pattern: RegExp,
): Promise<readonly { readonly name: string; readonly length: number }[]> {
  const names = await readdir(site.path, { recursive: true });
  const files: { readonly name: string; readonly length: number }[] = [];
  for (const name of names.filter((name) => pattern.test(name)).sort()) {
    const { length } = await readFile(site.at(name));
    if (length > 0) files.push({ name, length });
  }
  return files;
}

async function rewrite(path: string, change: (bytes: Buffer) => void): Promise<void> {
  const bytes = await readFile(path);
  change(bytes);
  // Removed first, for tables are shared among copies.
  await rm(path);
  await writeFile(path, bytes);
}

type Rows = ReadonlyMap<string, Row>;
type Change = readonly [string, (rows: Rows) => readonly Row[]];

/** Rows of one kind, by the letter that their keys begin with. */
function ofKind(rows: Rows, letter: string): readonly Row[] {
  return [...rows.values()].filter(({ key }) => key[0] === letter.charCodeAt(0));
}

/** Yields two rows of a kind that are as alike as rows can be. */
function pair(rows: Rows, letter: string, isFit: (row: Row) => boolean): readonly [Row, Row] {
  const [first, second] = ofKind(rows, letter).filter(isFit);
  if (first === undefined || second === undefined) throw new Error(`no two rows ${letter}`);
  return [first, second];
}

const isLeafTile = ({ key, value }: Row): boolean => key[1] === 0 && value.length === 8192 + 4;
const isAny = (): boolean => true;

// Each of these is what hands do, or a program that is wrong: the checksums fit where it says so.
const changes: readonly Change[] = [
  ["two tiles exchanged", (rows) => exchanged(pair(rows, "t", isLeafTile))],
  ["two tiles exchanged, checksums fit", (rows) => resealed(pair(rows, "t", isLeafTile))],
  ["two bodies exchanged", (rows) => exchanged(pair(rows, "s", isAny))],
  ["two bodies exchanged, checksums fit", (rows) => resealed(pair(rows, "s", isAny))],
  ["two index rows exchanged, checksums fit", (rows) => resealed(pair(rows, "d", isAny))],
  ["a body cut short, checksum fits", (rows) => shortened(pair(rows, "s", isAny)[0])],
  ["two bundles exchanged, checksums fit", (rows) => resealed(pair(rows, "b", isAny))],
  ["two checkpoints exchanged, checksums fit", (rows) => resealed(pair(rows, "c", isAny))],
];

/** Yields every way to change rows through the store. */
export function rowDamages(): readonly Damage[] {
  return changes.map(([name, change]) => ({
    name,
    kind: "rows",
    apply: async (victim) => {
      const directory = victim.at("log");
      const rows = await readRows(directory);
      if (rows === undefined) throw new Error(`${directory} cannot be read`);
      await writeRows(directory, change(rows));
    },
  }));
}

function exchanged([first, second]: readonly [Row, Row]): readonly Row[] {
  return [
    { key: first.key, value: second.value },
    { key: second.key, value: first.value },
  ];
}

function resealed([first, second]: readonly [Row, Row]): readonly Row[] {
  return [sealed(first.key, payloadOf(second)), sealed(second.key, payloadOf(first))];
}

function shortened(row: Row): readonly Row[] {
  return [sealed(row.key, payloadOf(row).slice(0, -1))];
}
