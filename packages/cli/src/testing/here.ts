import { Writable } from "node:stream";

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
