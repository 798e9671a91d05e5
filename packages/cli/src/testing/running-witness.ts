import { Witness, serveWitness } from "@tallystick/witness";
import type { RunningWitness } from "@tallystick/witness";

import { WitnessDirectory } from "../witness-directory.js";

/** Serves the witness of a directory in this process, at a free port. */
export async function startWitness(path: string): Promise<RunningWitness> {
  const directory = await WitnessDirectory.open(path);
  const [signers, logs] = await Promise.all([directory.signers(), directory.logs()]);
  const now = (): number => Math.floor(Date.now() / 1000);
  const options = { signers, logs, store: directory.store, now };
  return serveWitness(new Witness(options), { host: "127.0.0.1", port: 0 });
}
