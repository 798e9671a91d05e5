import { setTimeout as wait } from "node:timers/promises";

import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import { FRESH_STATE, parseState } from "@tallystick/mirror";
import type { MonitorState } from "@tallystick/mirror";
import type { TrustStore } from "@tallystick/verifier";
import { encodeHex } from "@tallystick/cose";

import { CliError } from "../error.js";
import { EXIT, describeError, expectedError } from "../exit.js";
import { isThere, readWhole, writeWhole } from "../file.js";
import { interruptible } from "../interrupt.js";
import { withLock } from "../lock.js";
import { MetricsServer, parseAddress } from "../metrics-server.js";
import type { MetricsAddress } from "../metrics-server.js";
import { MonitorMetrics } from "../monitor-metrics.js";
import { printPublished } from "../published.js";
import { openReading, withReading } from "../reading.js";
import type { ReadingOptions } from "../reading.js";
import type { Session } from "../session.js";
import { repeatable } from "../tally-command.js";
import { tellFile, tellOutput, tellWebhook } from "../telling.js";
import type { Teller } from "../telling.js";
import { Watchlist } from "../watchlist.js";
import type { WatchOptions } from "../watchlist.js";
import { Watchman } from "../watchman.js";
import type { Pass } from "../watchman.js";
import { parseSeconds, parseWhole } from "../whole.js";
import { demandedBy, withDemand } from "../witness-policy.js";
import type { DemandOptions } from "../witness-policy.js";

interface MonitorOptions extends ReadingOptions, WatchOptions, DemandOptions {
  readonly state: string;
  readonly once?: true;
  readonly every?: number;
  readonly to?: string;
  readonly webhook?: string;
  readonly metrics?: string;
  readonly metricsAddress?: MetricsAddress;
  readonly from?: number | "now";
  readonly maxAge?: number;
  readonly evidence?: string;
}

export function addMonitor(program: Command, session: Session): void {
  const command = program
    .command("monitor")
    .description("follow a log: exit 0 sound, 1 misbehaviour, 2 could not be followed")
    .argument("<source>", "address of a service or of any copy, or a folder")
    .requiredOption("--state <file>", "how far it was followed; made by the first run")
    .option("--once", "one pass, up to the newest checkpoint")
    .option("--every <s>", "a pass every so many seconds, until it is told to stop", parseSeconds)
    .option("--from <n|now>", "entry that the first run begins at; every one by default", parseFrom)
    .addOption(
      watched("--watch-issuer <iss>", "tell of statements by this issuer; a* for all from a"),
    )
    .addOption(watched("--watch-subject <sub>", "tell of statements about this; a* for all from a"))
    .option("--to <file>", "also tell at the end of this file, a JSON object a line")
    .option("--webhook <url>", "also post each JSON object to this address")
    .option("--metrics <file>", "write metrics for Prometheus after each pass")
    .option("--metrics-address <h:p>", "serve them at /metrics there; with --every", parseAddress)
    .option("--max-age <s>", "oldest age of the note and the newest checkpoint", parseWhole)
    .option("--evidence <file>", "what to write if the log contradicts itself")
    .option("--json", "print JSON objects, one a line");
  withReading(withDemand(command)).action(async (source: string, options: MonitorOptions) => {
    if ((options.once === undefined) === (options.every === undefined)) {
      throw new CliError("CLI_USAGE", "want either --once or --every");
    }
    if (options.metricsAddress !== undefined && options.every === undefined) {
      throw new CliError("CLI_USAGE", "--metrics-address goes with --every");
    }
    await withLock(`${options.state}.lock`, { waitMs: 0 }, () => run(source, options, session));
  });
}

async function run(source: string, options: MonitorOptions, session: Session): Promise<void> {
  const { state: stateFile, every, metrics: metricsFile } = options;
  const watchlist = new Watchlist(options);
  const witnesses = await demandedBy(options);
  const tellers = tellersOf(options, session);
  const pinnedFile = `${stateFile}.trust`;
  const isPinned = options.vkey !== undefined && (await isThere(pinnedFile));
  const place = { where: source, pinned: isPinned ? await readWhole(pinnedFile) : undefined };
  const { path, trust, pinned } = await openReading(place, options);
  const onHeld = async (): Promise<void> => {
    if (pinned !== undefined && !isPinned) await writeWhole(pinnedFile, pinned);
  };
  const state = await readState(stateFile, trust);
  const metrics = new MonitorMetrics();
  metrics.setChecked(state.position);
  const { parallel, from, maxAge, evidence } = options;
  const watchman = new Watchman(
    {
      ...{ path, trust, witnesses, onHeld, stateFile, state, watchlist, tellers, metrics },
      ...{ parallel, from, maxAge, evidence },
    },
    session,
  );
  const server = await MetricsServer.open(options.metricsAddress, metrics);
  if (server !== undefined) session.output.note(`metrics: ${server.url}`);
  try {
    await interruptible(async (signal) => {
      const isStopped = (): boolean => signal.aborted;
      for (;;) {
        const pass = await watchman.pass(signal);
        await metrics.write(metricsFile);
        tell(pass, watchman.state, session);
        if (every === undefined || pass.isFinal || isStopped()) return;
        await wait(every * 1000, undefined, { signal }).catch(() => undefined);
        if (isStopped()) return;
      }
    });
  } finally {
    await server?.close();
  }
}

function parseFrom(text: string): number | "now" {
  if (text === "now") return text;
  if (/^(0|[1-9][0-9]{0,14})$/.test(text)) return Number(text);
  throw new InvalidArgumentError("want an index, or now.");
}

function tellersOf({ to, webhook }: MonitorOptions, { output, isJson }: Session): Teller[] {
  return [
    tellOutput(output, isJson),
    ...(to === undefined ? [] : [tellFile(to)]),
    ...(webhook === undefined ? [] : [tellWebhook(webhook)]),
  ];
}

async function readState(path: string, trust: TrustStore): Promise<MonitorState> {
  return (await isThere(path)) ? parseState(await readWhole(path), trust) : FRESH_STATE;
}

function tell(pass: Pass, { seen, position }: MonitorState, session: Session): void {
  const { output, isJson } = session;
  if (pass.outcome !== "sound") {
    session.exit = pass.outcome === "alert" ? EXIT.no : EXIT.failed;
    tellFailure(pass, session);
    return;
  }
  session.exit = EXIT.yes;
  if (seen === undefined) return;
  const { size, time } = seen.checkpoint;
  const root = encodeHex(seen.checkpoint.root);
  const published = pass.published?.signed.checkpoint.size ?? size;
  const unchecked = pass.published?.unchecked ?? 0;
  if (isJson) {
    const told = { size, root, time, checked: position, publishedSize: published };
    output.printJson({ event: "sound", ...told, uncheckedSignatures: unchecked });
    return;
  }
  output.print(`sound: ${position} entries checked, root ${root}`);
  printPublished({ size, published, unchecked }, output);
}

function tellFailure({ outcome, error }: Pass, { output, isJson }: Session): void {
  if (error === undefined) {
    output.note("tally: not finished: run it again, it goes on from where it stopped");
    return;
  }
  const expected = expectedError(error);
  if (expected === undefined) throw error;
  const { code, message } = expected;
  output.noteText(`tally: ${describeError(error)}`);
  if (isJson && outcome === "failed")
    output.printJson({ event: "failed", error: { code, message } });
}

function watched(flags: string, description: string): Option {
  const parse = (name: string, names: readonly string[] = []): readonly string[] => [
    ...names,
    name,
  ];
  return repeatable(new Option(flags, description).argParser(parse));
}
