import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { PolicyError } from "@tallystick/policy";

import { CliError } from "../error.js";
import { EXIT } from "../exit.js";
import { failed, readWhole } from "../file.js";
import type { Output } from "../output.js";
import { readFirstPolicy } from "../policy-file.js";
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
    .argument("<policy.json>", "policy document; its operators do not matter")
    .requiredOption("--statements <path...>", "statement files, and directories with nothing else")
    .option("--time <seconds>", "when they arrive, since the epoch (default: now)", parseTime)
    .option("--json", "print the result as one JSON object")
    .action(async (file: string, { statements, time = session.now() }: TestOptions) => {
      const trial = await begin(file, session);
      if (trial === undefined) return;
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

async function begin(file: string, session: Session): Promise<PolicyTrial | undefined> {
  try {
    return await PolicyTrial.begin(await readFirstPolicy(file));
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    session.fail(error);
    // 1 is for statements that are refused, and nothing has been asked about any.
    session.exit = EXIT.failed;
    return undefined;
  }
}

async function filesOf(paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of paths) {
    try {
      if (!(await stat(path)).isDirectory()) {
        found.push(path);
        continue;
      }
      const entries = await readdir(path, { withFileTypes: true, recursive: true });
      const files = entries.filter((entry) => entry.isFile());
      found.push(...files.map(({ name, parentPath }) => join(parentPath, name)).sort());
    } catch (error) {
      throw failed(`cannot read ${path}`, error);
    }
  }
  if (found.length > 0) return found;
  throw new CliError("CLI_FILE_FAILED", `no statements in ${paths.join(", ")}`);
}

function printTable(rows: readonly Row[], output: Output): void {
  const width = Math.max(0, ...rows.map(({ file }) => file.length));
  for (const { file, issuer = "no statement", reasons } of rows) {
    const verdict = reasons.length === 0 ? "admitted" : "refused ";
    output.print(`${file.padEnd(width)}  ${verdict}  ${issuer}`);
    for (const reason of reasons) output.print(`${" ".repeat(width)}            ${reason}`);
  }
  const refused = rows.filter(({ reasons }) => reasons.length > 0).length;
  output.note(`${rows.length - refused} admitted, ${refused} refused`);
}

function parseTime(text: string): number {
  const time = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(time)) return time;
  throw new InvalidArgumentError("want a time: whole seconds since the epoch.");
}
