import { readFileSync } from "node:fs";

import { Command } from "commander";

import { Output } from "./output.js";
import type { Streams } from "./output.js";
import { Session } from "./session.js";

type Add = (program: Command, session: Session) => void;

/**
 * The commands, in the order in which help lists them. Each is loaded when it is called: reading all
 * that the others need would take most of the time of a short one.
 */
const COMMANDS: ReadonlyMap<string, () => Promise<Add>> = new Map<string, () => Promise<Add>>([
  ["init", async () => (await import("./commands/init.js")).addInit],
  ["serve", async () => (await import("./commands/serve.js")).addServe],
  ["keygen", async () => (await import("./commands/keygen.js")).addKeygen],
  ["token", async () => (await import("./commands/token.js")).addTokenCommand],
  ["trust", async () => (await import("./commands/trust.js")).addTrust],
  ["policy", async () => (await import("./commands/policy.js")).addPolicy],
  ["sign", async () => (await import("./commands/sign.js")).addSign],
  ["sign-report", async () => (await import("./commands/sign-report.js")).addSignReport],
  ["register", async () => (await import("./commands/register.js")).addRegister],
  ["receipt", async () => (await import("./commands/receipt.js")).addReceipt],
  ["consistency", async () => (await import("./commands/consistency.js")).addConsistency],
  ["checkpoint", async () => (await import("./commands/checkpoint.js")).addCheckpoint],
  ["attach", async () => (await import("./commands/attach.js")).addAttach],
  ["verify", async () => (await import("./commands/verify.js")).addVerify],
  ["bundle", async () => (await import("./commands/bundle.js")).addBundle],
  ["appraise", async () => (await import("./commands/appraise.js")).addAppraise],
  ["inspect", async () => (await import("./commands/inspect.js")).addInspect],
  ["evidence", async () => (await import("./commands/evidence.js")).addEvidence],
  ["search", async () => (await import("./commands/search.js")).addSearch],
  ["reindex", async () => (await import("./commands/reindex.js")).addReindex],
  ["audit", async () => (await import("./commands/audit.js")).addAudit],
  ["fsck", async () => (await import("./commands/fsck.js")).addFsck],
  ["doctor", async () => (await import("./commands/doctor.js")).addDoctor],
  ["backup", async () => (await import("./commands/backup.js")).addBackup],
  ["export", async () => (await import("./commands/export.js")).addExport],
  ["mirror", async () => (await import("./commands/mirror.js")).addMirror],
  ["monitor", async () => (await import("./commands/monitor.js")).addMonitor],
  ["restore", async () => (await import("./commands/restore.js")).addRestore],
  ["rotate-key", async () => (await import("./commands/rotate-key.js")).addRotateKey],
  ["freeze", async () => (await import("./commands/freeze.js")).addFreeze],
  ["recover", async () => (await import("./commands/recover.js")).addRecover],
  ["witness", async () => (await import("./commands/witness.js")).addWitness],
]);

const EXIT_CODES = `
Exit codes: 0 yes, 1 no (refused, does not verify), 2 could not be done, 3 wrong usage.`;

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
    const program = programOf(session);
    for (const add of await commandsFor(argv)) add(program, session);
    await program.parseAsync([...argv], { from: "user" });
    return session.exit;
  } catch (error) {
    return session.fail(error);
  }
}

function programOf(session: Session): Command {
  const { output } = session;
  return new Command("tally")
    .description("register signed statements with a transparency service, and verify them offline")
    .version(versionOf())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        output.print(text.replace(/\n$/, ""));
      },
      writeErr: (text) => {
        output.note(text.replace(/\n$/, ""));
      },
    })
    .showHelpAfterError("see --help")
    .addHelpText("after", EXIT_CODES);
}

// Whatever does not begin with the name of a command may be answered with a list of them all.
function commandsFor([name = ""]: readonly string[]): Promise<readonly Add[]> {
  if (name === "--version" || name === "-V") return Promise.resolve([]);
  const load = COMMANDS.get(name);
  return Promise.all(load === undefined ? [...COMMANDS.values()].map((each) => each()) : [load()]);
}

function versionOf(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  );
  return (manifest as { readonly version: string }).version;
}
