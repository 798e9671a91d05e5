// The oracle, a process of its own: it outlives every server that it talks to, and holds each
// against all that the ones before it have promised. A suite starts it through oracle-process.ts.
import { PublicKey } from "@tallystick/cose";
import type { Jwk } from "@tallystick/cose";

import { Audit } from "./audit.js";
import type { AuditReport, Standing } from "./audit.js";
import { Chance } from "./chance.js";
import type { Identity } from "./exchange.js";
import { Load } from "./load.js";
import type { LoadOptions, LoadReport } from "./load.js";
import { Memory } from "./memory.js";
import type { FsckReport, Trust } from "./site.js";

/** What an oracle can be asked, with what it answers. */
export interface Questions {
  /** Send statements; progress is told meanwhile. */
  load: { readonly with: LoadOptions; readonly answer: LoadReport };
  /** Send one statement many times at once. */
  storm: {
    readonly with: { readonly url: string; readonly times: number };
    readonly answer: LoadReport & { readonly indexes: number };
  };
  /** Hold a server against everything remembered, or against what is new and a sample of the rest. */
  audit: {
    readonly with: {
      readonly url: string;
      readonly standing: Standing;
      readonly all: boolean;
    };
    readonly answer: AuditReport;
  };
  /** Hold a server against what was known when these statements alone were acknowledged. */
  review: {
    readonly with: {
      readonly url: string;
      readonly standing: Standing;
      readonly acknowledged: readonly string[];
      /** New statements to send as well. */
      readonly fresh?: number;
      /** How many of the acknowledged ones to read; all unless given. */
      readonly sample?: number;
    };
    readonly answer: AuditReport;
  };
  /** Hold a report of fsck against everything remembered; yields what is wrong. */
  judge: { readonly with: FsckReport; readonly answer: readonly string[] };
  /** Forget everything: another log follows. */
  forget: { readonly with: null; readonly answer: null };
  /** What was acknowledged so far, by EntryID, with its index. */
  recall: {
    readonly with: null;
    readonly answer: readonly (readonly [string, number])[];
  };
}

/** A question on its way. */
export interface Call<Name extends keyof Questions = keyof Questions> {
  readonly id: number;
  readonly name: Name;
  readonly with: Questions[Name]["with"];
}

/** What comes back: the answer to a question, why there is none, or how far a load is. */
export type Said =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: string }
  | { readonly acknowledged: number };

/** How many statements that an earlier audit has covered are looked at again. */
const SAMPLE = 20;

/** How many unacknowledged statements a review sends again. */
const REPEATS = 3;

class Oracle {
  readonly #identity: Identity;
  readonly #chance: Chance;
  readonly #key: Jwk;
  // Replaced by forget.
  #memory = new Memory();
  #load: Load;
  // Owned by audit: statements and the largest size that an earlier audit has covered.
  readonly #audited = new Set<string>();
  #auditedSize = 0;

  constructor(trust: Trust, seed: number) {
    const { issuer, origin } = trust;
    this.#identity = {
      issuer,
      origin,
      key: PublicKey.fromJwk(trust.receiptKey),
    };
    this.#chance = new Chance(seed, "oracle");
    this.#key = trust.statementKey;
    this.#load = this.#newLoad();
  }

  forget(): null {
    this.#memory = new Memory();
    this.#load = this.#newLoad();
    this.#audited.clear();
    this.#auditedSize = 0;
    return null;
  }

  #newLoad(): Load {
    return new Load(this.#memory, this.#identity, {
      key: this.#key,
      chance: this.#chance,
    });
  }

  load(options: LoadOptions): Promise<LoadReport> {
    return this.#load.run(options, (acknowledged) => process.send?.({ acknowledged }));
  }

  storm({ url, times }: Questions["storm"]["with"]): Promise<Questions["storm"]["answer"]> {
    return this.#load.storm(url, times, (acknowledged) => process.send?.({ acknowledged }));
  }

  async audit({ url, standing, all }: Questions["audit"]["with"]): Promise<AuditReport> {
    const { acknowledged, sizes } = this.#memory;
    const isNew = ({ entryId }: { entryId: string }): boolean => !this.#audited.has(entryId);
    const old = acknowledged.filter((sent) => !isNew(sent));
    const again = this.#chance.sample(old, all ? old.length : SAMPLE);
    const from = all ? 0 : this.#auditedSize;
    const report = await new Audit(this.#memory, this.#identity, {
      url,
      standing,
      acknowledged: [...acknowledged.filter(isNew), ...again],
      sizes: sizes.filter((size) => size >= from),
    }).run();
    for (const { entryId } of acknowledged) this.#audited.add(entryId);
    this.#auditedSize = sizes.at(-1) ?? 0;
    return report;
  }

  async review(question: Questions["review"]["with"]): Promise<AuditReport> {
    const { url, standing, acknowledged, fresh = 0, sample = Infinity } = question;
    const memory = this.#memory.asOf(new Set(acknowledged));
    const before = this.#chance.sample(memory.acknowledged, sample);
    const load = new Load(memory, this.#identity, {
      key: this.#key,
      chance: this.#chance,
    });
    const options = { url, count: fresh, atOnce: 1, maxBytes: 1000 };
    const { problems } = await load.run(options, () => undefined);
    const { sizes } = memory;
    const audit = {
      url,
      standing,
      acknowledged: before,
      sizes,
      repeats: REPEATS,
    };
    const report = await new Audit(memory, this.#identity, audit).run();
    return { ...report, problems: [...problems, ...report.problems] };
  }

  judge({ exit, verdict, size, root, problems }: FsckReport): readonly string[] {
    const says = problems.slice(0, 3).map(({ kind, where }) => `${kind} ${where}`);
    const wrong: string[] = [];
    if (exit !== 0 || verdict !== "sound") {
      wrong.push(`fsck: exit ${String(exit)}, ${verdict}: ${says.join(", ")}`);
    }
    const seen = this.#memory.sizes.at(-1) ?? 0;
    if (size < seen) wrong.push(`fsck: size ${size}, a checkpoint of ${seen} is out`);
    const tree = this.#memory.trees.get(size);
    if (tree !== undefined && tree.root !== root) wrong.push(`fsck: another root of size ${size}`);
    return wrong;
  }

  recall(): Questions["recall"]["answer"] {
    return this.#memory.acknowledged.map(({ entryId, acknowledged }) => [
      entryId,
      acknowledged.index,
    ]);
  }

  answer(call: Call): unknown {
    switch (call.name) {
      case "load":
        return this.load(call.with as Questions["load"]["with"]);
      case "storm":
        return this.storm(call.with as Questions["storm"]["with"]);
      case "audit":
        return this.audit(call.with as Questions["audit"]["with"]);
      case "review":
        return this.review(call.with as Questions["review"]["with"]);
      case "judge":
        return this.judge(call.with as FsckReport);
      case "forget":
        return this.forget();
      case "recall":
        return this.recall();
    }
  }
}

function listen(): void {
  const { trust, seed } = JSON.parse(process.argv[2] ?? "") as {
    trust: Trust;
    seed: number;
  };
  const oracle = new Oracle(trust, seed);
  process.on("message", (call: Call) => {
    const { id } = call;
    const reply = async (): Promise<void> => {
      try {
        process.send?.({ id, answer: await oracle.answer(call) });
      } catch (error) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        process.send?.({ id, error: text });
      }
    };
    void reply();
  });
  process.on("disconnect", () => process.exit());
}

if (process.send !== undefined && process.argv[1] === import.meta.filename) listen();
