import { PassThrough } from "node:stream";

import { commandLine } from "../main.js";
import { Output } from "../output.js";
import { Session } from "../session.js";
import { TallyCommand } from "../tally-command.js";
// All of the commands, loaded one after the other.
import "./here.js";

/** Yields the command line as it stands, with every command on it. */
export async function wholeCommandLine(): Promise<TallyCommand> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  return commandLine(new Session(new Output({ stdout, stderr }), false), []);
}

/** Yields the commands that do something: those that are no groups of others. */
export function leavesOf(command: TallyCommand): readonly TallyCommand[] {
  const below = command.commands.filter((one) => one instanceof TallyCommand);
  return below.length === 0 ? [command] : below.flatMap(leavesOf);
}
