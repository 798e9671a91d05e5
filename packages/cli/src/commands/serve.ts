import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import type { ListenOptions, RunningServer, TransparencyService } from "@tallystick/server";

import { ServiceDirectory, isVacant } from "../directory.js";
import { CliError } from "../error.js";
import { EXIT, expectedError } from "../exit.js";
import type { ExitCode } from "../exit.js";
import { FAILPOINT } from "../failpoint.js";
import { codeOf } from "../file.js";
import { addLimitOptions, limitsOf } from "../limit-options.js";
import type { LimitOptions } from "../limit-options.js";
import { parseServiceUrl } from "../naming.js";
import { MIN_FREE_MIB, openParts } from "../opening.js";
import type { Output } from "../output.js";
import type { Session } from "../session.js";
import { Upkeep } from "../upkeep.js";
import { parseWhole } from "../whole.js";
import { configOf, describeDirectory } from "./init.js";

interface ServeOptions extends LimitOptions {
  readonly host: string;
  readonly port: number;
  readonly create?: true;
  readonly publicUrl?: string;
  readonly minFreeMib: number;
  readonly ignoreClock?: true;
  readonly scrubRate: number;
  readonly scrubPause: number;
}

const SCRUB_RATE = 5000;
const SCRUB_PAUSE_SECONDS = 60;

export function addServe(program: Command, session: Session): void {
  const command = program
    .command("serve")
    .description("serve a transparency service over HTTP until it is told to stop")
    .argument("<dir>", "made by tally init")
    .option("--port <n>", "port, 0 for any free one", parsePort, 8000)
    .option("--host <h>", "address to listen on", "127.0.0.1")
    .option("--public-url <url>", "where clients reach the service, when a proxy stands before it")
    .option("--min-free-mib <n>", "register nothing with less disk space", parseMib, MIN_FREE_MIB)
    .option("--ignore-clock", "register although the clock is behind the newest checkpoint")
    .option(
      "--scrub-rate <n>",
      "entries re-verified in a second, 0 for none",
      parseWhole,
      SCRUB_RATE,
    )
    .option("--scrub-pause <s>", "seconds between two cycles", parseWhole, SCRUB_PAUSE_SECONDS)
    .option("--create", "make the service first if the directory is missing or empty");
  addLimitOptions(command).action(async (dir: string, options: ServeOptions) => {
    session.exit = await serveDirectory(dir, options, session);
  });
}

async function serveDirectory(
  dir: string,
  options: ServeOptions,
  { output }: Session,
): Promise<ExitCode> {
  const publicUrl = publicUrlOf(options);
  const isNew = options.create === true && (await isVacant(dir));
  const directory = isNew
    ? await ServiceDirectory.create(dir, configOf({ alg: "ES256" }))
    : await ServiceDirectory.open(dir);
  if (isNew) describeDirectory(directory, output);
  const stop = new Stop();
  const advice = "in use by another process";
  const { minFreeMib, ignoreClock = false } = options;
  const opening = { advice, minFreeMib, ignoreClock, onFatal: stop.onFatal };
  const opened = await openParts(directory, opening).catch((error: unknown) => {
    // What failed is a write of the commit path, and is reported below.
    if (stop.fatal === undefined) throw error;
  });
  if (opened === undefined) return stop.report(output);
  const failpoint = process.env[FAILPOINT];
  if (failpoint !== undefined) {
    output.note(`tally: ${FAILPOINT}=${failpoint} is set: this process will end on purpose`);
  }
  const { service } = opened;
  const { scrubRate, scrubPause: scrubPauseSeconds } = options;
  const upkeep = await Upkeep.of({ directory, opened, output, scrubRate, scrubPauseSeconds });
  const scrub = upkeep.ages;
  const reported = scrub === undefined ? {} : { scrub };
  const onDefect = (error: unknown): void => {
    output.note(`tally: request failed: ${describeDefect(error)}`);
  };
  const limits = limitsOf(options);
  const server = await listen(service, { ...options, ...publicUrl, ...reported, limits, onDefect });
  await upkeep.start();
  output.print(`listening on ${server.url}`);
  const standing = service.standing();
  if (standing.kind === "reader") {
    output.note(`tally: read-only, nothing is registered: ${standing.code}: ${standing.reason}`);
  }
  if (isNew)
    suggest(directory, server.url, (line) => {
      output.note(line);
    });
  await stop.reason;
  if (stop.fatal === undefined) {
    output.note("stopping");
    await server.close();
    await upkeep.stop();
    await service.close();
  }
  // Also where the last commit failed while the server was stopping.
  return stop.report(output);
}

type Listening = Pick<
  ListenOptions,
  "host" | "port" | "publicUrl" | "scrub" | "limits" | "onDefect"
>;

async function listen(
  service: TransparencyService,
  { host, port, publicUrl, scrub, limits = {}, onDefect }: Listening,
): Promise<RunningServer> {
  const { serve } = await import("@tallystick/server");
  try {
    const reached = publicUrl === undefined ? {} : { publicUrl };
    const told = { ...(scrub && { scrub }), limits, ...(onDefect && { onDefect }) };
    return await serve(service, { host, port, ...reached, ...told });
  } catch (cause) {
    await service.close();
    const reason = REASONS.get(codeOf(cause) ?? "") ?? codeOf(cause) ?? "unknown reason";
    const message = `cannot listen on ${host} port ${port}: ${reason}`;
    throw new CliError("CLI_LISTEN_FAILED", message, { cause });
  }
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ["EADDRINUSE", "the port is in use"],
  ["EACCES", "permission denied"],
  ["EADDRNOTAVAIL", "not an address of this machine"],
  ["ENOTFOUND", "no such host"],
]);

/** Settles when the process is told to stop, or the log has stopped by itself. */
class Stop {
  readonly reason: Promise<void>;
  readonly onFatal: (error: Error) => void;
  // Owned by onFatal: why the log has stopped, at whatever time it did.
  #fatal: Error | undefined;

  constructor() {
    let settle: () => void = () => undefined;
    this.reason = new Promise((resolve) => {
      settle = resolve;
    });
    this.onFatal = (error) => {
      this.#fatal ??= error;
      settle();
    };
    // Once: a second signal ends the process at once, as signals do.
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        settle();
      });
    }
  }

  get fatal(): Error | undefined {
    return this.#fatal;
  }

  /** Says why the log has stopped, if it has, and yields what to exit with. */
  report(output: Output): ExitCode {
    if (this.#fatal === undefined) return EXIT.yes;
    output.note(`tally: the log has stopped and must be opened again: ${this.#fatal.message}`);
    return EXIT.fatal;
  }
}

function suggest(directory: ServiceDirectory, url: string, note: (line: string) => void): void {
  const iss = "https://issuer.example";
  const operator = directory.operatorKeyPath;
  note("try, in another terminal:");
  note("  npx tally keygen --alg ES256 --out issuer.jwk");
  note(`  npx tally trust add issuer.pub.jwk --iss ${iss} --service ${url} --operator ${operator}`);
  note(
    `  npx tally sign package.json --key issuer.jwk --iss ${iss} --sub my-package --type application/json --out package.scitt`,
  );
}

function parsePort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new InvalidArgumentError("want a number from 0 to 65535.");
}

/** Reads a number of mebibytes from the command line. */
export function parseMib(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("want a whole number of mebibytes.");
}

function publicUrlOf({ publicUrl }: ServeOptions): { publicUrl?: string } {
  if (publicUrl === undefined) return {};
  const { origin, pathname } = parseServiceUrl("--public-url", publicUrl);
  return { publicUrl: `${origin}${pathname.replace(/\/+$/, "")}` };
}

// A refusal that ended as 500, such as damage to the log, or a defect with the place it comes from.
function describeDefect(error: unknown): string {
  const expected = expectedError(error);
  if (expected !== undefined) return `${expected.code} ${expected.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
