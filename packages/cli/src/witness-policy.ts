import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import type { NoteKeeper, WitnessMode, WitnessOptions } from "@tallystick/server";
import { TlogError, WitnessPolicy } from "@tallystick/tlog";
import type { VerifierKey } from "@tallystick/tlog";
import type { OwnNote } from "@tallystick/witness";

import type { ServiceDirectory } from "./directory.js";
import { CliError } from "./error.js";
import { codeOf, failed, isThere, makeDirectory, readWhole, writeWhole } from "./file.js";
import { repeatable } from "./tally-command.js";

/** Whom a server asks for cosignatures: options of the command line. */
export interface AskingOptions {
  readonly witnessPolicy?: string;
  readonly witnessMode?: WitnessMode | "off";
  readonly witnessMonitor?: ReadonlyMap<string, string>;
  readonly ignoreWitnessSize?: true;
}

/** Adds the options of {@link AskingOptions} to a command. */
export function addAsking(command: Command): Command {
  return command
    .option("--witness-policy <file>", "whom to ask for cosignatures of checkpoints (tlog-policy)")
    .addOption(
      new Option(
        "--witness-mode <mode>",
        "what /checkpoint shows: the newest with what cosignatures it has, or only with a quorum",
      ).choices(["off", "preferred", "required"]),
    )
    .addOption(
      repeatable(
        new Option(
          "--witness-monitor <name=url>",
          "where a witness of the policy shows checkpoints, if not below its URL; may be repeated",
        ).argParser(addMonitor),
      ),
    )
    .option("--ignore-witness-size", "register although a quorum of witnesses contradicts the log");
}

function addMonitor(
  text: string,
  before: ReadonlyMap<string, string> = new Map<string, string>(),
): ReadonlyMap<string, string> {
  const [, name = "", url = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (!isPrefix(url))
    throw new InvalidArgumentError("want NAME=URL, of http or https and no more.");
  if (before.has(name)) throw new InvalidArgumentError("this witness has one already.");
  return new Map([...before, [name, url]]);
}

/**
 * Reads a witness policy (C2SP tlog-policy).
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`; TlogError `TLOG_POLICY_MALFORMED`
 */
export async function readWitnessPolicy(path: string): Promise<WitnessPolicy> {
  const bytes = await readWhole(path);
  try {
    return WitnessPolicy.parse(bytes);
  } catch (cause) {
    if (!(cause instanceof TlogError)) throw cause;
    throw new TlogError(cause.code, `${path}: ${cause.message}`, { cause });
  }
}

/** Whose cosignatures a reader demands: an option of the command line. */
export interface DemandOptions {
  readonly witnessPolicy?: string;
}

/** Adds the option of {@link DemandOptions} to a command. */
export function withDemand(command: Command): Command {
  return command.option(
    "--witness-policy <file>",
    "witnesses whose cosignatures the published checkpoint needs (tlog-policy)",
  );
}

/** Reads the policy that a reader demands, `undefined` where there is none. Throws as {@link readWitnessPolicy}. */
export async function demandedBy({
  witnessPolicy: path,
}: DemandOptions): Promise<WitnessPolicy | undefined> {
  return path === undefined ? undefined : readWitnessPolicy(path);
}

/** Who is told of what witnesses do. */
export interface WitnessVoice {
  readonly note: (line: string) => void;
  /** Told what has to be acted upon. */
  readonly alarm: (line: string) => void;
}

/** How a server asks, once it is known what it signs its notes with. */
export type Asking = (noteKey: VerifierKey | undefined) => WitnessOptions;

/**
 * Yields how witnesses are to be asked, `undefined` where they are not.
 *
 * @throws {@link CliError} `CLI_USAGE`, `CLI_FILE_FAILED`, also when called; TlogError
 * `TLOG_POLICY_MALFORMED`
 */
export async function askingOf(
  { witnessPolicy: path, witnessMode, witnessMonitor: monitors, ignoreWitnessSize }: AskingOptions,
  directory: ServiceDirectory,
  { note: onNotice, alarm: onAlarm }: WitnessVoice,
): Promise<Asking | undefined> {
  if (path === undefined) {
    if (ignoreWitnessSize === true) {
      throw new CliError("CLI_USAGE", "--ignore-witness-size wants --witness-policy");
    }
    if (monitors !== undefined) {
      throw new CliError("CLI_USAGE", "--witness-monitor wants --witness-policy");
    }
    if (witnessMode === undefined || witnessMode === "off") return undefined;
    throw new CliError("CLI_USAGE", `--witness-mode ${witnessMode} wants --witness-policy`);
  }
  const policy = await readWitnessPolicy(path);
  const mode = witnessMode ?? "preferred";
  requireUsable(policy, mode, path);
  requirePlaced(policy, monitors, path);
  if (mode === "off") return undefined;
  const keeper = keeperIn(directory.witnessPath);
  return (noteKey) => {
    requireOfLog(policy, noteKey, path);
    const ignoreSizes = ignoreWitnessSize === true;
    return { policy, mode, keeper, ignoreSizes, onNotice, onAlarm, ...(monitors && { monitors }) };
  };
}

/**
 * Yields how witnesses are asked by a command that appends while no server runs. A log that was cosigned
 * is not appended to unasked: it may be an older copy, whose next entry would be a fork (I8).
 *
 * @throws {@link CliError} `CLI_USAGE` where nobody says whom to ask, or that nobody is; as
 * {@link askingOf}
 */
export async function askingOffline(
  options: AskingOptions,
  directory: ServiceDirectory,
  note: (line: string) => void,
): Promise<Asking | undefined> {
  const asking = await askingOf(options, directory, { note, alarm: note });
  if (asking !== undefined || options.witnessMode === "off") return asking;
  if ((await namesIn(directory.witnessPath)).length === 0) return undefined;
  const why = `${directory.path} has witnesses, which are asked before anything is added`;
  throw new CliError("CLI_USAGE", `${why}: want --witness-policy, or else --witness-mode off`);
}

/**
 * Tells of a service that is about to append to a log that was cosigned, and asks nobody: what witnesses
 * were shown is not held against it. Silent with `--witness-mode off`.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`
 */
export async function warnUnasked(
  { witnessPolicy, witnessMode }: AskingOptions,
  directory: ServiceDirectory,
  alarm: (line: string) => void,
): Promise<void> {
  if (witnessPolicy !== undefined || witnessMode === "off") return;
  if ((await namesIn(directory.witnessPath)).length === 0) return;
  const why = `${directory.path} has witnesses, and what they saw is not held against the log`;
  alarm(`tally: ${why}: want --witness-policy, or else --witness-mode off`);
}

function requireUsable(policy: WitnessPolicy, mode: WitnessMode | "off", path: string): void {
  const placed = policy.witnesses.flatMap(({ name, url }) =>
    url === undefined ? [] : [{ name, url }],
  );
  for (const { name, url } of placed) {
    if (!isPrefix(url)) {
      throw new CliError(
        "CLI_USAGE",
        `${path}: the URL of ${name} is not of http or https and no more`,
      );
    }
  }
  if (placed.length === 0) throw new CliError("CLI_USAGE", `${path}: no witness has a URL`);
  if (mode !== "required") return;
  if (policy.isQuorum([])) {
    throw new CliError("CLI_USAGE", `${path}: with quorum none, nothing is required`);
  }
  if (!policy.isQuorum(placed.map(({ name }) => name))) {
    throw new CliError(
      "CLI_USAGE",
      `${path}: the witnesses that have a URL cannot make the quorum`,
    );
  }
}

function requirePlaced(
  { witnesses }: WitnessPolicy,
  monitors: AskingOptions["witnessMonitor"] = new Map<string, string>(),
  path: string,
): void {
  for (const name of monitors.keys()) {
    if (witnesses.some((one) => one.name === name && one.url !== undefined)) continue;
    const message = `--witness-monitor: ${path} has no witness ${name} with a URL`;
    throw new CliError("CLI_USAGE", message);
  }
}

function requireOfLog(
  { logs }: WitnessPolicy,
  noteKey: VerifierKey | undefined,
  path: string,
): void {
  if (noteKey === undefined) {
    throw new CliError(
      "CLI_USAGE",
      "--witness-policy: witnesses cosign notes, and none are signed",
    );
  }
  if (logs.length === 0 || logs.some(({ key }) => key.equals(noteKey))) return;
  const message = `${path} is for other logs: it has no line for ${noteKey.format()}`;
  throw new CliError("CLI_USAGE", message);
}

/** Whether a text is where a witness can be: below it are the resources of the protocol. */
function isPrefix(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  const isBare = `${username}${password}${search}${hash}` === "" && !/[?#]/.test(text);
  return (protocol === "http:" || protocol === "https:") && isBare;
}

const DIRECTORY_MODE = 0o700;

const EVIDENCE = /^evidence-[0-9]+-[0-9a-f]{16}\.json$/;

/**
 * Yields the newest checkpoint with a quorum of cosignatures that the service kept, once the log's own
 * signature on it holds; `undefined` where there is none.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`
 */
export async function keptNoteIn(
  { witnessPath }: ServiceDirectory,
  noteKey: VerifierKey,
): Promise<OwnNote | undefined> {
  const kept = await keeperIn(witnessPath).read();
  const { ownNoteIn } = await import("@tallystick/witness");
  return kept && ownNoteIn(kept, { origin: noteKey.name, key: noteKey });
}

/** Yields what keeps the cosigned checkpoint, and evidence, in files of a directory of their own. */
function keeperIn(path: string): NoteKeeper {
  const note = join(path, "checkpoint");
  const prepared = async (): Promise<void> => {
    if (await isThere(path)) return;
    try {
      await makeDirectory(path, DIRECTORY_MODE);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw failed(`cannot make ${path}`, error);
    }
  };
  return {
    read: async () => ((await isThere(note)) ? readWhole(note) : undefined),
    write: async (bytes) => {
      await prepared();
      await writeWhole(note, bytes);
    },
    writeEvidence: async (name, evidence) => {
      await prepared();
      const place = join(path, `evidence-${name}.json`);
      await writeWhole(place, evidence);
      return place;
    },
    readEvidence: async () => {
      const places = (await namesIn(path)).filter((name) => EVIDENCE.test(name));
      return Promise.all(
        places.map(async (name) => {
          const place = join(path, name);
          return { place, evidence: await readWhole(place) };
        }),
      );
    },
  };
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw failed(`cannot read ${path}`, error);
  }
}
