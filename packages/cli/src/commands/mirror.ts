import type { Command } from "commander";
import { encodeHex } from "@tallystick/cose";
import { formatState, mirror, parseState } from "@tallystick/mirror";
import type { KeptPath, Mirrored, MonitorState } from "@tallystick/mirror";
import type { TrustStore } from "@tallystick/verifier";

import { isVacant } from "../directory.js";
import { CliError } from "../error.js";
import { withEvidence } from "../evidence-file.js";
import { EXIT } from "../exit.js";
import { interruptible } from "../interrupt.js";
import { withFolder } from "../lock.js";
import { Progress } from "../progress.js";
import { keptFolder } from "../read-path.js";
import { printPublished } from "../published.js";
import { openReading, withReading } from "../reading.js";
import type { ReadingOptions } from "../reading.js";
import type { Session } from "../session.js";
import { demandedBy, withDemand } from "../witness-policy.js";
import type { DemandOptions } from "../witness-policy.js";

interface MirrorOptions extends ReadingOptions, DemandOptions {
  readonly evidence?: string;
  readonly quiet?: true;
}

/** What only later runs read; a web server has no need to show it. */
const SEEN = ".tallystick/seen.json";
const PINNED = ".tallystick/trust.json";
const MAX_OWN_BYTES = 1_048_576;

export function addMirror(program: Command, session: Session): void {
  const command = program
    .command("mirror")
    .description("copy the read path of a log, each byte verified, for any web server")
    .argument("<source>", "address of a service or of any copy, or a folder")
    .argument("<out>", "made by this command, empty, or an earlier copy, which is continued")
    .option("--evidence <file>", "what to write if the log contradicts itself")
    .option("--quiet", "no progress line")
    .option("--json", "print what was copied as one JSON object");
  withReading(withDemand(command)).action(
    async (source: string, out: string, options: MirrorOptions) => {
      const otherwise = `${out.replace(/\/+$/, "")}.evidence`;
      const place = { path: options.evidence, otherwise };
      await withEvidence(place, session.output, () =>
        withFolder(out, async () => {
          await run({ source, copy: await openCopy(out) }, options, session);
        }),
      );
    },
  );
}

async function openCopy(out: string): Promise<KeptPath> {
  const copy = keptFolder(out);
  if (await isVacant(out)) return copy;
  for (const path of [SEEN, PINNED, "checkpoint"]) {
    if ((await copy.find(path, MAX_OWN_BYTES)) !== undefined) return copy;
  }
  throw new CliError("CLI_DIRECTORY_INVALID", `${out} is neither empty nor a copy of a log`);
}

async function run(
  { source, copy }: { readonly source: string; readonly copy: KeptPath },
  options: MirrorOptions,
  session: Session,
): Promise<void> {
  const witnesses = await demandedBy(options);
  const place = { where: source, pinned: await copy.find(PINNED, MAX_OWN_BYTES) };
  const { path, trust, pinned } = await openReading(place, options);
  const before = await readSeen(copy, trust);
  const isQuiet = session.isJson || options.quiet === true;
  const progress = new Progress(session.output, { isQuiet });
  try {
    const done = await interruptible((signal) =>
      mirror(path, copy, {
        ...{ trust, witnesses, seen: before?.seen, parallel: options.parallel, signal },
        onSeen: async (seen) => {
          // Not before a checkpoint held under them.
          if (pinned !== undefined) await copy.keep(PINNED, new TextEncoder().encode(pinned));
          const state = { seen, chained: undefined, position: 0 };
          await copy.keep(SEEN, new TextEncoder().encode(formatState(state)));
        },
        onProgress: (copied, size) => {
          progress.show(copied, size);
        },
      }),
    );
    progress.clear();
    tell(done, session);
  } finally {
    progress.clear();
  }
}

async function readSeen(copy: KeptPath, trust: TrustStore): Promise<MonitorState | undefined> {
  const file = await copy.find(SEEN, MAX_OWN_BYTES);
  return file === undefined ? undefined : parseState(file, trust);
}

function tell({ head, newest, before, isComplete }: Mirrored, session: Session): void {
  const { issuer, origin, size, root } = head.signed.checkpoint;
  const { unchecked } = head;
  const newestSize = newest.checkpoint.size;
  const { output, isJson } = session;
  if (!isComplete) session.exit = EXIT.failed;
  if (isJson) {
    const copied = { issuer, origin, size, root: encodeHex(root), oldSize: before, isComplete };
    output.printJson({ ...copied, newestSize, uncheckedSignatures: unchecked });
    return;
  }
  if (isComplete) output.print(`mirrored: ${size} entries, root ${encodeHex(root)}`);
  else output.print(`not finished: run it again, it goes on from where it stopped`);
  output.print(`log: ${origin} of ${issuer}`);
  output.print(`new entries: ${size - before}`);
  printPublished({ size: newestSize, published: size, unchecked }, output);
}
