import { readFileSync } from "node:fs";

import { Command } from "commander";

import { addAudit } from "./commands/audit.js";
import { addBackup } from "./commands/backup.js";
import { addConsistency } from "./commands/consistency.js";
import { addDoctor } from "./commands/doctor.js";
import { addFreeze } from "./commands/freeze.js";
import { addFsck } from "./commands/fsck.js";
import { addInit } from "./commands/init.js";
import { addInspect } from "./commands/inspect.js";
import { addKeygen } from "./commands/keygen.js";
import { addPolicy } from "./commands/policy.js";
import { addReceipt } from "./commands/receipt.js";
import { addRecover } from "./commands/recover.js";
import { addRegister } from "./commands/register.js";
import { addRestore } from "./commands/restore.js";
import { addServe } from "./commands/serve.js";
import { addSign } from "./commands/sign.js";
import { addTokenCommand } from "./commands/token.js";
import { addTrust } from "./commands/trust.js";
import { addVerify } from "./commands/verify.js";
import { Output } from "./output.js";
import { Session } from "./session.js";

/** The commands, in the order in which help lists them. */
const COMMANDS = [
  addInit,
  addServe,
  addKeygen,
  addTokenCommand,
  addTrust,
  addPolicy,
  addSign,
  addRegister,
  addReceipt,
  addConsistency,
  addVerify,
  addInspect,
  addAudit,
  addFsck,
  addDoctor,
  addBackup,
  addRestore,
  addFreeze,
  addRecover,
] as const;

const EXIT_CODES = `
Exit codes: 0 yes, 1 no (refused, does not verify), 2 could not be done, 3 wrong usage.`;

/**
 * Runs the command with its arguments, those after the command's own name, and yields the exit
 * code. Writes to the process's standard streams; rejects never.
 */
export async function main(argv: readonly string[]): Promise<number> {
  // A reader that has seen enough, as in "tally inspect FILE | head", is no failure.
  process.stdout.on("error", () => undefined);
  const output = new Output(process);
  const session = new Session(output, argv.includes("--json"));
  try {
    await programOf(session).parseAsync([...argv], { from: "user" });
    return session.exit;
  } catch (error) {
    return session.fail(error);
  }
}

function programOf(session: Session): Command {
  const { output } = session;
  const program = new Command("tally")
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
  for (const add of COMMANDS) add(program, session);
  return program;
}

function versionOf(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL("../package.json", import.meta.url), "utf8"),
  );
  return (manifest as { readonly version: string }).version;
}
