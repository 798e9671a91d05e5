import { readFileSync } from "node:fs";

import type { Command } from "commander";

import { manualText } from "./manual.js";
import { Output } from "./output.js";
import type { Streams } from "./output.js";
import { Session } from "./session.js";
import { TallyCommand } from "./tally-command.js";

type Add = (program: Command, session: Session) => void;

/**
 * The commands by whom they are for above all, in the order in which help lists them. Each is loaded
 * when it is called: reading all that the others need would take most of the time of a short one.
 */
const GROUPS: Readonly<Record<string, Readonly<Record<string, () => Promise<Add>>>>> = {
  "Commands for vendors:": {
    keygen: async () => (await import("./commands/keygen.js")).addKeygen,
    sign: async () => (await import("./commands/sign.js")).addSign,
    register: async () => (await import("./commands/register.js")).addRegister,
    receipt: async () => (await import("./commands/receipt.js")).addReceipt,
    attach: async () => (await import("./commands/attach.js")).addAttach,
    "sign-report": async () => (await import("./commands/sign-report.js")).addSignReport,
  },
  "Commands for verifiers:": {
    trust: async () => (await import("./commands/trust.js")).addTrust,
    verify: async () => (await import("./commands/verify.js")).addVerify,
    inspect: async () => (await import("./commands/inspect.js")).addInspect,
    bundle: async () => (await import("./commands/bundle.js")).addBundle,
    appraise: async () => (await import("./commands/appraise.js")).addAppraise,
  },
  "Commands for auditors:": {
    audit: async () => (await import("./commands/audit.js")).addAudit,
    checkpoint: async () => (await import("./commands/checkpoint.js")).addCheckpoint,
    consistency: async () => (await import("./commands/consistency.js")).addConsistency,
    search: async () => (await import("./commands/search.js")).addSearch,
    mirror: async () => (await import("./commands/mirror.js")).addMirror,
    monitor: async () => (await import("./commands/monitor.js")).addMonitor,
    evidence: async () => (await import("./commands/evidence.js")).addEvidence,
  },
  "Commands for operators:": {
    init: async () => (await import("./commands/init.js")).addInit,
    serve: async () => (await import("./commands/serve.js")).addServe,
    policy: async () => (await import("./commands/policy.js")).addPolicy,
    token: async () => (await import("./commands/token.js")).addTokenCommand,
    doctor: async () => (await import("./commands/doctor.js")).addDoctor,
    fsck: async () => (await import("./commands/fsck.js")).addFsck,
    backup: async () => (await import("./commands/backup.js")).addBackup,
    restore: async () => (await import("./commands/restore.js")).addRestore,
    export: async () => (await import("./commands/export.js")).addExport,
    reindex: async () => (await import("./commands/reindex.js")).addReindex,
    "rotate-key": async () => (await import("./commands/rotate-key.js")).addRotateKey,
    freeze: async () => (await import("./commands/freeze.js")).addFreeze,
    recover: async () => (await import("./commands/recover.js")).addRecover,
    witness: async () => (await import("./commands/witness.js")).addWitness,
  },
};

/**
 * Runs the command with its arguments, those after the command's own name, and yields the exit
 * code. Writes to the streams, the process's own unless given; rejects never.
 */
export async function main(argv: readonly string[], streams: Streams = process): Promise<number> {
  // A reader that has seen enough, as in "tally inspect FILE | head", is no failure.
  streams.stdout.on("error", () => undefined);
  const output = new Output(streams);
  const session = new Session(output, argv.includes("--json"));
  try {
    const program = await commandLine(session, argv);
    await program.parseAsync([...argv], { from: "user" });
    return session.exit;
  } catch (error) {
    return session.fail(error);
  }
}

/** Yields the command line with the commands that the arguments may be about: one, or all. */
export async function commandLine(
  session: Session,
  argv: readonly string[],
): Promise<TallyCommand> {
  const program = programOf(session);
  await addCommands(program, session, argv);
  return program;
}

function programOf(session: Session): TallyCommand {
  const { output } = session;
  const program = new TallyCommand("tally", session);
  return (
    program
      .description(
        "register signed statements with a transparency service, and verify them offline",
      )
      .version(versionOf())
      .exitOverride()
      // Their arguments are in their own help: the list has to fit a terminal of 80 columns.
      .configureHelp({ subcommandTerm: (command) => command.name() })
      .configureOutput({
        writeOut: (text) => {
          output.printText(text.replace(/\n$/, ""));
        },
        writeErr: (text) => {
          output.noteText(text.replace(/\n$/, ""));
        },
      })
      .addHelpText("afterAll", ({ command }) =>
        manualText(command instanceof TallyCommand ? command.path.replace(/^tally ?/, "") : ""),
      )
  );
}

// Whatever does not begin with the name of a command may be answered with a list of them all.
async function addCommands(
  program: TallyCommand,
  session: Session,
  [name = ""]: readonly string[],
): Promise<void> {
  if (name === "--version" || name === "-V") return;
  const groups = Object.entries(GROUPS);
  const isKnown = groups.some(([, commands]) => Object.hasOwn(commands, name));
  for (const [group, commands] of groups) {
    const wanted = Object.entries(commands).filter(([each]) => !isKnown || each === name);
    for (const add of await Promise.all(wanted.map(([, load]) => load()))) add(program, session);
    for (const command of program.commands) {
      if (Object.hasOwn(commands, command.name())) command.helpGroup(group);
    }
  }
}

function versionOf(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  );
  return (manifest as { readonly version: string }).version;
}
