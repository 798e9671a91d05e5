import { start, startTally } from "./command.js";
import type { Outcome, Running } from "./command.js";
import type { Workspace } from "./workspace.js";

/** A `tally serve` that accepts requests. */
export class ServeProcess {
  readonly url: string;
  readonly running: Running;

  private constructor(url: string, running: Running) {
    this.url = url;
    this.running = running;
  }

  /**
   * Starts on a free port and waits for the line that says where it listens. Without a log, unless the
   * options ask for one.
   */
  static start(
    workspace: Workspace,
    dir: string,
    ...options: readonly string[]
  ): Promise<ServeProcess> {
    const level = options.includes("--log-level") ? [] : ["--log-level", "silent"];
    const args = ["serve", dir, "--port", "0", ...level, ...options];
    return ServeProcess.#listening(workspace.adopt(startTally(args, workspace.path)));
  }

  /** Starts it through a shell command line. */
  static startShell(workspace: Workspace, command: string): Promise<ServeProcess> {
    return ServeProcess.#listening(workspace.adopt(start("sh", ["-c", command], workspace.path)));
  }

  static async #listening(running: Running): Promise<ServeProcess> {
    const [, url = ""] = await running.until("stdout", /^listening on (\S+)\n/m);
    return new ServeProcess(url, running);
  }

  stop(signal: "SIGTERM" | "SIGINT" = "SIGTERM"): Promise<Outcome> {
    this.running.child.kill(signal);
    return this.running.ended;
  }
}
