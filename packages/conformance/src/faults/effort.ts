const given = process.env["TALLYSTICK_SEED"];

/** What all choices follow from; `TALLYSTICK_SEED` repeats those of an earlier run. */
export const SEED: number = given === undefined ? Date.now() % 2 ** 31 : Number(given);

/** Whether to do everything, as the scripts do, or the part that fits into every test run. */
export const isFull: boolean = process.env["TALLYSTICK_FAULTS"] === "full";

/** Yields how much of something to do. */
export function effort({ bounded, full }: { bounded: number; full: number }): number {
  return isFull ? full : bounded;
}

/** Prints one line of figures; they are what docs/reliability.md is written from. */
export function tell(suite: string, line: string): void {
  process.stdout.write(`${suite} (seed ${SEED}): ${line}\n`);
}
