import type { AuditReport } from "./audit.js";
import { BenchProcess } from "./bench-process.js";
import { Chance } from "./chance.js";
import { describeEnd, wasKilled } from "./command.js";
import { SEED } from "./effort.js";
import type { LoadReport } from "./load.js";
import { OracleProcess } from "./oracle-process.js";
import { kill, stop } from "./site.js";
import type { Ground, Serving, Site } from "./site.js";

/** Statements of a load that is to be cut short; never all of them are sent. */
const ENDLESS = 100_000;

/** Longest time for the last audit, of all that was ever acknowledged, on a machine that is shared. */
const WHOLE_LIMIT_MS = 1_800_000;

/** One service and its oracle, through any number of crashes. */
export class Campaign {
  readonly site: Site;
  readonly oracle: OracleProcess;
  readonly #bench = new BenchProcess();
  readonly #chance: Chance;
  // Owned by the methods; read when all is over.
  readonly problems: string[] = [];
  rounds = 0;
  steps = 0;
  unanswered = 0;
  resurrected = 0;
  acknowledged = 0;

  private constructor(site: Site, oracle: OracleProcess, number: number) {
    this.site = site;
    this.oracle = oracle;
    this.#chance = new Chance(SEED, `campaign ${number}`);
  }

  static async begin(ground: Ground, number: number): Promise<Campaign> {
    const site = await ground.copy();
    // Every other one rules new entries out in memory, as services with many entries do.
    const own = number % 2 === 0 ? [] : ["--filter-from", "1"];
    return new Campaign(site.with(...own), await OracleProcess.start(ground, number), number);
  }

  /** Starts a server, holds it against what is known, and kills it once so many are acknowledged. */
  async killUnderLoad(acknowledged: number): Promise<void> {
    const serving = await this.#start();
    const load = this.#load(serving.url);
    const isKilled = new Promise<void>((resolve) => {
      const now = (): void => {
        serving.running.kill();
        resolve();
      };
      if (acknowledged === 0) setImmediate(now);
      else this.oracle.whenAcknowledged(acknowledged, now);
    });
    await isKilled;
    await this.#end(serving, await load);
  }

  /** Starts a server that kills itself at a step of a commit, and has it reach that. */
  async killAt(failpoint: string): Promise<void> {
    this.steps++;
    const start = await this.site.start({ env: { TALLYSTICK_FAILPOINT: failpoint } });
    if (start.url === undefined) {
      // Finishing the commit that an earlier kill cut short takes some of the same steps.
      const { outcome } = start;
      if (!wasKilled(outcome)) this.#report(`starting for ${failpoint}`, [describeEnd(outcome)]);
      this.rounds++;
      return;
    }
    const audit = await this.#audit(start.url, false);
    this.#report("audit", audit.problems);
    // The repeats of an audit make rounds, so the step may be reached by them.
    const load = await this.#load(start.url);
    await this.#end(start, load, `at ${failpoint}`);
  }

  /** Holds the stored log against what is known. */
  async fsck(): Promise<void> {
    this.problems.push(...(await this.oracle.ask("judge", await this.#bench.fsck(this.site.path))));
  }

  /** Checks everything once more, on a server that nothing happens to. */
  async finish(): Promise<void> {
    const serving = await this.#start(true);
    const { code } = await stop(serving);
    if (code !== 0) this.problems.push(`exit ${String(code)} after SIGTERM`);
    await this.fsck();
    await this.oracle.end();
    await this.#bench.end();
  }

  async #start(all = false): Promise<Serving> {
    const serving = await this.site.serve(all ? { limitMs: WHOLE_LIMIT_MS } : {});
    const audit = await this.#audit(serving.url, all);
    this.#report("audit", audit.problems);
    if (audit.unanswered > 0) {
      this.#report("audit", [`${audit.unanswered} requests without an answer`]);
    }
    return serving;
  }

  async #audit(url: string, all: boolean): Promise<AuditReport> {
    const audit = await this.oracle.ask("audit", { url, standing: "sound", all });
    this.resurrected += audit.resurrected;
    return audit;
  }

  #load(url: string): Promise<LoadReport> {
    const atOnce = 1 + this.#chance.below(32);
    return this.oracle.ask("load", {
      url,
      count: ENDLESS,
      atOnce,
      maxBytes: 2000,
    });
  }

  async #end(serving: Serving, load: LoadReport, how = "under load"): Promise<void> {
    const outcome = await kill(serving);
    if (!wasKilled(outcome)) this.#report(how, [describeEnd(outcome)]);
    this.#report(how, load.problems);
    this.rounds++;
    this.unanswered += load.unanswered;
    this.acknowledged += load.acknowledged;
  }

  #report(when: string, problems: readonly string[]): void {
    this.problems.push(...problems.map((problem) => `round ${this.rounds}, ${when}: ${problem}`));
  }
}
