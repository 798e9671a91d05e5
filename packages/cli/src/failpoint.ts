import { COMMIT_STEPS } from "@tallystick/log";
import type { OnStep, StepName } from "@tallystick/log";

import { CliError } from "./error.js";

/** Names the variable that makes a process fail on purpose; for tests only. */
export const FAILPOINT = "TALLYSTICK_FAILPOINT";

/**
 * Yields what fails at a step of a commit: `committed:3` kills the process when that step is reached
 * for the third time, `committed:3:throw` throws there. `undefined` without a text.
 *
 * @throws {@link CliError} `CLI_USAGE`
 */
export function parseFailpoint(text: string | undefined): OnStep | undefined {
  if (text === undefined || text === "") return undefined;
  const [, name = "", times = "", how = ""] =
    /^([A-Za-z]+):([1-9][0-9]{0,8})(:throw)?$/.exec(text) ?? [];
  if (!COMMIT_STEPS.includes(name as StepName)) {
    throw new CliError("CLI_USAGE", `${FAILPOINT} is not STEP:N or STEP:N:throw`);
  }
  let left = Number(times);
  return async (step) => {
    if (step.name !== name || --left !== 0) return;
    if (how !== "") throw new Error(`failpoint ${text}`);
    process.kill(process.pid, "SIGKILL");
    // The signal may take a moment, in which nothing more must happen.
    await new Promise(() => undefined);
  };
}
