import { EXIT, describeError } from "./exit.js";
import type { ExitCode } from "./exit.js";
import type { Output } from "./output.js";

/** Settles when the process is told to stop, or the log has stopped by itself. */
export class Stop {
  readonly reason: Promise<void>;
  readonly onFatal: (error: Error) => void;
  // Owned by onFatal: why the log has stopped, at whatever time it did.
  #fatal: Error | undefined;

  constructor() {
    let settle: () => void = () => undefined;
    this.reason = new Promise((resolve) => {
      settle = resolve;
    });
    this.onFatal = (error) => {
      this.#fatal ??= error;
      settle();
    };
    // Once: a second signal ends the process at once, as signals do.
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        settle();
      });
    }
  }

  get fatal(): Error | undefined {
    return this.#fatal;
  }

  /** Says why the log has stopped, if it has, and yields what to exit with. */
  report(output: Output): ExitCode {
    if (this.#fatal === undefined) return EXIT.yes;
    const what = "the log has stopped and must be opened again";
    output.noteText(`tally: ${describeError(this.#fatal, what)}`);
    return EXIT.fatal;
  }
}
