import type { ScrubAges } from "@tallystick/log";
import { PolicyError } from "@tallystick/policy";
import { StatementError } from "@tallystick/statement";
import { Counter, Gauge, Registry } from "prom-client";

import { ServerError } from "./error.js";
import type { Gate } from "./gate.js";
import { Measures, registerGauges } from "./measures.js";
import { isRefusal } from "./problem.js";
import type { RegistrationQueue } from "./queue.js";
import type { Registration, TransparencyService } from "./service.js";

/** Most names of rules that are told apart; a label with any number of values would exhaust memory. */
const MAX_RULES = 200;

/** What a reason of a refusal begins with where no rule gave it. */
const FIELDS: ReadonlySet<string> = new Set([
  ...["algorithm", "contentType", "size", "subject", "issuer", "certificate", "key"],
  "proposal",
]);

const OTHER = "other";

/** What is told beside what a service counts. */
export interface MetricsOptions {
  /** How old the last whole passes of the log's scrub are, where one runs. */
  readonly scrub?: () => ScrubAges;
  /** Median time of a synced write as of the start, `undefined` until it is known. */
  readonly syncSeconds?: () => number | undefined;
}

/** What a service counts, for Prometheus; lives as long as the process, and in no log. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #registrations: Counter<"outcome">;
  readonly #reasons: Counter<"reason">;
  readonly #requests: Counter<"method" | "route" | "status">;
  readonly #measures: Measures;
  // Owned by #nameIn: grows up to MAX_RULES.
  readonly #rules = new Set<string>();

  constructor(service: TransparencyService, { scrub, syncSeconds }: MetricsOptions = {}) {
    const registers = [this.#registry];
    this.#registrations = new Counter({
      name: "tallystick_registrations_total",
      help: "Statements sent to be registered, by what became of them.",
      labelNames: ["outcome"],
      registers,
    });
    for (const outcome of ["registered", "duplicate", "refused", "failed"]) {
      this.#registrations.inc({ outcome }, 0);
    }
    this.#reasons = new Counter({
      name: "tallystick_registration_reasons_total",
      help: "Why statements were refused or failed; a statement may have several reasons.",
      labelNames: ["reason"],
      registers,
    });
    this.#requests = new Counter({
      name: "tallystick_http_requests_total",
      help: "Answered requests, by template of the route.",
      labelNames: ["method", "route", "status"],
      registers,
    });
    this.#measures = new Measures(this.#registry);
    service.watch(this.#measures);
    registerGauges(this.#registry, service, scrub);
    if (syncSeconds !== undefined) {
      const help = "Median of the synced writes timed at the start; NaN before.";
      this.#gauge("tallystick_start_sync_seconds", help, () => syncSeconds() ?? Number.NaN);
    }
  }

  /** Tells how many registrations are under way, and how many wait for that. */
  watch(queue: RegistrationQueue): void {
    this.#gauge("tallystick_registering_entries", "Registrations under way.", () => queue.entries);
    this.#gauge("tallystick_registering_bytes", "Bytes of their statements.", () => queue.bytes);
    const waiting = "Statements of batches that wait for a place.";
    this.#gauge("tallystick_waiting_entries", waiting, () => queue.waiting.entries);
    this.#gauge("tallystick_waiting_bytes", "Bytes of these.", () => queue.waiting.bytes);
  }

  /** Tells how many requests came from a proxy that the server does not know of. */
  watchProxies(gate: Pick<Gate, "unheeded">): void {
    new Counter({
      name: "tallystick_http_forwarded_unheeded_total",
      help: "Requests with X-Forwarded-For or the like while no proxy is known of.",
      registers: [this.#registry],
      collect() {
        this.reset();
        this.inc(gate.unheeded);
      },
    });
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** Media type of {@link Metrics.format}, with its version. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Formats everything as Prometheus reads it. */
  format(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Counts a registration by its outcome, which is handed on as it is. */
  async registration(register: () => Promise<Registration>): Promise<Registration> {
    try {
      const registration = await register();
      const outcome = registration.isDuplicate ? "duplicate" : "registered";
      this.#registrations.inc({ outcome });
      return registration;
    } catch (error) {
      const isRefused =
        error instanceof StatementError ||
        error instanceof PolicyError ||
        error instanceof ServerError;
      this.#registrations.inc({ outcome: isRefused ? "refused" : "failed" });
      for (const reason of this.#reasonsOf(error)) this.#reasons.inc({ reason });
      throw error;
    }
  }

  /** Counts an answer; `route` is its template, never a path that somebody has asked for. */
  request(answer: {
    readonly method: string;
    readonly route: string;
    readonly status: number;
    readonly seconds: number;
  }): void {
    const { route, status, seconds } = answer;
    const method = methodLabel(answer.method);
    this.#requests.inc({ method, route, status });
    this.#measures.onRequest({ method, route }, seconds);
  }

  #reasonsOf(error: unknown): ReadonlySet<string> {
    if (error instanceof PolicyError && error.code === "POLICY_REJECTED") {
      return new Set(error.reasons.map((reason) => this.#nameIn(reason)));
    }
    return new Set([isRefusal(error) ? error.code : OTHER]);
  }

  // What stands before the colon is a field, or "rule" and the name that the policy gives it; the rest
  // may have words of the statement in it.
  #nameIn(reason: string): string {
    const [name = ""] = /^[^:]*(?=: )/.exec(reason) ?? [];
    if (FIELDS.has(name)) return name;
    if (!/^rule [A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return OTHER;
    if (!this.#rules.has(name) && this.#rules.size >= MAX_RULES) return OTHER;
    this.#rules.add(name);
    return name;
  }
}

const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "OPTIONS", "PUT", "DELETE"]);

function methodLabel(method: string): string {
  return METHODS.has(method) ? method : OTHER;
}
