import { describe } from "@jest/globals";

import { SEED } from "./effort.js";

/** Why a suite cannot run here, `undefined` if it can. */
export type Obstacle = string | undefined;

/** Describes a suite; where something is in its way it is skipped loudly, and fails under CI. */
export function describeFault(name: string, obstacle: Obstacle, suite: () => void): void {
  if (obstacle !== undefined && process.env["CI"] !== undefined) {
    throw new Error(skipOf(name, obstacle));
  }
  describePrivileged(name, obstacle, suite);
}

/** Describes a suite that takes rights which not every CI grants; there it is skipped, and says so. */
export function describePrivileged(name: string, obstacle: Obstacle, suite: () => void): void {
  const title = `${name} (seed ${SEED})`;
  if (obstacle === undefined) {
    describe(title, suite);
    return;
  }
  tellSkip(name, obstacle);
  describe.skip(title, suite);
}

/** Says on standard error what is left out; jest would keep a warning back, or bury it in a frame. */
export function tellSkip(name: string, obstacle: string): void {
  process.stderr.write(`${skipOf(name, obstacle)}\n`);
}

function skipOf(name: string, obstacle: string): string {
  return `SKIPPED for want of ${obstacle}: ${name}`;
}
