import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import type {
  AppOptions,
  BootingServer,
  LogLevel,
  RequestLog,
  RunningServer,
} from "@tallystick/server";

import { ServiceDirectory, isVacant } from "../directory.js";
import { CliError } from "../error.js";
import { describeError } from "../exit.js";
import type { ExitCode } from "../exit.js";
import { FAILPOINT } from "../failpoint.js";
import { codeOf, isThere } from "../file.js";
import { addLimitOptions, limitsOf } from "../limit-options.js";
import type { LimitOptions } from "../limit-options.js";
import { parseServiceUrl } from "../naming.js";
import { cannotListen, parsePort } from "../listening.js";
import { MIN_FREE_MIB, openParts } from "../opening.js";
import type { OpenedService, OpeningOptions } from "../opening.js";
import type { Output } from "../output.js";
import { indexKey, searchPlace } from "../search-place.js";
import { Secrets } from "../serve-secrets.js";
import type { SecretOptions } from "../serve-secrets.js";
import { Stop } from "../serve-stop.js";
import type { Session } from "../session.js";
import { SyncProbe } from "../sync-probe.js";
import { Upkeep } from "../upkeep.js";
import { addAsking, askingOf, warnUnasked } from "../witness-policy.js";
import type { Asking, AskingOptions } from "../witness-policy.js";
import { parseSeconds, parseWhole } from "../whole.js";
import { configOf, describeDirectory, pinsOf } from "./init.js";

interface ServeOptions extends SecretOptions, LimitOptions, AskingOptions {
  readonly host: string;
  readonly port: number;
  readonly create?: true;
  readonly publicUrl?: string;
  readonly minFreeMib: number;
  readonly ignoreClock?: true;
  readonly filterFrom?: number;
  readonly scrubRate: number;
  readonly scrubPause: number;
  readonly syncProbe: number;
  readonly search: boolean;
  readonly indexEvery?: number;
  readonly indexSeconds?: number;
  readonly readyMaxAge?: number;
  readonly readyMaxQuorumAge?: number;
  readonly logLevel: LogLevel;
  readonly logRequests: boolean;
}

/** Where what a running server says goes: into its log, or as text to standard error. */
type Voice = Pick<Output, "note">;

/** How long after a start what was put off is read, in milliseconds. */
const REST_MS = 2000;
const SCRUB_RATE = 5000;
/** Between two heads of the index, where there is something new. */
const INDEX_SECONDS = 3600;
const SCRUB_PAUSE_SECONDS = 60;
const SYNC_PROBE_WRITES = 9;

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
    .option("--filter-from <n>", "entries from which new ones are not looked up", parseWhole)
    .option("--no-search", "keep no search index")
    .option("--index-every <n>", "commit to the index after so many entries, 0: never", parseWhole)
    .option("--index-seconds <s>", "commit to the index after so many seconds", parseSeconds)
    .option("--scrub-pause <s>", "seconds between two cycles", parseWhole, SCRUB_PAUSE_SECONDS)
    .option("--sync-probe <n>", "synced writes timed at the start", parseWhole, SYNC_PROBE_WRITES)
    .option("--create", "make the service first if the directory is missing or empty");
  addSecrets(command);
  addTelling(command);
  addLimitOptions(command);
  addAsking(command);
  command.action(async (dir: string, options: ServeOptions) => {
    session.exit = await serveDirectory(dir, options, session);
  });
}

function addSecrets(command: Command): void {
  command
    .option("--tls-cert <cert.pem>", "speak TLS: the certificate, and those that certify it")
    .option("--tls-key <key.pem>", "its private key")
    .option("--tls-client-ca <ca.pem>", "let clients in by certificates of these authorities")
    .option("--tokens <tokens.json>", "let clients in by tokens, made by tally token create")
    .option("--auth-reads", "let nobody read without a token or certificate either");
}

function addTelling(command: Command): void {
  command
    .addOption(
      new Option("--log-level <level>", "JSON lines on standard error, from this level up")
        .choices(["silent", "fatal", "error", "warn", "info", "debug", "trace"])
        .default("info"),
    )
    .option("--no-log-requests", "no line for each request")
    .option("--ready-max-age <s>", "not ready with an older newest checkpoint", parseWhole)
    .option("--ready-max-quorum-age <s>", "not ready with an older newest quorum", parseWhole);
}

async function serveDirectory(
  dir: string,
  options: ServeOptions,
  { output }: Session,
): Promise<ExitCode> {
  publicUrlOf(options);
  requireIndex(options);
  const secrets = await Secrets.open(options);
  const isNew = options.create === true && (await isVacant(dir));
  const directory = isNew
    ? await ServiceDirectory.create(dir, configOf({ alg: "ES256" }))
    : await ServiceDirectory.open(dir);
  if (isNew) {
    await describeDirectory(directory, output);
    const { thumbprint, noteKey } = await pinsOf(directory);
    output.note(`thumbprint: ${thumbprint}`);
    output.note(`note key: ${noteKey}`);
  }
  const log = await openLog(options);
  const alarm = (line: string): void => {
    if (log === undefined) output.note(line);
    else log.alarm(line);
  };
  await warnUnasked(options, directory, alarm);
  const note = (line: string): void => {
    (log ?? output).note(line);
  };
  const asking = await askingOf(options, directory, { note, alarm });
  const server = await bind(options, secrets, log);
  try {
    return await run({ server, directory, secrets, isNew, log, asking }, options, output);
  } catch (error) {
    // Or it would keep the process alive.
    await server.close();
    log?.flush();
    throw error;
  }
}

interface Bound {
  readonly server: BootingServer;
  readonly directory: ServiceDirectory;
  readonly secrets: Secrets;
  readonly isNew: boolean;
  readonly log: RequestLog | undefined;
  readonly asking: Asking | undefined;
}

async function run(
  { server, directory, secrets, isNew, log, asking }: Bound,
  options: ServeOptions,
  output: Output,
): Promise<ExitCode> {
  const stop = new Stop();
  const voice = log ?? output;
  const opened = await open(
    directory,
    {
      ...options,
      asking,
      ...(await headsOf(directory, options, voice)),
      onSearchFailure: (error) => {
        voice.note(`tally: ${describeError(error, "the search index failed, all else goes on")}`);
      },
      onNoteKey: (line) => {
        voice.note(line);
      },
    },
    stop,
  ).catch((error: unknown) => {
    // What failed is a write of the commit path, and is reported below.
    if (stop.fatal === undefined) throw error;
  });
  if (opened === undefined) {
    await server.close();
    log?.flush();
    return stop.report(output);
  }
  noteFailpoint(output);
  const { service } = opened;
  const { scrubRate, scrubPause: scrubPauseSeconds } = options;
  const upkeep = await Upkeep.of({
    ...{ directory, opened, output: voice, scrubRate, scrubPauseSeconds },
  });
  const probe = new SyncProbe(directory, options.syncProbe);
  const about = {
    ...publicUrlOf(options),
    limits: limitsOf(options),
    ...(upkeep.ages && { scrub: upkeep.ages }),
    syncSeconds: () => probe.seconds,
  };
  server.open(service, { ...about, ...appOptions(options, { secrets, log, output }) });
  await upkeep.start();
  reloadOnSignal(secrets, server, voice);
  output.print(`listening on ${server.url}`);
  void loadRest();
  const standing = service.standing();
  if (standing.kind === "writer") probe.begin(voice);
  else {
    voice.note(`tally: ${standing.code}: read-only, nothing is registered: ${standing.reason}`);
  }
  if (isNew)
    suggest(directory, server.url, (line) => {
      output.note(line);
    });
  await stop.reason;
  if (stop.fatal === undefined) {
    output.note("stopping");
    await server.close();
    await probe.ended();
    await upkeep.stop();
    await service.close();
  }
  log?.flush();
  // Also where the last commit failed while the server was stopping.
  return stop.report(output);
}

/** Reads what a start does not wait for, once those that waited for the start have been answered. */
async function loadRest(): Promise<void> {
  const { loadColdPath } = await import("@tallystick/server");
  const load = (): void => {
    // A request that needs it will tell.
    loadColdPath().catch(() => undefined);
  };
  setTimeout(load, REST_MS).unref();
}

function noteFailpoint(output: Output): void {
  const failpoint = process.env[FAILPOINT];
  if (failpoint === undefined) return;
  output.note(`tally: ${FAILPOINT}=${failpoint} is set: this process will end on purpose`);
}

interface Told {
  readonly secrets: Secrets;
  readonly log: RequestLog | undefined;
  readonly output: Output;
}

function appOptions(
  { readyMaxAge, readyMaxQuorumAge }: ServeOptions,
  { secrets, log, output }: Told,
): AppOptions {
  const { access } = secrets;
  return {
    ...(access && { access }),
    ...(log && { log }),
    ...(readyMaxAge !== undefined && { maxCheckpointAge: readyMaxAge }),
    ...(readyMaxQuorumAge !== undefined && { maxQuorumAge: readyMaxQuorumAge }),
    onDefect: (error, id) => {
      if (log === undefined) output.noteText(`tally: ${describeError(error, "request failed")}`);
      else log.defect(describeError(error), id);
    },
  };
}

function requireIndex({ search, indexEvery, indexSeconds }: ServeOptions): void {
  if (indexEvery === 0 && indexSeconds !== undefined) {
    throw new CliError("CLI_USAGE", "--index-every 0 is never: it goes without --index-seconds");
  }
  if (search || ((indexEvery ?? 0) === 0 && indexSeconds === undefined)) return;
  throw new CliError("CLI_USAGE", "there is no index to commit to with --no-search");
}

async function headsOf(
  directory: ServiceDirectory,
  options: ServeOptions,
  voice: Voice,
): Promise<Pick<OpeningOptions, "heads">> {
  const { search, indexEvery, indexSeconds = await defaultSeconds(directory, options) } = options;
  if (!search || indexEvery === 0 || (indexEvery === undefined && indexSeconds === undefined)) {
    return {};
  }
  const onFailure = (error: unknown): void => {
    voice.note(`tally: ${describeError(error, "the index was not committed to")}`);
  };
  const signer = await indexKey(directory);
  return { heads: { signer, everyEntries: indexEvery, everySeconds: indexSeconds, onFailure } };
}

// Who has made the key wants heads; an idle log gets none in any case.
async function defaultSeconds(
  { indexKeyPath }: ServiceDirectory,
  { indexEvery }: ServeOptions,
): Promise<number | undefined> {
  if (indexEvery !== undefined || !(await isThere(indexKeyPath))) return undefined;
  return INDEX_SECONDS;
}

async function openLog({ logLevel, logRequests }: ServeOptions): Promise<RequestLog | undefined> {
  if (logLevel === "silent") return undefined;
  const { RequestLog } = await import("@tallystick/server");
  return RequestLog.open({ level: logLevel, requests: logRequests });
}

async function open(
  directory: ServiceDirectory,
  {
    minFreeMib,
    ignoreClock,
    filterFrom,
    search,
    heads,
    asking,
    onNoteKey,
    onSearchFailure,
  }: ServeOptions & Pick<OpeningOptions, "asking" | "heads" | "onNoteKey" | "onSearchFailure">,
  stop: Stop,
): Promise<OpenedService> {
  const advice = "in use by another process";
  const { onFatal } = stop;
  const isClockIgnored = ignoreClock === true;
  return openParts(directory, {
    ...{ advice, minFreeMib, ignoreClock: isClockIgnored, asking, onFatal },
    ...(filterFrom !== undefined && { filterFrom }),
    ...(onNoteKey && { onNoteKey }),
    ...(search && { search: searchPlace(directory) }),
    ...(heads && { heads }),
    ...(onSearchFailure && { onSearchFailure }),
  });
}

/** Reads certificates and tokens again on SIGHUP; without any, the signal keeps its meaning. */
function reloadOnSignal(secrets: Secrets, server: RunningServer, voice: Voice): void {
  if (!secrets.isAny) return;
  process.on("SIGHUP", () => {
    secrets.reload(server).then(
      () => {
        voice.note("tally: certificates and tokens were read again");
      },
      (error: unknown) => {
        voice.note(`tally: ${describeError(error, "nothing was reloaded")}`);
      },
    );
  });
}

/** Listens before the log is opened, so that whoever watches can tell a start from a failure. */
async function bind(
  { host, port }: ServeOptions,
  secrets: Secrets,
  log: RequestLog | undefined,
): Promise<BootingServer> {
  const { listen } = await import("@tallystick/server");
  const { tls } = secrets;
  try {
    return await listen({ host, port, ...(tls && { tls }), ...(log && { log }) });
  } catch (cause) {
    const code = codeOf(cause) ?? "";
    if (code.startsWith("ERR_") && tls !== undefined) throw secrets.unusable(cause);
    throw cannotListen({ host, port }, cause);
  }
}

function suggest(directory: ServiceDirectory, url: string, note: (line: string) => void): void {
  const iss = "https://issuer.example";
  const operator = directory.operatorKeyPath;
  note("try, in another terminal:");
  note("  npx tally keygen --alg ES256 --out issuer.jwk");
  note(`  npx tally trust add issuer.pub.jwk --iss ${iss} --service ${url} --operator ${operator}`);
  note(
    `  npx tally register package.json --key issuer.jwk --iss ${iss} --sub my-package --type application/json --service ${url} --out package.transparent.scitt`,
  );
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
