import type { Log, LogOptions, OnStep } from "@tallystick/log";

import { closingOnFailure } from "./closing.js";
import { RoundWatch } from "./rounds.js";
import { searchingOf } from "./search/searching.js";
import type { Searching } from "./search/searching.js";
import type { ServiceOptions } from "./service.js";

/** Whether registrations are taken. Owned by the log's onFatal and by close; never true again. */
export interface WriteState {
  isWritable: boolean;
}

/** What a service holds open. */
export interface ServiceParts {
  readonly log: Log;
  readonly state: WriteState;
  readonly rounds: RoundWatch;
  readonly search: Searching;
}

/** The clock of a service that is given none: seconds since the epoch. */
export function wallClock(): number {
  return Math.floor(Date.now() / 1000);
}

/**
 * Opens the log of a service with `open`, which closes store and anchor where it fails, and then the
 * search index. Whatever throws, nothing is left open.
 */
export async function openParts(
  options: ServiceOptions,
  open: (options: LogOptions) => Promise<Log>,
): Promise<ServiceParts> {
  const { now = wallClock, formerKeys: otherKeys = [] } = options;
  const state: WriteState = { isWritable: true };
  const onFatal = (error: Error): void => {
    state.isWritable = false;
    options.onFatal?.(error);
  };
  const rounds = new RoundWatch();
  const onStep: OnStep = (step) => {
    rounds.step(step);
    return options.onStep?.(step);
  };
  const log = await open({ ...options, otherKeys, now, onFatal, onStep });
  const search = await closingOnFailure([log], () => searchingOf(options, log));
  rounds.begin(log.head().checkpoint.size);
  rounds.watch({
    onRound: ({ entries }) => {
      const { checkpoint } = log.head();
      search.published(checkpoint, checkpoint.size - entries);
    },
    onVerified: () => undefined,
  });
  search.wake();
  return { log, state, rounds, search };
}
