import { join } from "node:path";

import { Option } from "commander";
import type { Command } from "commander";
import { decodeHex, formatThumbprint } from "@tallystick/cose";
import type { AlgorithmName } from "@tallystick/cose";

import { openClient, refuseAccess, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { ServiceDirectory } from "../directory.js";
import { CliError } from "../error.js";
import { readPrivateKey } from "../keyfile.js";
import { withLock } from "../lock.js";
import { openService } from "../opening.js";
import { policiesOfService, standingOf } from "../policy-place.js";
import { switchReceiptKey } from "../receipt-keys.js";
import {
  abandonRotation,
  beginRotation,
  finishRotation,
  nextSteps,
  readRotation,
  requireStage,
} from "../rotation.js";
import type { RotationPlace, RotationState, Signing } from "../rotation.js";
import type { Session } from "../session.js";
import { ALGORITHM_NAMES } from "./keygen.js";

interface RotateOptions extends AccessOptions {
  readonly begin?: true;
  readonly switch?: true;
  readonly finish?: true;
  readonly abandon?: true;
  readonly alg?: AlgorithmName;
  readonly service?: string;
  readonly operator?: string;
}

const STEPS = ["begin", "switch", "finish", "abandon"] as const;
type Step = (typeof STEPS)[number];

const STOPPED = "in use by a running server, stop it first";
const SERVED = "in use by a running server, name it with --service";

export function addRotateKey(program: Command, session: Session): void {
  const command = program
    .command("rotate-key")
    .description("replace the key that signs receipts, step by step; says what comes next")
    .argument("<dir>", "made by tally init")
    .option("--begin", "make the next key and have the policy name it beside the current one")
    .option("--switch", "sign with the next key from the next start on; the server is stopped")
    .option("--finish", "have the policy name the new key alone, and remove the one before")
    .option("--abandon", "take back what --begin did, before --switch")
    .addOption(
      new Option("--alg <alg>", "with --begin: algorithm of the next key").choices([
        ...ALGORITHM_NAMES,
      ]),
    )
    .option("--service <url>", "its running server; unless given, it must not run")
    .option("--operator <operator.jwk>", "an operator's key; that in the directory unless given")
    .option("--json", "print where the rotation stands as one JSON object");
  withAccess(command).action(async (dir: string, options: RotateOptions) => {
    const step = stepOf(options);
    const directory = await ServiceDirectory.open(dir);
    const lock = join(directory.path, "rotation.lock");
    const state = await withLock(lock, { waitMs: 0 }, () =>
      step === "switch"
        ? switchKey(directory)
        : take(directory, step, { options, now: session.now() }),
    );
    tell(state, dir, session);
  });
}

function stepOf(options: RotateOptions): Step | undefined {
  const { service, operator, alg, begin, switch: isSwitch } = options;
  const [step, other] = STEPS.filter((name) => options[name] === true);
  if (other !== undefined) {
    throw new CliError("CLI_USAGE", `want one of ${STEPS.map((name) => `--${name}`).join(", ")}`);
  }
  if (alg !== undefined && begin !== true) throw new CliError("CLI_USAGE", "--alg is for --begin");
  if (isSwitch === true && (service !== undefined || operator !== undefined)) {
    throw new CliError("CLI_USAGE", "--switch takes a server that is stopped, and no operator");
  }
  if (step === undefined && operator !== undefined) {
    throw new CliError("CLI_USAGE", "--operator is for --begin, --finish and --abandon");
  }
  if (service === undefined) refuseAccess(options);
  return step;
}

async function take(
  directory: ServiceDirectory,
  step: Exclude<Step, "switch"> | undefined,
  { options, now }: { readonly options: RotateOptions; readonly now: number },
): Promise<RotationState> {
  const place = await placeOf(directory, options);
  try {
    if (step === undefined) return await readRotation(directory, place);
    const { operator: path = directory.operatorKeyPath } = options;
    const signing: Signing = { place, operator: await readPrivateKey(path), issuedAt: now };
    switch (step) {
      case "begin":
        await beginRotation(directory, signing, options.alg);
        return await readRotation(directory, place);
      case "finish":
        return await finishRotation(directory, signing);
      case "abandon":
        return await abandonRotation(directory, signing);
    }
  } finally {
    await place.close();
  }
}

async function placeOf(
  directory: ServiceDirectory,
  options: RotateOptions,
): Promise<RotationPlace> {
  const { service: url } = options;
  if (url === undefined) return openedPlace(directory, SERVED);
  const client = await openClient(url, options);
  const { issuer, origin } = await client.version();
  const { config } = directory;
  if (issuer !== config.issuer || origin !== config.origin) {
    const message = `${url} serves ${issuer}, log ${origin}, which is not that of ${directory.path}`;
    throw new CliError("CLI_SERVICE_INCONSISTENT", message);
  }
  return { ...policiesOfService(client), register: (statement) => client.register(statement) };
}

async function openedPlace(directory: ServiceDirectory, advice: string): Promise<RotationPlace> {
  const service = await openService(directory, { advice });
  return {
    standing: () => standingOf(service),
    statement: (entryId) => service.log.body(decodeHex(entryId)),
    register: (statement) => service.register(statement),
    close: () => service.close(),
  };
}

/** Opened before with the one key and afterwards with the other: what is left opens. */
async function switchKey(directory: ServiceDirectory): Promise<RotationState> {
  const place = await openedPlace(directory, STOPPED);
  try {
    requireStage(await readRotation(directory, place), ["announced", "switched"], "--switch");
    await switchReceiptKey(directory);
  } finally {
    await place.close();
  }
  const again = await openedPlace(directory, STOPPED);
  try {
    return await readRotation(directory, again);
  } finally {
    await again.close();
  }
}

function tell(state: RotationState, dir: string, { output, isJson }: Session): void {
  const { stage, current, next, named, waiting } = state;
  const nameOf = (key: typeof current): string => formatThumbprint(key);
  if (isJson) {
    output.printJson({
      stage,
      current: nameOf(current),
      next: next === undefined ? null : nameOf(next),
      named: named.map(nameOf),
      proposal: waiting?.entryId ?? null,
    });
    return;
  }
  output.print(`stage: ${stage}`);
  output.print(`signs: ${nameOf(current)}`);
  if (next !== undefined) output.print(`next: ${nameOf(next)}`);
  output.print(`named by the policy: ${named.map(nameOf).join(" ")}`);
  for (const line of nextSteps(state, dir)) output.note(line);
}
