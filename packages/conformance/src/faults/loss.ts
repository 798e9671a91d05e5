import type { Chance } from "./chance.js";
import type { Loss } from "./disk.js";

/** A way to lose what was not synced. */
export interface NamedLoss extends Loss {
  readonly name: string;
}

type Changes = Parameters<Loss["data"]>[0];

/** Yields the ways a power cut is tried, each with names kept and with names lost. */
export function lossesOf(chance: Chance): readonly NamedLoss[] {
  const data: readonly (readonly [string, Loss["data"]])[] = [
    ["kept", (pending) => pending],
    ["dropped", () => []],
    ["reordered", (pending) => pending.filter(() => chance.below(2) === 0)],
    ["torn at 512", (pending) => torn(pending, 512, chance)],
    ["torn at 4096", (pending) => torn(pending, 4096, chance)],
  ];
  return data.flatMap(([name, keep]) =>
    (["kept", "lost"] as const).map((names) => ({
      name: `${name}, names ${names}`,
      names,
      data: keep,
    })),
  );
}

/** Keeps what came before one write, and of that write some of its sectors, in no order. */
function torn(pending: Changes, sector: number, chance: Chance): Changes {
  const place = chance.below(pending.length);
  const victim = pending[place];
  if (victim?.kind !== "write") return pending.slice(0, place);
  const { at, bytes, path } = victim;
  const parts: Changes[number][] = [];
  for (let from = at; from < at + bytes.length;) {
    // Sectors are those of the file, not of the write.
    const to = Math.min(at + bytes.length, (Math.floor(from / sector) + 1) * sector);
    if (chance.below(2) === 0) {
      parts.push({
        kind: "write",
        path,
        at: from,
        bytes: bytes.subarray(from - at, to - at),
      });
    }
    from = to;
  }
  return [...pending.slice(0, place), ...parts];
}
