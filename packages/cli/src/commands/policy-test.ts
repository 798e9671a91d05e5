import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { InvalidArgumentError } from "commander";
import type { Command } from "commander";

import { EXIT } from "../exit.js";
import { failed, readWhole } from "../file.js";
import type { Output } from "../output.js";
import { readPolicyFile } from "../policy-file.js";
import { PolicyTrial } from "../policy-trial.js";
import type { Trial } from "../policy-trial.js";
import type { Session } from "../session.js";

interface TestOptions {
  readonly statements: readonly string[];
  readonly time?: number;
}

interface Row extends Trial {
  readonly file: string;
}

export function addPolicyTest(policy: Command, session: Session): void {
  policy
    .command("test")
    .description("say which statements a policy would refuse, and why: exit 0 none, 1 some")
    .argument("<policy.json>", "policy document")
    .requiredOption("--statements <path...>", "statement files, and directories of them")
    .option("--time <seconds>", "when they arrive, since the epoch (default: now)", parseTime)
    .option("--json", "print the result as one JSON object")
    .action(async (file: string, { statements, time = session.now() }: TestOptions) => {
      const trial = await PolicyTrial.begin(await readPolicyFile(file));
      const rows: Row[] = [];
      for (const path of await filesOf(statements)) {
        rows.push({ file: path, ...(await trial.judge(await readWhole(path), time)) });
      }
      const refused = rows.filter(({ reasons }) => reasons.length > 0);
      session.exit = refused.length === 0 ? EXIT.yes : EXIT.no;
      if (session.isJson) session.output.printJson({ time, statements: rows });
      else printTable(rows, session.output);
    });
}

async function filesOf(paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of paths) {
    try {
      if (!(await stat(path)).isDirectory()) {
        found.push(path);
        continue;
      }
      const entries = await readdir(path, { withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile()).map(({ name }) => join(path, name));
      found.push(...files.sort());
    } catch (error) {
      throw failed(`cannot read ${path}`, error);
    }
  }
  return found;
}

function printTable(rows: readonly Row[], output: Output): void {
  const width = Math.max(0, ...rows.map(({ file }) => file.length));
  for (const { file, reasons } of rows) {
    const name = file.padEnd(width);
    const [first, ...others] = reasons;
    if (first === undefined) output.print(`${name}  admitted`);
    else output.print(`${name}  refused   ${first}`);
    for (const reason of others) output.print(`${" ".repeat(width)}            ${reason}`);
  }
  const refused = rows.filter(({ reasons }) => reasons.length > 0).length;
  output.note(`${rows.length - refused} admitted, ${refused} refused`);
}

function parseTime(text: string): number {
  const time = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(time)) return time;
  throw new InvalidArgumentError("want a time: whole seconds since the epoch.");
}
