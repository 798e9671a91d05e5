import { CommanderError } from "commander";

import { CliError } from "./error.js";
import { DEFECT, EXIT, describeError, expectedError } from "./exit.js";
import type { ExitCode } from "./exit.js";
import type { Output } from "./output.js";

/** One run of the command: where it writes and what it comes to. */
export class Session {
  readonly output: Output;
  /** Whether the answer is one JSON object. */
  readonly isJson: boolean;
  /** What the process will exit with; a command that comes to a no sets it. */
  exit: ExitCode = EXIT.yes;
  /** The command that was understood so far, as it is typed; whoever misused it is told its help. */
  command = "tally";

  constructor(output: Output, isJson: boolean) {
    this.output = output;
    this.isJson = isJson;
  }

  /** The time in seconds since the epoch. */
  now(): number {
    return Math.floor(Date.now() / 1000);
  }

  /** Says that a file was written, as a line of the answer; a JSON answer names it itself. */
  wrote(file: string, about = ""): void {
    if (!this.isJson) this.output.print(`wrote: ${file}${about}`);
  }

  /** Reports what ended a command and yields what to exit with. */
  fail(error: unknown): ExitCode {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.yes;
      // What it has written is help: the name of a command was left out.
      return this.fail(new CliError("CLI_USAGE", "want a command"));
    }
    const expected = expectedError(error);
    this.output.noteText(`tally: ${describeError(error)}${this.#hintFor(expected?.code)}`);
    if (expected === undefined) this.#failJson(DEFECT, "defect, see standard error");
    else this.#failJson(expected.code, expected.message);
    return expected?.exit ?? EXIT.failed;
  }

  #hintFor(code: string | undefined): string {
    return code === "CLI_USAGE" ? `; see ${this.command} --help` : "";
  }

  #failJson(code: string, message: string): void {
    if (this.isJson) this.output.printJson({ error: { code, message } });
  }
}
