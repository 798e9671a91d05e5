import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { mustTally, tally } from "./command.js";
import type { Outcome, Running } from "./command.js";
import { runHere } from "./here.js";

/** A temporary directory to run commands in. */
export class Workspace {
  readonly path: string;
  // Where this process was before it moved here; undefined where commands have processes of their own.
  readonly #home: string | undefined;
  // What was started in it and may outlive a failed test.
  readonly #started: Running[] = [];

  private constructor(path: string, home?: string) {
    this.path = path;
    this.#home = home;
  }

  static async make(): Promise<Workspace> {
    return new Workspace(await mkdtemp(join(tmpdir(), "tally-test-")));
  }

  /**
   * Makes one whose commands run in this process, which moves there: for suites that run many and ask
   * what they say. How they are processes is asked in others.
   */
  static async moveTo(): Promise<Workspace> {
    const workspace = new Workspace(await mkdtemp(join(tmpdir(), "tally-test-")), process.cwd());
    process.chdir(workspace.path);
    return workspace;
  }

  tally(...args: readonly string[]): Promise<Outcome> {
    return this.#home === undefined ? tally(args, { cwd: this.path }) : runHere(...args);
  }

  /** Throws unless the command comes to a yes. */
  async must(...args: readonly string[]): Promise<Outcome> {
    if (this.#home === undefined) return mustTally(args, { cwd: this.path });
    const outcome = await this.tally(...args);
    if (outcome.code === 0) return outcome;
    throw new Error(`tally ${args.join(" ")}: exit ${String(outcome.code)}\n${outcome.stderr}`);
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
    if (this.#home !== undefined) process.chdir(this.#home);
    for (const { child, ended } of this.#started) {
      child.kill("SIGKILL");
      await ended;
    }
    await rm(this.path, { recursive: true, force: true });
  }
}
