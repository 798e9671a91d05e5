import type { ScrubAges } from "@tallystick/log";
import { Counter, Gauge, Histogram } from "prom-client";
import type { Registry } from "prom-client";
import { ASK_OUTCOMES } from "@tallystick/witness";

import type { RoundTimes, Watcher } from "./rounds.js";
import type { TransparencyService } from "./service.js";
import type { Peer } from "./witness/peers.js";
import type { Witnessing } from "./witness/witnessing.js";

/** From a tenth of a millisecond to ten seconds. */
const SECONDS = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025],
  ...[0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

const ENTRIES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/** How long things take, in buckets; no label of them has more values than there are routes. */
export class Measures implements Watcher {
  readonly #requests: Histogram<"method" | "route">;
  readonly #entries: Histogram;
  readonly #verify: Histogram;
  readonly #round: Readonly<Record<"commit" | "sync" | "anchor", Histogram>>;

  constructor(registry: Registry) {
    const registers = [registry];
    const timing = (name: string, help: string): Histogram =>
      new Histogram({ name: `tallystick_${name}_seconds`, help, buckets: SECONDS, registers });
    this.#requests = new Histogram({
      name: "tallystick_http_request_seconds",
      help: "From the headers of a request to the end of its answer, by template of the route.",
      labelNames: ["method", "route"],
      buckets: SECONDS,
      registers,
    });
    this.#entries = new Histogram({
      name: "tallystick_batch_entries",
      help: "Entries that share a commit and a checkpoint.",
      buckets: ENTRIES,
      registers,
    });
    this.#verify = timing(
      "verify",
      "Until signature and certificates of a statement were verified.",
    );
    this.#round = {
      commit: timing("commit", "A whole commit, from the built tree to the answers."),
      sync: timing("sync", "The synced write of a commit."),
      anchor: timing("anchor_sync", "The synced write of the anchor in a commit."),
    };
  }

  /** Takes the time of a request; both labels have to be bounded. */
  onRequest(labels: { readonly method: string; readonly route: string }, seconds: number): void {
    this.#requests.observe(labels, seconds);
  }

  onRound({ entries, ...times }: RoundTimes): void {
    this.#entries.observe(entries);
    for (const part of ["commit", "sync", "anchor"] as const) {
      this.#round[part].observe(times[part]);
    }
  }

  onVerified(seconds: number): void {
    this.#verify.observe(seconds);
  }
}

/** Registers what is read off the service whenever somebody asks. */
export function registerGauges(
  registry: Registry,
  service: TransparencyService,
  scrub?: () => ScrubAges,
): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name: `tallystick_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge("tree_size", "Entries under the newest checkpoint.", () => service.size());
  gauge("checkpoint_age_seconds", "Time since the newest checkpoint.", () =>
    service.checkpointAge(),
  );
  gauge("anchor_age_seconds", "Time since the anchor was last written.", () => service.anchorAge());
  gauge("writable", "1 while registrations are taken.", () => (service.isWritable() ? 1 : 0));
  gauge("read_only", "1 while the log can only be read, held or not.", () =>
    service.standing().kind === "reader" ? 1 : 0,
  );
  gauge("queue_entries", "Entries that wait for a commit.", () => service.log.queue().entries);
  gauge("queue_bytes", "Bytes of what waits for a commit.", () => service.log.queue().bytes);
  const { searchIndex: index } = service;
  if (index !== undefined) {
    gauge("search_behind_entries", "Published entries that the search index lacks.", () =>
      Math.max(0, service.size() - index.size),
    );
    gauge(
      "index_head_size",
      "Entries that the newest head of the verifiable index covers; 0 before the first.",
      () => index.head?.size ?? 0,
    );
  }
  const { witnessing } = service;
  if (witnessing !== undefined) {
    gauge("witnessed_size", "Entries under the newest checkpoint with a quorum; 0 before.", () => {
      return witnessing.witnessed?.size ?? 0;
    });
    gauge("quorum_age_seconds", "Time since the cosignatures of that quorum; NaN before.", () => {
      return witnessing.quorumAge() ?? Number.NaN;
    });
    gauge(
      "rollback_alarm",
      "1 once a checkpoint of this log was found that it does not extend.",
      () => (witnessing.isAlarmed ? 1 : 0),
    );
    gauge("held", "1 while witnesses keep registrations from being taken.", () =>
      witnessing.held() === undefined ? 0 : 1,
    );
    registerAnswers(registry, witnessing);
    registerCosigned(registry, witnessing);
  }
  if (scrub === undefined) return;
  gauge("scrub_problems", "Problems that the scrub found since the start.", () => scrub().errors);
  gauge(
    "scrub_suspicions",
    "First looks of the scrub that found something since the start, confirmed or not.",
    () => scrub().suspicions,
  );
  registerScrubAge(registry, scrub);
}

function registerScrubAge(registry: Registry, scrub: () => ScrubAges): void {
  new Gauge({
    name: "tallystick_scrub_age_seconds",
    help: "Time since the last whole pass of the scrub; NaN before the first.",
    labelNames: ["pass"],
    registers: [registry],
    collect() {
      const ages = scrub();
      for (const pass of ["tree", "bodies"] as const) {
        this.set({ pass }, ages[pass].ageSeconds ?? Number.NaN);
      }
    },
  });
}

function registerCosigned(registry: Registry, { peers }: Witnessing): void {
  const gauge = (name: string, help: string, read: (peer: Peer) => number | undefined): void => {
    new Gauge({
      name: `tallystick_${name}`,
      help,
      labelNames: ["witness"],
      registers: [registry],
      collect() {
        for (const peer of peers) this.set({ witness: peer.name }, read(peer) ?? Number.NaN);
      },
    });
  };
  gauge("witness_cosigned_size", "Entries that a witness cosigned last; NaN before.", (peer) => {
    return peer.cosigned?.size;
  });
  gauge("witness_cosigned_time_seconds", "POSIX time of that cosignature; NaN before.", (peer) => {
    return peer.cosigned?.time;
  });
}

function registerAnswers(registry: Registry, { peers }: Witnessing): void {
  new Counter({
    name: "tallystick_witness_answers_total",
    help: "What witnesses answered that were asked for cosignatures.",
    labelNames: ["witness", "outcome"],
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, counts } of peers) {
        for (const outcome of ASK_OUTCOMES) {
          this.inc({ witness: name, outcome }, counts.get(outcome) ?? 0);
        }
      }
    },
  });
}
