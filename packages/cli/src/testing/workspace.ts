import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { mustTally, tally } from "./command.js";
import type { Outcome, Running } from "./command.js";

/** A temporary directory to run commands in. */
export class Workspace {
  readonly path: string;
  // What was started in it and may outlive a failed test.
  readonly #started: Running[] = [];

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<Workspace> {
    return new Workspace(await mkdtemp(join(tmpdir(), "tally-test-")));
  }

  tally(...args: readonly string[]): Promise<Outcome> {
    return tally(args, { cwd: this.path });
  }

  /** Throws unless the command comes to a yes. */
  must(...args: readonly string[]): Promise<Outcome> {
    return mustTally(args, { cwd: this.path });
  }

  at(name: string): string {
    return join(this.path, name);
  }

  async read(name: string): Promise<Uint8Array> {
    return new Uint8Array(await readFile(this.at(name)));
  }

  async json(name: string): Promise<Record<string, unknown>> {
    return JSON.parse(await readFile(this.at(name), "utf8")) as Record<string, unknown>;
  }

  write(name: string, content: Uint8Array | string): Promise<void> {
    return writeFile(this.at(name), content);
  }

  /** Permission bits in octal. */
  async modeOf(name: string): Promise<string> {
    return ((await stat(this.at(name))).mode & 0o777).toString(8);
  }

  async names(below = "."): Promise<string[]> {
    return (await readdir(this.at(below))).sort();
  }

  /** Has {@link Workspace.remove} end the process, if it still runs then. */
  adopt(running: Running): Running {
    this.#started.push(running);
    return running;
  }

  async remove(): Promise<void> {
    for (const { child, ended } of this.#started) {
      child.kill("SIGKILL");
      await ended;
    }
    await rm(this.path, { recursive: true, force: true });
  }
}
