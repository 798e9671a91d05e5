import type { Command } from "commander";
import { Follower, SeenCheckpoints } from "@tallystick/client";
import type { LogView } from "@tallystick/client";
import type { TrustStore } from "@tallystick/verifier";

import { CliError } from "./error.js";
import { LOOSE_EVIDENCE, withEvidence } from "./evidence-file.js";
import { isThere, readWhole, writeWhole } from "./file.js";
import { withLock } from "./lock.js";
import type { Session } from "./session.js";
import { readTrust } from "./trustfile.js";

/** Far above what reading and writing the file takes. */
const LOCK_WAIT_MS = 10_000;

/** What a command remembers of logs: options of the command line. */
export interface SeenOptions {
  readonly trust?: string;
  readonly seen?: string;
  readonly evidence?: string;
}

/** Adds `--seen` and `--evidence` to a command that has `--trust`. */
export function withSeen(command: Command): Command {
  return command
    .option(
      "--seen <file>",
      "newest checkpoints seen, which the log has to extend; kept up to date",
    )
    .option(
      "--evidence <file>",
      "what to write if it contradicts itself (default: the --seen file, or tally, .evidence)",
    );
}

/** What was seen of logs, for as long as one command runs. */
export class Watch {
  /** The pinned keys; `undefined` where none were asked for. */
  readonly trust: TrustStore | undefined;
  readonly #options: SeenOptions;
  readonly #seen: SeenCheckpoints;

  private constructor(options: SeenOptions, trust: TrustStore | undefined, seen: SeenCheckpoints) {
    this.#options = options;
    this.trust = trust;
    this.#seen = seen;
  }

  /**
   * Reads what the options name. A file of checkpoints that is not there yet is made by the first run.
   *
   * @throws {@link CliError} `CLI_USAGE`, `CLI_FILE_FAILED`; VerifierError `VERIFIER_TRUST_MALFORMED`;
   * ClientError `CLIENT_SEEN_INVALID`
   */
  static async open(options: SeenOptions): Promise<Watch> {
    const { trust: path, seen: file, evidence } = options;
    if (file !== undefined && path === undefined) {
      throw new CliError(
        "CLI_USAGE",
        "--seen wants --trust: what is seen counts under pinned keys",
      );
    }
    if (evidence !== undefined && path === undefined) {
      throw new CliError("CLI_USAGE", "--evidence wants --trust");
    }
    if (evidence !== undefined && evidence === file) {
      throw new CliError("CLI_USAGE", "--evidence and --seen want files of their own");
    }
    const trust = path === undefined ? undefined : await readTrust(path);
    const seen =
      trust === undefined || file === undefined
        ? SeenCheckpoints.NONE
        : await readSeen(file, trust);
    return new Watch(options, trust, seen);
  }

  /**
   * Has `look` hold what a place shows against what was seen, and keeps the newest of it. Where they
   * contradict each other, writes the evidence first and then throws.
   *
   * @throws {@link CliError} `CLI_FILE_FAILED`; ClientError as {@link Follower.newest}
   */
  async follow<T>(
    client: LogView,
    session: Session,
    look: (follower: Follower) => Promise<T>,
  ): Promise<T | undefined> {
    const { trust } = this;
    if (trust === undefined) return undefined;
    const { seen: file } = this.#options;
    const follower = new Follower({ client, trust, seen: this.#seen });
    return this.keeping(session, async () => {
      const found = await look(follower);
      if (file !== undefined) {
        await withLock(`${file}.lock`, { waitMs: LOCK_WAIT_MS }, async () => {
          // Another command may have kept something meanwhile.
          const kept = await readSeen(file, trust);
          await writeWhole(file, kept.and(follower.seen).format());
        });
      }
      return found;
    });
  }

  /** Yields what an act does; where that finds a contradiction, writes the evidence first and then throws. */
  keeping<T>({ output }: Session, act: () => Promise<T>): Promise<T> {
    const { seen, evidence: path } = this.#options;
    const otherwise = seen === undefined ? LOOSE_EVIDENCE : `${seen}.evidence`;
    return withEvidence({ path, otherwise }, output, act);
  }
}

async function readSeen(file: string, trust: TrustStore): Promise<SeenCheckpoints> {
  if (!(await isThere(file))) return SeenCheckpoints.NONE;
  return SeenCheckpoints.parse(await readWhole(file), trust);
}
