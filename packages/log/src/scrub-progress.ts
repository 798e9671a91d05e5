import {
  type CborMap,
  type CborValue,
  decodeCborMap,
  encodeCbor,
  isCborMap,
} from "@tallystick/cose";

import type { IndexMark } from "./index-pass.js";
import type { TreeMark } from "./tree-pass.js";

/** One kind of pass over the log: the one under way, and the last that came to its end. */
export interface PassProgress {
  /** Entries that the pass under way has verified. */
  readonly verifiedSize: number;
  /** When it began; seconds since the epoch, as are all times here. */
  readonly startedAt: number | undefined;
  /** When the last whole pass ended, and the tree size that it covered. */
  readonly completedAt: number | undefined;
  readonly completedSize: number;
}

/** What the scrub keeps across restarts. */
export interface ScrubState {
  readonly tree: PassProgress & {
    readonly mark: TreeMark | undefined;
    /** Set once the tree itself is verified. */
    readonly index: IndexMark | undefined;
  };
  readonly bodies: PassProgress;
}

const UNSTARTED: PassProgress = {
  verifiedSize: 0,
  startedAt: undefined,
  completedAt: undefined,
  completedSize: 0,
};

/** The state before the first pass. */
export const FRESH: ScrubState = {
  tree: { ...UNSTARTED, mark: undefined, index: undefined },
  bodies: UNSTARTED,
};

/**
 * ```cddl
 * scrub = { "tree": pass / marked / indexed, "bodies": pass }
 * pass = ( "verifiedSize": uint, "completedSize": uint, ? "startedAt": uint, ? "completedAt": uint )
 * marked = ( pass, "root": bstr, "linkSize": uint, "linkDigest": bstr )
 * indexed = ( pass, "indexSize": uint, "indexCount": uint, ? "indexAfter": bstr )
 * ```
 */
export function encodeScrub({ tree, bodies }: ScrubState): Uint8Array {
  const marked = [...markMembers(tree.mark), ...indexMembers(tree.index)];
  return encodeCbor(
    new Map<string, CborValue>([
      ["tree", new Map([...membersOf(tree), ...marked])],
      ["bodies", new Map(membersOf(bodies))],
    ]),
  );
}

/** Yields what {@link encodeScrub} stored, {@link FRESH} where it is something else. */
export function decodeScrub(payload: Uint8Array): ScrubState {
  try {
    const map = decodeCborMap(payload);
    const tree = passOf(map.get("tree"));
    const bodies = passOf(map.get("bodies"));
    if (tree === undefined || bodies === undefined) return FRESH;
    const mark = markOf(map.get("tree"), tree.verifiedSize);
    const index = indexOf(map.get("tree"));
    return { tree: { ...tree, mark, index }, bodies };
  } catch {
    return FRESH;
  }
}

type Members = readonly (readonly [string, CborValue])[];

function markMembers(mark: TreeMark | undefined): Members {
  if (mark === undefined) return [];
  const { root, link } = mark;
  return [
    ["root", root],
    ["linkSize", link.size],
    ["linkDigest", link.digest],
  ];
}

function indexMembers(index: IndexMark | undefined): Members {
  if (index === undefined) return [];
  const { size, count, after } = index;
  const counted: Members = [
    ["indexSize", size],
    ["indexCount", count],
  ];
  return after === undefined ? counted : [...counted, ["indexAfter", after]];
}

function membersOf(pass: PassProgress): Members {
  const { verifiedSize, startedAt, completedAt, completedSize } = pass;
  const times: (readonly [string, CborValue])[] = [];
  if (startedAt !== undefined) times.push(["startedAt", startedAt]);
  if (completedAt !== undefined) times.push(["completedAt", completedAt]);
  return [["verifiedSize", verifiedSize], ["completedSize", completedSize], ...times];
}

function passOf(value: CborValue): PassProgress | undefined {
  if (!isCborMap(value)) return undefined;
  const verifiedSize = countOf(value, "verifiedSize");
  const completedSize = countOf(value, "completedSize");
  if (verifiedSize === undefined || completedSize === undefined) return undefined;
  return {
    verifiedSize,
    startedAt: countOf(value, "startedAt"),
    completedAt: countOf(value, "completedAt"),
    completedSize,
  };
}

function markOf(value: CborValue, size: number): TreeMark | undefined {
  if (!isCborMap(value)) return undefined;
  const root = value.get("root");
  const linkSize = countOf(value, "linkSize");
  const digest = value.get("linkDigest");
  if (!(root instanceof Uint8Array) || !(digest instanceof Uint8Array)) return undefined;
  return linkSize === undefined ? undefined : { size, root, link: { size: linkSize, digest } };
}

function indexOf(value: CborValue): IndexMark | undefined {
  if (!isCborMap(value)) return undefined;
  const size = countOf(value, "indexSize");
  const count = countOf(value, "indexCount");
  const after = value.get("indexAfter");
  if (size === undefined || count === undefined) return undefined;
  return { size, count, after: after instanceof Uint8Array ? after : undefined };
}

function countOf(map: CborMap, name: string): number | undefined {
  const value = map.get(name);
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
