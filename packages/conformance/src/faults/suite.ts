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

/** Describes a suite that takes rights which not every CI grants; there too it is skipped loudly. */
export function describePrivileged(name: string, obstacle: Obstacle, suite: () => void): void {
  const title = `${name} (seed ${SEED})`;
  if (obstacle === undefined) {
    describe(title, suite);
    return;
  }
  console.warn(skipOf(name, obstacle));
  describe.skip(title, suite);
}

function skipOf(name: string, obstacle: string): string {
  return `SKIPPED for want of ${obstacle}: ${name}`;
}
