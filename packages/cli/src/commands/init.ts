import { randomBytes } from "node:crypto";
import { resolve } from "node:path";

import { Option } from "commander";
import type { Command } from "commander";
import { formatThumbprint } from "@tallystick/cose";

import { ServiceDirectory } from "../directory.js";
import type { ServiceConfig } from "../directory.js";
import { isThere } from "../file.js";
import { readFirstPolicy } from "../policy-file.js";
import { parseServiceUrl, requireIssuer, requireOrigin } from "../naming.js";
import { readNoteKey } from "../notekey.js";
import type { Output } from "../output.js";
import type { Session } from "../session.js";

/** What a service is called unless it is told otherwise. */
const DEFAULT_ISSUER = "http://127.0.0.1:8000";

interface InitOptions {
  readonly issuer?: string;
  readonly origin?: string;
  readonly alg: ServiceConfig["algorithm"];
  readonly anchor?: string;
  readonly policy?: string;
  readonly withIndex?: true;
}

export function addInit(program: Command, session: Session): void {
  program
    .command("init")
    .description("make a new transparency service in a directory")
    .argument("<dir>", "made by this command, or empty")
    .option("--issuer <url>", `iss of its receipts (default: ${DEFAULT_ISSUER})`)
    .option("--origin <name>", "name of its log (default: HOST/log, by the issuer)")
    .option("--anchor <file>", "where the anchor goes, best on another disk (default: DIR/anchor)")
    .option("--policy <policy.json>", "first policy; the new operator is added to its operators")
    .option("--with-index", "make a key that commits to the search index, admitted from the start")
    .addOption(
      new Option("--alg <alg>", "signature algorithm of its keys")
        .choices(["ES256", "ES384", "EdDSA", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"])
        .default("ES256"),
    )
    .option("--json", "print what was made as one JSON object")
    .action(async (dir: string, options: InitOptions) => {
      const { policy, withIndex: isIndexed = false } = options;
      const first = policy === undefined ? undefined : await readFirstPolicy(policy);
      const made = await ServiceDirectory.create(dir, configOf(options), { first, isIndexed });
      await describeDirectory(made, session.output);
      const { thumbprint, noteKey } = await pinsOf(made);
      const { issuer, origin } = made.config;
      if (session.isJson) {
        session.output.printJson({ directory: dir, issuer, origin, thumbprint, noteKey });
      } else {
        session.output.print(`thumbprint: ${thumbprint}`);
        session.output.print(`note key: ${noteKey}`);
      }
      session.output.note(`start it with: npx tally serve ${dir}`);
    });
}

/**
 * Yields the configuration of a new service.
 *
 * @throws {@link CliError} `CLI_USAGE`
 */
export function configOf({ issuer, origin, alg, anchor }: InitOptions): ServiceConfig {
  if (origin !== undefined) requireOrigin("--origin", origin);
  const rest = { algorithm: alg, ...(anchor === undefined ? {} : { anchor: resolve(anchor) }) };
  if (issuer === undefined) {
    return { issuer: DEFAULT_ISSUER, origin: origin ?? newOrigin(), ...rest };
  }
  const { host } = parseServiceUrl("--issuer", requireIssuer("--issuer", issuer));
  return { issuer, origin: origin ?? `${host}/log`, ...rest };
}

/** Yields what whoever verifies pins of a service, as tally trust export and show print it. */
export async function pinsOf(
  made: ServiceDirectory,
): Promise<{ readonly thumbprint: string; readonly noteKey: string }> {
  const thumbprint = formatThumbprint(await made.receiptPublicKey());
  return { thumbprint, noteKey: await readNoteKey(made) };
}

/** Says what was made and where the keys are. */
export async function describeDirectory(made: ServiceDirectory, output: Output): Promise<void> {
  output.note(`made a transparency service in ${made.path}`);
  output.note(`  issuer        ${made.config.issuer}`);
  output.note(`  log           ${made.config.origin}`);
  output.note(`  anchor        ${made.anchorPath} (shows if the log ever lost its end)`);
  output.note(`  receipt key   ${made.receiptKeyPath} (signs receipts)`);
  output.note(`  operator key  ${made.operatorKeyPath} (signs registration policies)`);
  output.note(`  note key      ${made.noteKeyPath} (signs checkpoints for witnesses)`);
  if (await isThere(made.indexKeyPath)) {
    output.note(`  index key     ${made.indexKeyPath} (signs heads of the search index)`);
  }
  output.note("  keep these keys secret and back them up with the rest of the directory");
  if (made.config.issuer === DEFAULT_ISSUER) {
    output.note(
      "  the issuer is a placeholder, fit for trying out: set --issuer for anything real",
    );
  }
}

// A log is told by its issuer and name, so no two have both.
function newOrigin(): string {
  return `tallystick.local/log-${randomBytes(4).toString("hex")}`;
}
