import { readFileSync } from "node:fs";

/** Clock ticks of Linux in a second; what /proc counts CPU time in. */
const TICKS_PER_SECOND = 100;

/** CPU time, memory and writes of a process, as Linux counts them. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly peakMib: number;
  readonly residentMib: number;
  /** Bytes that it had written to disks, with what the file system rewrites of pages that are synced. */
  readonly writtenBytes: number;
}

/** Yields what a process has used so far; it has to be alive. */
export function usageOf(pid: number): Usage {
  const stats = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold anything; what follows it does not.
  const fields = stats.slice(stats.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const io = readFileSync(`/proc/${pid}/io`, "utf8");
  const mib = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) / 1024;
  return {
    cpuSeconds: ticks / TICKS_PER_SECOND,
    peakMib: mib("VmHWM"),
    // Without tables of the store that are mapped: those are the kernel's to drop.
    residentMib: mib("RssAnon"),
    writtenBytes: Number(/^write_bytes: (\d+)$/m.exec(io)?.[1] ?? 0),
  };
}
