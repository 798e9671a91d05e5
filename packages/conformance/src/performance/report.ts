import type { Goal, Results } from "./goals.js";
import type { SizeFigures } from "./growth.js";
import type { Machine } from "./machine.js";
import type { RegistrationFigures } from "./registration.js";

type Cell = string | number;

/** Formats everything that a run has measured, for a terminal. */
export function formatResults(machine: Machine, results: Results): string {
  const { registrations, sizes, syncs, offline, content, soak } = results;
  const parts = [describe(machine)];
  if (registrations.length > 0) parts.push(formatRows(registrations.map(registrationRow)));
  if (sizes.length > 0) parts.push(formatRows(sizes.map(sizeRow)));
  if (syncs !== undefined) {
    const each = syncs.registrationsPerSync.toFixed(1);
    const second = syncs.syncsPerSecond.toFixed(0);
    parts.push(
      `syncs: ${second}/s, ${each} registrations each, at ${syncs.perSecond.toFixed(0)}/s`,
    );
  }
  if (offline !== undefined) {
    const share = offline.ofLimit.toFixed(2);
    parts.push(`verified offline: ${offline.perSecond.toFixed(0)}/s, ${share} of V/2`);
  }
  if (content !== undefined) {
    const [read, plain] = [content.perSecond.toFixed(0), content.plainPerSecond.toFixed(0)];
    const each = content.cpuUs.toFixed(0);
    parts.push(`decided with content: ${read}/s on one core, ${each} us each; without: ${plain}/s`);
  }
  if (soak !== undefined) {
    const slope = soak.slopeMibPerMinute.toFixed(2);
    const peak = soak.peakMib.toFixed(0);
    const minutes = soak.minutes.toFixed(1);
    parts.push(
      `soak: ${soak.registrations} registrations in ${minutes} min, peak ${peak} MiB, ` +
        `${slope} MiB/min over the second half`,
    );
  }
  return parts.join("\n\n");
}

/** Formats goals, each with its verdict. */
export function formatGoals(goals: readonly Goal[]): string {
  return formatRows(
    goals.map(({ goal, measured, wanted, verdict }) => ({
      goal,
      measured: measured === undefined ? "-" : significant(measured),
      wanted,
      verdict,
    })),
  );
}

function describe(machine: Machine): string {
  const { node, openssl, cores, model, memoryMib, load, isDiskMemory } = machine;
  const lines = [
    `Node ${node}, OpenSSL ${openssl}, ${cores} cores of ${model}, ${memoryMib} MiB`,
    `load before the run: ${load.toFixed(1)}`,
  ];
  if (load > 0.5) lines.push("others are using this machine: only the ratios mean anything");
  if (isDiskMemory) lines.push("the data is in memory: syncs cost nothing here, see --dir");
  return lines.join("\n");
}

function registrationRow(figures: RegistrationFigures): Readonly<Record<string, Cell>> {
  const { name, limit, ofLimit, isBatch } = figures;
  return {
    name,
    "reg/s": figures.perSecond.toFixed(0),
    V: limit.verifiesPerSecond.toFixed(0),
    H: limit.exchangesPerSecond.toFixed(0),
    L: limit.perSecond.toFixed(0),
    share: `${ofLimit.toFixed(2)} ${isBatch ? "V" : "L"}`,
    "p50 ms": figures.p50Ms.toFixed(1),
    p99: figures.p99Ms.toFixed(1),
    "p99.9": figures.p999Ms.toFixed(1),
    "CPU us": figures.cpuUs.toFixed(0),
    "of CPU": figures.cpuShare.toFixed(2),
    "peak MiB": figures.peakMib.toFixed(0),
    "B beyond": figures.beyondBytes.toFixed(0),
    answers: answersOf(figures.statuses),
  };
}

function sizeRow({ size, restart, reading, ...figures }: SizeFigures): Record<string, Cell> {
  const { receipts, exchangesPerSecond, tiles, replayedPerSecond } = reading;
  return {
    size,
    "reg/s": figures.perSecond.toFixed(0),
    "of L": figures.ofLimit.toFixed(2),
    "CPU us": figures.cpuUs.toFixed(0),
    "kB written": (figures.writtenBytes / 1000).toFixed(1),
    "p99 ms": figures.p99Ms.toFixed(1),
    "peak MiB": figures.peakMib.toFixed(0),
    "receipts/s": receipts.perSecond.toFixed(0),
    "of bare": (receipts.perSecond / exchangesPerSecond).toFixed(2),
    "tiles/s": tiles?.perSecond.toFixed(0) ?? "-",
    "replayed/s": replayedPerSecond.toFixed(0),
    "restart ms": restart.afterStopMs.toFixed(0),
    "killed ms": restart.afterKillMs.toFixed(0),
    "bare ms": restart.bareMs.toFixed(0),
  };
}

function answersOf(statuses: Readonly<Record<string, number>>): string {
  return Object.entries(statuses)
    .map(([status, count]) => `${count} x ${status}`)
    .join(", ");
}

function significant(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Formats rows that have the same columns, numbers to the right. */
export function formatRows(rows: readonly Readonly<Record<string, Cell>>[]): string {
  const names = Object.keys(rows[0] ?? {});
  const texts = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? "")))];
  const widths = names.map((_, i) => Math.max(...texts.map((cells) => cells[i]?.length ?? 0)));
  const format = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ");
  return texts.map(format).join("\n");
}
