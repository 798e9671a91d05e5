import { Writable } from "node:stream";

// Whatever commands load when they are called: the loader of tests mixes up what two imports at once ask
// for, so all of it is there before.
import "@tallystick/auditor";
import "@tallystick/log";
import "@tallystick/mirror";
import "@tallystick/server";
import "@tallystick/tlog";
import "@tallystick/witness";

import "../commands/init.js";
import "../commands/serve.js";
import "../commands/keygen.js";
import "../commands/token.js";
import "../commands/trust.js";
import "../commands/policy.js";
import "../commands/sign.js";
import "../commands/sign-report.js";
import "../commands/register.js";
import "../commands/receipt.js";
import "../commands/consistency.js";
import "../commands/checkpoint.js";
import "../commands/attach.js";
import "../commands/verify.js";
import "../commands/bundle.js";
import "../commands/appraise.js";
import "../commands/inspect.js";
import "../commands/evidence.js";
import "../commands/search.js";
import "../commands/reindex.js";
import "../commands/audit.js";
import "../commands/fsck.js";
import "../commands/doctor.js";
import "../commands/backup.js";
import "../commands/export.js";
import "../commands/mirror.js";
import "../commands/monitor.js";
import "../commands/restore.js";
import "../commands/rotate-key.js";
import "../commands/freeze.js";
import "../commands/recover.js";
import "../commands/witness.js";
import "../folder-source.js";
import "../witness-directory.js";

import { main } from "../main.js";
import type { Outcome } from "./command.js";

/**
 * Runs the command in this process, which spares starting one, and yields what it came to. For
 * commands that end by themselves and leave nothing behind.
 */
export async function runHere(...args: readonly string[]): Promise<Outcome> {
  const [stdout, stderr] = [new Said(), new Said()];
  const code = await main(args, { stdout, stderr });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** A stream that keeps what is written to it. */
class Said extends Writable {
  text = "";

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.text += new TextDecoder().decode(chunk);
    done();
  }
}
