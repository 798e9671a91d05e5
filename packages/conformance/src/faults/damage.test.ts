import { afterAll, beforeAll, expect, test } from "@jest/globals";

import type { AuditReport } from "./audit.js";
import type { Result } from "./bench.js";
import type { BenchProcess } from "./bench-process.js";
import { Chance } from "./chance.js";
import { FILE_KINDS, SETUP_KINDS, flipsOf, rowDamages, sectorsOf } from "./damage.js";
import type { Damage } from "./damage.js";
import { SEED, effort, isFull, tell } from "./effort.js";
import { ask, jsonOf } from "./exchange.js";
import { onBenches } from "./lanes.js";
import type { LoadOptions } from "./load.js";
import { OracleProcess } from "./oracle-process.js";
import { digestRows } from "./rows.js";
import { Ground, kill, stop } from "./site.js";
import type { Serving, Site } from "./site.js";
import { describeFault } from "./suite.js";

/** Flips in each kind of file. */
const FLIPS = effort({ bounded: 5, full: 80 });

/** Sectors of zeros in each kind of file. */
const SECTORS = effort({ bounded: 2, full: 40 });

/** Flips in each file of the setup. */
const SETUP_FLIPS = effort({ bounded: 2, full: 40 });

/** Acknowledged statements that are read back from each damaged service. */
const READS = effort({ bounded: 60, full: 1000 });

/** No pause between reads, so that a cycle takes as long as it has to. */
const SCRUB = ["--scrub-rate", "1000000", "--scrub-pause", "0"];
const NO_SCRUB = ["--scrub-rate", "0"];

type Ages = Readonly<Record<"tree" | "bodies", { readonly ageSeconds: number | null }>>;

/** What came of one damage. */
interface Finding {
  readonly hasEffect: boolean;
  readonly fsck: number | null;
  /** How the server took it: at boot, while it served, not at all, or by an end of the process. */
  readonly served: "refused" | "read-only" | "served" | "ended";
  readonly audit: AuditReport | undefined;
  readonly scrub: "found" | "not started" | "missed" | "ended";
}

describeFault("F4: damage on the disk", undefined, () => {
  let ground: Ground;
  let oracle: OracleProcess;
  let grown: Site;
  let acknowledged: readonly string[];
  let rows: string | undefined;
  const findings: (Finding & { readonly damage: Damage })[] = [];

  beforeAll(async () => {
    ground = await Ground.make();
    oracle = await OracleProcess.start(ground);
    grown = await ground.copy();
    // What opening reads again are the newest 16 MiB, so what comes first here is beyond its reach;
    // and what is written last is in the write-ahead log.
    await grow({ count: 300, atOnce: 40, maxBytes: 1500 }, stop);
    await grow({ count: 300, atOnce: 40, maxBytes: 1500 }, stop);
    await grow({ count: 24, atOnce: 3, minBytes: 900_000, maxBytes: 1_000_000 }, stop);
    await grow({ count: 30, atOnce: 4, maxBytes: 1500 }, kill);
    acknowledged = (await oracle.ask("recall", null)).map(([entryId]) => entryId);
    const copy = await ground.copy(grown);
    rows = await digestRows(copy.at("log"));
    expect(rows).toBeDefined();
    await copy.remove();
  }, 300_000);

  afterAll(async () => {
    await oracle.end();
    await ground.clear();
  });

  async function grow(
    load: Omit<LoadOptions, "url">,
    end: (serving: Serving) => Promise<unknown>,
  ): Promise<void> {
    const serving = await grown.serve({}, ...NO_SCRUB);
    const { acknowledged: count } = await oracle.ask("load", {
      ...load,
      url: serving.url,
    });
    expect(count).toBe(load.count);
    await end(serving);
  }

  async function examine(damage: Damage, bench: BenchProcess): Promise<Finding> {
    const site = await ground.copy(grown);
    await damage.apply(site);
    const [checked, scrubbed] = await Promise.all([ground.copy(site), ground.copy(site)]);
    const { exit } = await bench.fsck(checked.path);
    const isSame = (await bench.rows(checked.at("log"))) === rows;
    const { served, audit } = await serve(site, bench);
    const scrub = await scrubOf(scrubbed, bench);
    await Promise.all([site, checked, scrubbed].map((copy) => copy.remove()));
    // The last record is cut off as one that a crash cut short, and made again at the next start.
    const hasEffect = !isSame || (damage.kind.endsWith("anchor") && damage.looksTorn !== true);
    return { hasEffect, fsck: exit, served, audit, scrub };
  }

  async function serve(
    site: Site,
    bench: BenchProcess,
  ): Promise<Pick<Finding, "served" | "audit">> {
    const started = await bench.start(site.path, ...NO_SCRUB);
    if (hasEnded(started)) return { served: "ended", audit: undefined };
    if (started.url === undefined) {
      expect(started).toMatchObject({
        exit: 2,
        stderr: expect.stringMatching(/^tally: ./),
      });
      return { served: "refused", audit: undefined };
    }
    const { url } = started;
    const review = {
      url,
      standing: "doubtful",
      acknowledged,
      fresh: 2,
      sample: READS,
    } as const;
    const audit = await oracle.ask("review", review);
    if (hasEnded(await bench.stop())) return { served: "ended", audit };
    return {
      served: audit.standing === "behind" ? "read-only" : "served",
      audit,
    };
  }

  /** Waits until the scrub has closed the log, or has been through it. */
  async function scrubOf(site: Site, bench: BenchProcess): Promise<Finding["scrub"]> {
    const started = await bench.start(site.path, ...SCRUB);
    if (hasEnded(started)) return "ended";
    if (started.url === undefined) return "not started";
    const until = async (): Promise<Finding["scrub"]> => {
      for (;;) {
        const answer = await ask(`${started.url ?? ""}/health`);
        if (answer.status === 0) return "ended";
        const health = jsonOf(answer);
        if (health["code"] === "LOG_FROZEN") return "found";
        // What opening has found the scrub need not find again.
        if (health["status"] !== "ok") return "not started";
        const { tree, bodies } = health["scrub"] as Ages;
        if (tree.ageSeconds !== null && bodies.ageSeconds !== null) return "missed";
      }
    };
    const verdict = await until();
    const hasStopped = !hasEnded(await bench.stop());
    if (verdict === "ended") expect(hasStopped).toBe(false);
    return hasStopped ? verdict : "ended";
  }

  test("none at all is no finding: this suite can tell", async () => {
    await onBenches(
      [{ name: "none", kind: "none", apply: () => Promise.resolve() }],
      async (none, bench) => {
        const { hasEffect, fsck, served, audit, scrub } = await examine(none, bench);
        expect({ hasEffect, fsck, served, scrub }).toEqual({
          hasEffect: false,
          fsck: 0,
          served: "served",
          scrub: "missed",
        });
        expect(audit).toMatchObject({ problems: [], refusals: {}, denied: 0 });
      },
    );
  });

  test(
    "is never served and never signed",
    async () => {
      const chance = new Chance(SEED, "flips");
      const flips: Damage[] = [];
      for (const kind of FILE_KINDS) {
        flips.push(...(await flipsOf(grown, kind, { count: FLIPS, chance })));
        flips.push(...(await sectorsOf(grown, kind, { count: SECTORS, chance })));
      }
      await onBenches([...flips, ...rowDamages()], async (damage, bench) => {
        findings.push({ ...(await examine(damage, bench)), damage });
      });
      const kinds = new Set(findings.map(({ damage }) => damage.kind));
      for (const kind of kinds) {
        const of = findings.filter(({ damage }) => damage.kind === kind);
        const count = (test: (finding: Finding) => boolean): number => of.filter(test).length;
        tell(
          "F4",
          `${kind}: ${of.length} damages, ${count(({ hasEffect }) => hasEffect)} with effect, ` +
            `fsck found ${count(({ fsck }) => fsck !== 0)}; ` +
            `${count(({ served }) => served === "refused")} refused, ` +
            `${count(({ served }) => served === "read-only")} read-only, ` +
            `${count(({ served }) => served === "ended")} ended the process, ` +
            `${count(({ served }) => served === "served")} served ` +
            `(${count(({ audit }) => (audit?.denied ?? 0) > 0)} denied an entry); ` +
            `scrub found ${count(({ scrub }) => scrub === "found")}, ` +
            `ended in ${count(({ scrub }) => scrub === "ended")}`,
        );
      }
      const wrong = findings.flatMap(({ damage, audit }) =>
        (audit?.problems ?? []).map((problem) => `${damage.name}: ${problem}`),
      );
      expect(wrong).toEqual([]);
    },
    isFull ? 7_200_000 : 600_000,
  );

  test(
    "of what it is set up with is refused, or changes nothing that it signs",
    async () => {
      const chance = new Chance(SEED, "setup");
      const flips: Damage[] = [];
      for (const kind of SETUP_KINDS) {
        flips.push(...(await flipsOf(grown, kind, { count: SETUP_FLIPS, chance })));
      }
      const problems: string[] = [];
      const ends: Record<string, number> = {};
      await onBenches(flips, async (damage, bench) => {
        const site = await ground.copy(grown);
        await damage.apply(site);
        const { served, audit } = await serve(site, bench);
        ends[served] = (ends[served] ?? 0) + 1;
        problems.push(...(audit?.problems ?? []).map((problem) => `${damage.name}: ${problem}`));
        await site.remove();
      });
      tell("F4", `setup: ${flips.length} flips, ${JSON.stringify(ends)}`);
      expect(problems).toEqual([]);
      expect(ends["refused"]).toBeGreaterThan(0);
    },
    isFull ? 3_600_000 : 300_000,
  );

  test("T-meta: whatever has an effect makes fsck exit with another code than 0", () => {
    const missed = findings.filter(({ hasEffect, fsck }) => hasEffect && fsck === 0);
    expect(missed.map(({ damage }) => damage.name)).toEqual([]);
    expect(findings.some(({ fsck }) => fsck !== 0)).toBe(true);
  });

  test("whatever has an effect is found by the scrub in its first cycle", () => {
    const missed = findings.filter(({ hasEffect, scrub }) => hasEffect && scrub === "missed");
    expect(missed.map(({ damage }) => damage.name)).toEqual([]);
    expect(findings.some(({ scrub }) => scrub === "found")).toBe(true);
  });
});

/** Whether LevelDB ended the process: by an assertion of its own, over a table, and by nothing else. */
function hasEnded({ hasAborted, stderr }: Result): boolean {
  if (hasAborted === true) expect(stderr).toMatch(/leveldb.*Assertion .* failed/s);
  return hasAborted === true;
}
