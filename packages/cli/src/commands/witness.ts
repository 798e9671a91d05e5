import { Option } from "commander";
import type { Command } from "commander";
import type { RunningWitness } from "@tallystick/witness";

import { CliError } from "../error.js";
import { describeError } from "../exit.js";
import { cannotListen, parsePort } from "../listening.js";
import { Stop } from "../serve-stop.js";
import type { Session } from "../session.js";
import type { CosigningAlgorithm, WitnessDirectory } from "../witness-directory.js";

interface InitOptions {
  readonly name: string;
  readonly alg: CosigningAlgorithm | "both";
}

interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly prefix: string;
}

export function addWitness(program: Command, session: Session): void {
  const witness = program
    .command("witness")
    .description("watch logs of others, and cosign their checkpoints");
  addInit(witness, session);
  addAddLog(witness, session);
  addServe(witness, session);
}

function addInit(witness: Command, { output, isJson }: Session): void {
  witness
    .command("init")
    .description("make a witness and its keys; prints a vkey for each")
    .argument("<dir>", "where to make it; must not exist or be empty")
    .requiredOption("--name <name>", "what it is called, such as witness.example/w1")
    .addOption(
      new Option("--alg <alg>", "what it cosigns with")
        .choices(["EdDSA", "ML-DSA-44", "both"])
        .default("both"),
    )
    .option("--json", "print the result as one JSON object")
    .action(async (dir: string, { name, alg }: InitOptions) => {
      const { WitnessDirectory } = await import("../witness-directory.js");
      const algorithms = alg === "both" ? (["EdDSA", "ML-DSA-44"] as const) : [alg];
      const directory = await WitnessDirectory.create(dir, { name, algorithms });
      output.note(`made the witness ${name} in ${dir}`);
      const noteKeys = (await directory.signers()).map(({ key }) => key.format());
      if (isJson) output.printJson({ directory: dir, name, noteKeys });
      else for (const noteKey of noteKeys) output.print(noteKey);
      output.note("never restore its state from a backup: see docs/witness.md");
    });
}

function addAddLog(witness: Command, { output, isJson }: Session): void {
  witness
    .command("add-log")
    .description("watch a log, or take a further key of it")
    .argument("<dir>", "made by tally witness init")
    .argument("<vkey>", "the log's verifier key")
    .option("--origin <origin>", "origin of its checkpoints; the name of the key by default")
    .option("--json", "print the result as one JSON object")
    .action(async (dir: string, vkey: string, { origin }: { readonly origin?: string }) => {
      const [{ VerifierKey, TlogError }, { WitnessDirectory }] = await Promise.all([
        import("@tallystick/tlog"),
        import("../witness-directory.js"),
      ]);
      const directory = await WitnessDirectory.open(dir);
      try {
        const key = VerifierKey.parse(vkey);
        const log = origin ?? key.name;
        const isNew = await directory.addLog(key, log);
        if (isJson)
          output.printJson({ origin: log, noteKey: key.format(), written: isNew ? 1 : 0 });
        const what = `${key.name} as a key of ${log}`;
        output.note(isNew ? `added ${what}` : `${what} is there already, nothing was changed`);
        if (isNew) output.note("a running witness knows of it when it is started again");
      } catch (cause) {
        if (!(cause instanceof TlogError)) throw cause;
        throw new CliError("CLI_USAGE", `<vkey>: ${cause.message}`, { cause });
      }
    });
}

function addServe(witness: Command, session: Session): void {
  witness
    .command("serve")
    .description("answer logs and monitors over HTTP until it is told to stop")
    .argument("<dir>", "made by tally witness init")
    .option("--port <n>", "port, 0 for any free one", parsePort, 8100)
    .option("--host <h>", "address to listen on", "127.0.0.1")
    .option("--prefix <path>", "path before the resources, such as /w1", parsePrefix, "")
    .action(async (dir: string, options: ServeOptions) => {
      const { WitnessDirectory } = await import("../witness-directory.js");
      const directory = await WitnessDirectory.open(dir);
      const stop = new Stop();
      const { output } = session;
      const running = await start(directory, options, session);
      output.print(`listening on ${running.url}`);
      await stop.reason;
      output.note("stopping");
      await running.close();
    });
}

async function start(
  directory: WitnessDirectory,
  { host, port, prefix }: ServeOptions,
  session: Session,
): Promise<RunningWitness> {
  const { output } = session;
  const { serveWitness, Witness } = await import("@tallystick/witness");
  const [signers, logs] = await Promise.all([directory.signers(), directory.logs()]);
  for (const { key } of signers) output.note(key.format());
  if (logs.length === 0) output.note("it watches no log yet: tally witness add-log");
  const witness = new Witness({ signers, logs, store: directory.store, now: () => session.now() });
  const onFault = (error: unknown): void => {
    output.noteText(`tally: ${describeError(error)}`);
  };
  try {
    return await serveWitness(witness, { host, port }, { prefix, onFault });
  } catch (cause) {
    throw cannotListen({ host, port }, cause);
  }
}

function parsePrefix(text: string): string {
  if (/^(?:\/[A-Za-z0-9._~-]+)+$/.test(text)) return text;
  throw new CliError("CLI_USAGE", "--prefix is no path such as /w1");
}
