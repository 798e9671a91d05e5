import { formatEntryId } from "@tallystick/statement";

import { ServerError } from "./error.js";
import { Failures } from "./failures.js";
import type { Limits } from "./limits.js";
import type { Metrics } from "./metrics.js";
import type { Preference } from "./prefer.js";
import { problemOf } from "./problem.js";
import { RegistrationQueue } from "./queue.js";
import type { Registration, TransparencyService } from "./service.js";

/** What registrations work with. */
export interface RegistrationsOptions {
  readonly service: TransparencyService;
  readonly metrics: Metrics;
  readonly limits: Limits;
  /** Told of what became a 500. */
  readonly onDefect?: ((error: unknown) => void) | undefined;
}

/** Who sends a statement, and when it would like its answer. */
export interface Sender {
  /** Names the client. */
  readonly client: string;
  readonly prefer: Preference;
}

/** What a registration has come to so far. */
export interface Answered {
  readonly entryId: string;
  /** `undefined` while it runs. */
  readonly registration: Registration | undefined;
}

/**
 * The registrations of one process: how many there may be at once, which of them run, and for a while
 * why those failed that were accepted and not finished.
 *
 * A registration that has begun goes on, whether anybody waits for it or not.
 */
export class Registrations {
  /** Which of them are under way. */
  readonly queue: RegistrationQueue;
  readonly #options: RegistrationsOptions;
  readonly #failures: Failures;
  // Owned by #run: how many times each entry waits for the log, by EntryID.
  readonly #running = new Map<string, number>();

  constructor(options: RegistrationsOptions) {
    const { maxQueued: maxEntries, maxQueuedBytes: maxBytes } = options.limits;
    this.#options = options;
    this.queue = new RegistrationQueue({ maxEntries, maxBytes });
    this.#failures = new Failures(() => performance.now());
    options.metrics.watch(this.queue);
  }

  /**
   * Registers a statement and resolves once it is published, or once it is admitted, waits for the
   * log and has been waited for as long as the client and the service would.
   *
   * S17: nothing is accepted before the policy has admitted it.
   *
   * @throws {@link ServerError} `SERVER_BUSY`, `SERVER_RATE_LIMITED`; else as
   * `TransparencyService.register`
   */
  async answer(statement: Uint8Array, { client, prefer }: Sender): Promise<Answered> {
    const leave = this.queue.take(statement.length, client);
    const { isAsync, waitMs } = prefer;
    const { registerWaitMs } = this.#options.limits;
    const patienceMs = isAsync ? Math.min(waitMs, registerWaitMs) : registerWaitMs;
    return new Promise((resolve, reject) => {
      let entryId: string | undefined;
      let isPatient = patienceMs > 0;
      let isAccepted = false;
      const accept = (): void => {
        if (entryId === undefined || isPatient) return;
        isAccepted = true;
        resolve({ entryId, registration: undefined });
      };
      const timer = setTimeout(() => {
        isPatient = false;
        accept();
      }, patienceMs);
      const onQueued = (queued: string): void => {
        entryId = queued;
        accept();
      };
      const run = this.#run(statement, { leave, onQueued });
      run.then((registration) => {
        resolve({ entryId: registration.entryId, registration });
      }, reject);
      run
        .catch((error: unknown) => {
          // Nobody is left who would be answered with it.
          if (isAccepted && problemOf(error).status === 500) this.#options.onDefect?.(error);
        })
        .finally(() => {
          clearTimeout(timer);
        });
    });
  }

  /**
   * Registers a statement that has waited for its place in the queue, and leaves it in the end.
   *
   * @throws as `TransparencyService.register`
   */
  register(statement: Uint8Array, leave: () => void): Promise<Registration> {
    return this.#run(statement, { leave });
  }

  /** Yields whether the entry has been accepted and is not on the log yet. */
  isRunning(entryId: string): boolean {
    return this.#running.has(entryId);
  }

  /** Yields what to say of an entry that is not on the log although it was accepted. */
  failure(entryId: string): ServerError | undefined {
    const reason = this.#failures.reason(entryId);
    if (reason === undefined) return undefined;
    return new ServerError("SERVER_REGISTRATION_FAILED", `${entryId}: ${reason}`);
  }

  async #run(
    statement: Uint8Array,
    { leave, onQueued }: { leave: () => void; onQueued?: (entryId: string) => void },
  ): Promise<Registration> {
    const { service, metrics } = this.#options;
    let entryId: string | undefined;
    const queued = (entry: Uint8Array): void => {
      if (entryId !== undefined) return;
      entryId = formatEntryId(entry);
      this.#running.set(entryId, (this.#running.get(entryId) ?? 0) + 1);
      onQueued?.(entryId);
    };
    try {
      const registration = await metrics.registration(() => service.register(statement, queued));
      this.#failures.forget(registration.entryId);
      return registration;
    } catch (error) {
      // Before it ceases to run, so that whoever asks finds the one or the other.
      if (entryId !== undefined) this.#remember(entryId, error);
      throw error;
    } finally {
      leave();
      if (entryId !== undefined) this.#end(entryId);
    }
  }

  #remember(entryId: string, error: unknown): void {
    const { title, detail } = problemOf(error);
    this.#failures.remember(entryId, `${title}: ${detail}`);
  }

  #end(entryId: string): void {
    const count = this.#running.get(entryId) ?? 0;
    if (count > 1) this.#running.set(entryId, count - 1);
    else this.#running.delete(entryId);
  }
}
