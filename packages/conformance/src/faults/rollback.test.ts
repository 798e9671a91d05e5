import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { copyFile, rm } from "node:fs/promises";

import type { AuditReport } from "./audit.js";
import { BenchProcess } from "./bench-process.js";
import { tell } from "./effort.js";
import { OracleProcess } from "./oracle-process.js";
import { Ground, stop } from "./site.js";
import type { Site } from "./site.js";
import { describeFault } from "./suite.js";

const COUNT = 20;

describeFault("F5: rollback", undefined, () => {
  let ground: Ground;
  let oracle: OracleProcess;
  let bench: BenchProcess;
  let older: Site;
  let newer: Site;
  let fork: Site;
  let acknowledged: readonly string[];

  beforeAll(async () => {
    ground = await Ground.make();
    oracle = await OracleProcess.start(ground);
    bench = new BenchProcess();
    newer = await ground.copy();
    await grow(newer);
    older = await ground.copy(newer);
    await grow(newer);
    acknowledged = (await oracle.ask("recall", null)).map(([entryId]) => entryId);
    // The same sizes, and other entries: what a second copy of the service would have logged.
    fork = await ground.copy(older);
    const other = await OracleProcess.start(ground, 1);
    await grow(fork, other);
    await other.end();
  });

  afterAll(async () => {
    await bench.end();
    await oracle.end();
    await ground.clear();
  });

  async function grow(site: Site, by = oracle): Promise<void> {
    const serving = await site.serve();
    const load = { url: serving.url, count: COUNT, atOnce: 1, maxBytes: 500 };
    expect(await by.ask("load", load)).toMatchObject({ acknowledged: COUNT });
    await stop(serving);
  }

  /** Puts together a service of the log of one and the anchor of another. */
  async function mixed(log: Site, anchor: Site | undefined): Promise<Site> {
    const site = await ground.copy(log);
    if (anchor === undefined) await rm(site.at("anchor"));
    else await copyFile(anchor.at("anchor"), site.at("anchor"));
    return site;
  }

  async function review(site: Site): Promise<AuditReport> {
    const { url, stderr } = await bench.start(site.path);
    if (url === undefined) throw new Error(stderr);
    const question = {
      url,
      standing: "stated",
      acknowledged,
      fresh: 1,
    } as const;
    const report = await oracle.ask("review", question);
    await bench.stop();
    return report;
  }

  const readOnly: readonly (readonly [string, () => Promise<Site>, string])[] = [
    ["the database rolled back", () => mixed(older, newer), "LOG_BEHIND_ANCHOR"],
    [
      "the database rolled back past its policy",
      () => mixed(ground.blank, newer),
      "LOG_BEHIND_ANCHOR",
    ],
  ];

  const refused: readonly (readonly [string, () => Promise<Site>, RegExp])[] = [
    ["the anchor rolled back", () => mixed(newer, older), /tally recover DIR --rebuild-anchor/],
    ["the anchor lost", () => mixed(newer, undefined), /tally recover DIR --rebuild-anchor/],
    ["the database of a fork", () => mixed(fork, newer), /two histories were signed/],
  ];

  test.each(readOnly)(
    "%s: serves what it has, signs nothing and says why",
    async (name, make, code) => {
      const site = await make();
      // Again and again: starting must not mend what only an operator can judge.
      for (let start = 0; start < 2; start++) {
        const report = await review(site);
        expect(report).toMatchObject({
          standing: "behind",
          problems: [],
        });
        const status = JSON.parse(report.status) as Record<string, unknown>;
        expect(status).toMatchObject({ status: "read-only", code });
        expect(status["reason"]).toMatch(/tally /);
        if (start === 0) tell("F5", `${name}: ${String(status["reason"])}`);
      }
      await site.remove();
    },
  );

  test.each(refused)("%s: shows its head to nobody and says why", async (name, make, reason) => {
    const site = await make();
    for (let start = 0; start < 2; start++) {
      const { url, stderr } = await bench.start(site.path);
      expect([url, stderr]).toEqual([undefined, expect.stringMatching(reason)]);
      if (start === 0) tell("F5", `${name}: refused: ${stderr.trim()}`);
    }
    await site.remove();
  });

  test("both rolled back: not seen by the service alone, and convicted by whoever remembers", async () => {
    const site = await mixed(older, older);
    const report = await review(site);
    expect(report.standing).toBe("sound");
    tell(
      "F5",
      `both rolled back: taken for whole; the oracle convicts it ${report.problems.length} times`,
    );
    const says = report.problems.join("\n");
    expect(says).toContain("is out");
    expect(says).toContain("404");
    await site.remove();
  });
});
