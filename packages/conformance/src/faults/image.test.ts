import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

import type { BenchProcess } from "./bench-process.js";
import { Chance } from "./chance.js";
import { Disk, eventsOf } from "./disk.js";
import type { Event, Image } from "./disk.js";
import { SEED, effort, isFull, tell } from "./effort.js";
import { onBenches } from "./lanes.js";
import { lossesOf } from "./loss.js";
import { OracleProcess } from "./oracle-process.js";
import { Ground, kill } from "./site.js";
import { DISK_CALLS, parseTrace, straceObstacle, tracing } from "./strace.js";
import { describeFault } from "./suite.js";

/** Images to boot at most; all of them with the scripts. */
const IMAGES = effort({ bounded: 120, full: Number.POSITIVE_INFINITY });

/** A state of the disk after a power cut. */
interface Crash {
  readonly image: Image;
  readonly name: string;
  /** EntryIDs that were acknowledged before it. */
  readonly acknowledged: readonly string[];
}

describeFault("F3: power cut", straceObstacle(), () => {
  let ground: Ground;
  let oracle: OracleProcess;

  beforeAll(async () => {
    ground = await Ground.make();
    oracle = await OracleProcess.start(ground);
  });

  afterAll(async () => {
    await oracle.end();
    await ground.clear();
  });

  test(
    "every image of the disk boots right or refuses",
    async () => {
      const site = await ground.copy();
      const base = await readImage(site.path);
      const events: Event[] = [];
      // Two runs, so that the recovery of the first is a part of what is cut short.
      for (const run of [0, 1]) {
        const file = ground.at(`run-${run}.trace`);
        const serving = await site.serve({ under: tracing(file, DISK_CALLS) });
        const load = { url: serving.url, count: 12, atOnce: 3, maxBytes: 6000 };
        expect(await oracle.ask("load", load)).toMatchObject({
          acknowledged: 12,
          problems: [],
        });
        await kill(serving);
        events.push(...eventsOf(parseTrace(await readFile(file, "utf8")), site.path));
      }
      // What the trace leads to has to be what is there, or the model is wrong.
      expect(namesOf(endOf(base, events))).toEqual(namesOf(await readImage(site.path)));
      expect(digestOf(endOf(base, events))).toBe(digestOf(await readImage(site.path)));

      const crashes = crashesOf(base, events);
      const chosen = new Chance(SEED, "images").sample(crashes, IMAGES);
      const figures = { sound: 0, behind: 0, refused: 0 };
      const problems: string[] = [];
      const reasons = new Map<string, readonly string[]>();
      await onBenches(chosen, async (crash, bench, number) => {
        const path = ground.at(`image-${number}`);
        await writeImage(crash.image, path);
        const found = await examine(bench, path, crash);
        figures[found.standing]++;
        problems.push(...found.problems.map((problem) => `${crash.name}: ${problem}`));
        if (found.reason !== "") {
          const kind = `${found.standing}: ${found.reason.replace(/\d+/g, "N")}`;
          reasons.set(kind, [...(reasons.get(kind) ?? []), crash.name]);
        }
        await rm(path, { recursive: true });
      });
      tell(
        "F3",
        `${events.length} events, ${crashes.length} distinct images, ${chosen.length} booted: ` +
          `${figures.sound} sound, ${figures.behind} read-only, ${figures.refused} refused`,
      );
      for (const [reason, names] of reasons) {
        tell("F3", `${names.length} × ${reason}; first ${names.slice(0, 3).join(" | ")}`);
      }
      expect(problems).toEqual([]);
      // More than asked for: a disk that keeps its word leaves nothing that an operator has to see to.
      expect(figures).toEqual({ sound: chosen.length, behind: 0, refused: 0 });
    },
    isFull ? 7_200_000 : 600_000,
  );

  async function examine(
    bench: BenchProcess,
    path: string,
    { acknowledged }: Crash,
  ): Promise<{
    standing: "sound" | "behind" | "refused";
    problems: string[];
    reason: string;
  }> {
    const started = await bench.start(path);
    if (started.url === undefined) {
      const isNamed = started.exit === 2 && started.stderr !== "";
      const problems = isNamed ? [] : [`exit ${String(started.exit)}: ${started.stderr}`];
      return { standing: "refused", problems, reason: started.stderr };
    }
    const review = {
      url: started.url,
      standing: "stated",
      acknowledged,
    } as const;
    const report = await oracle.ask("review", review);
    const problems = [...report.problems];
    await bench.stop();
    const isSound = report.standing === "sound";
    const { exit, verdict } = await bench.fsck(path);
    if (isSound && (exit !== 0 || verdict !== "sound")) problems.push(`fsck: ${verdict}`);
    const standing = isSound ? "sound" : "behind";
    return { standing, problems, reason: isSound ? "" : report.status };
  }
});

/** Yields every distinct image, each with the most acknowledgements that came before it. */
function crashesOf(base: Image, events: readonly Event[]): readonly Crash[] {
  const losses = lossesOf(new Chance(SEED, "losses"));
  const disk = new Disk(base);
  const crashes = new Map<string, Crash>();
  const acknowledged: string[] = [];
  for (const [at, event] of events.entries()) {
    disk.apply(event);
    if (event.kind === "acknowledge") acknowledged.push(event.entryId);
    for (const loss of losses) {
      const image = disk.image(loss);
      const name = `after event ${at}, ${event.kind}; ${loss.name}`;
      crashes.set(digestOf(image), {
        image,
        name,
        acknowledged: [...acknowledged],
      });
    }
  }
  return [...crashes.values()];
}

function endOf(base: Image, events: readonly Event[]): Image {
  const disk = new Disk(base);
  for (const event of events) disk.apply(event);
  return disk.image({ names: "kept", data: (pending) => pending });
}

// Paths of an image are those of the service that was traced; only what changes is in it.
let traced = "";

async function readImage(path: string): Promise<Image> {
  traced = path;
  const names = await readdir(path, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile());
  const read = files.map(async (entry) => {
    const file = join(entry.parentPath, entry.name);
    return [file, new Uint8Array(await readFile(file))] as const;
  });
  return new Map(await Promise.all(read));
}

async function writeImage(image: Image, path: string): Promise<void> {
  for (const [file, bytes] of image) {
    const target = join(path, relative(traced, file));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, bytes);
  }
}

function namesOf(image: Image): readonly string[] {
  return [...image.keys()].sort();
}

function digestOf(image: Image): string {
  const hash = createHash("sha256");
  for (const name of namesOf(image)) {
    const bytes = image.get(name) ?? new Uint8Array();
    hash.update(`${name} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}
