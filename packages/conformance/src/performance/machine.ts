import { statfs } from "node:fs/promises";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

/** What the figures of a run are the figures of. */
export interface Machine {
  readonly node: string;
  readonly openssl: string;
  readonly cores: number;
  readonly model: string;
  readonly memoryMib: number;
  /** Processes that wanted a core in the last minute, before the run. */
  readonly load: number;
  /** Whether the data directories are in memory, where syncing costs nothing. */
  readonly isDiskMemory: boolean;
}

const TMPFS = 0x01021994;

/** Describes the machine, with the file system that the data directories are on. */
export async function describeMachine(parent: string): Promise<Machine> {
  const { type } = await statfs(parent);
  return {
    node: process.version,
    openssl: process.versions.openssl,
    cores: availableParallelism(),
    model: cpus()[0]?.model.trim() ?? "unknown",
    memoryMib: Math.round(totalmem() / 1_048_576),
    load: loadavg()[0] ?? 0,
    isDiskMemory: type === TMPFS,
  };
}
