import type { IncomingMessage, ServerResponse } from "node:http";

import { CLIENT_SHARE, SharedBudget } from "./budget.js";
import { clientName } from "./client.js";
import type { ClientOf } from "./client.js";
import { ServerError } from "./error.js";
import type { Limits } from "./limits.js";
import { onOver } from "./over.js";
import { RateLimit } from "./rate.js";

/** What proxies say who they ask for in, by the names that Node has for headers. */
const FORWARDED = {
  "x-forwarded-for": "X-Forwarded-For",
  "x-real-ip": "X-Real-IP",
  forwarded: "Forwarded",
} as const;

const untold = (header: string): string =>
  `a request came with ${header}, and --proxies is 0: if a proxy stands before the server, have it add to ` +
  "X-Forwarded-For and say --proxies, or all clients behind it share what one client may have";

/** How long such a warning is not repeated. */
const NOTICE_SECONDS = 3600;

const PROBES: ReadonlySet<string> = new Set(["/health", "/ready"]);

/** What a {@link Gate} asks and tells. */
export interface GateOptions {
  readonly clientOf?: ClientOf | undefined;
  readonly onNotice?: ((line: string) => void) | undefined;
  /** Milliseconds on a clock that never goes back. */
  readonly now?: () => number;
}

/**
 * Turns requests away before anything is done about them: by the rate of the client, and by how many
 * are under way, of all and of the client. Registrations and reads are counted apart, so that neither
 * keeps the other out.
 */
export class Gate {
  /** How often each client may register. */
  readonly writes: RateLimit;
  readonly #reads: RateLimit;
  readonly #limits: Limits;
  readonly #clientOf: ClientOf | undefined;
  readonly #reading: SharedBudget;
  readonly #onNotice: ((line: string) => void) | undefined;
  readonly #now: () => number;
  // Owned by #watchProxies.
  #unheeded = 0;
  // Owned by #watchProxies: when it is told again, on the clock of #now.
  #silentUntil = -Infinity;

  /**
   * Has `onNotice` told where a proxy seems to stand before the server that it does not know of: once an hour at most, for
   * anybody can send such a request, and what a stranger has used up must not keep the operator from being told.
   */
  constructor(
    limits: Limits,
    { clientOf, onNotice, now = () => performance.now() }: GateOptions = {},
  ) {
    const { writesPerSecond, readsPerSecond, burstSeconds, maxClients, maxReads: most } = limits;
    const rate = (perSecond: number): RateLimit =>
      new RateLimit({
        perSecond,
        burst: Math.max(1, perSecond * burstSeconds),
        maxClients,
        now,
      });
    this.#limits = limits;
    this.#clientOf = clientOf;
    this.#onNotice = onNotice;
    this.#now = now;
    this.writes = rate(writesPerSecond);
    this.#reads = rate(readsPerSecond);
    this.#reading = new SharedBudget({ most, mostOfOne: most * CLIENT_SHARE, what: "reads" });
  }

  /** Names the client behind a request. */
  clientOf(request: IncomingMessage): string {
    return clientName(request, { proxies: this.#limits.proxies, clientOf: this.#clientOf });
  }

  /**
   * Counts a request in until its response closes.
   *
   * @throws {@link ServerError} `SERVER_RATE_LIMITED`, `SERVER_BUSY`
   */
  admit(request: IncomingMessage, response: ServerResponse): void {
    // Whoever watches the process must not take one that is busy for one that hangs.
    if (PROBES.has(request.url ?? "")) return;
    this.#watchProxies(request);
    const isWrite = request.method === "POST";
    const rate = isWrite ? this.writes : this.#reads;
    const client = this.clientOf(request);
    const waitMs = rate.take(client);
    // S28, S33: by client, and with the time after which it may come again.
    if (waitMs > 0) {
      const retryAfter = Math.ceil(waitMs / 1000);
      throw new ServerError("SERVER_RATE_LIMITED", rate.text, { retryAfter });
    }
    if (!isWrite) onOver(response, this.#reading.take(1, client));
  }

  /** Requests that say whom a proxy asks for, of which the server heeds nothing. */
  get unheeded(): number {
    return this.#unheeded;
  }

  #watchProxies({ headers }: IncomingMessage): void {
    if (this.#limits.proxies > 0) return;
    for (const [name, title] of Object.entries(FORWARDED)) {
      if (headers[name] === undefined) continue;
      this.#unheeded++;
      const now = this.#now();
      if (now < this.#silentUntil) return;
      this.#silentUntil = now + NOTICE_SECONDS * 1000;
      this.#onNotice?.(untold(title));
      return;
    }
  }
}
