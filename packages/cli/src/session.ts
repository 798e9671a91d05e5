import { CommanderError } from "commander";

import { EXIT, expectedError } from "./exit.js";
import type { ExitCode } from "./exit.js";
import type { Output } from "./output.js";

/** One run of the command: where it writes and what it comes to. */
export class Session {
  readonly output: Output;
  /** Whether the answer is one JSON object. */
  readonly isJson: boolean;
  /** What the process will exit with; a command that comes to a no sets it. */
  exit: ExitCode = EXIT.yes;

  constructor(output: Output, isJson: boolean) {
    this.output = output;
    this.isJson = isJson;
  }

  /** The time in seconds since the epoch. */
  now(): number {
    return Math.floor(Date.now() / 1000);
  }

  /** Reports what ended a command and yields what to exit with. */
  fail(error: unknown): ExitCode {
    // The parser of arguments has written its message already.
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.yes;
      this.#failJson("CLI_USAGE", error.message);
      return EXIT.usage;
    }
    const expected = expectedError(error);
    if (expected === undefined) {
      const stack = error instanceof Error ? error.stack : String(error);
      this.output.note(`tally: defect, please report it: ${stack ?? "no stack"}`);
      this.#failJson("CLI_DEFECT", "defect, see standard error");
      return EXIT.failed;
    }
    this.output.note(`tally: ${expected.message}`);
    this.#failJson(expected.code, expected.message);
    return expected.exit;
  }

  #failJson(code: string, message: string): void {
    if (this.isJson) this.output.printJson({ error: { code, message } });
  }
}
