import { writeWhole } from "./file.js";

/** What a pass of a monitor came to. */
export type Outcome = "sound" | "alert" | "failed";

const OUTCOMES: readonly Outcome[] = ["sound", "alert", "failed"];

/** Counts of a monitor since it was started, as Prometheus reads them from a file. */
export class MonitorMetrics {
  // Owned by the members below.
  readonly #passes = new Map<Outcome, number>(OUTCOMES.map((outcome) => [outcome, 0]));
  #last: Outcome | undefined;
  #told = 0;
  #checked = 0;
  #head: { readonly size: number; readonly time: number } | undefined;
  #published = 0;
  #endedAt = 0;
  #soundAt = 0;

  /** Counts statements that were told of. */
  addTold(count: number): void {
    this.#told += count;
  }

  /** Takes how many entries of the log are checked. */
  setChecked(count: number): void {
    this.#checked = count;
  }

  /** Takes the newest checkpoint that extends what was seen. */
  setHead({ size, time }: { readonly size: number; readonly time: number }): void {
    this.#head = { size, time };
  }

  /** Takes the size of the published checkpoint, which may be behind the newest. */
  setPublished(size: number): void {
    this.#published = size;
  }

  /** Counts a pass; `now` in seconds since the epoch. */
  addPass(outcome: Outcome, now: number): void {
    this.#passes.set(outcome, (this.#passes.get(outcome) ?? 0) + 1);
    this.#last = outcome;
    this.#endedAt = now;
    if (outcome === "sound") this.#soundAt = now;
  }

  /** Formats them as text (Prometheus 0.0.4). */
  format(): string {
    const passes = OUTCOMES.map((outcome) => {
      const count = this.#passes.get(outcome) ?? 0;
      return `tallystick_monitor_passes_total{outcome="${outcome}"} ${count}`;
    });
    return [
      ...counter("passes_total", "Passes, by what they came to.", passes),
      ...gauge(
        "alert",
        "1 while the last pass found misbehaviour.",
        this.#last === "alert" ? 1 : 0,
      ),
      ...gauge("checked_entries", "Entries that are checked.", this.#checked),
      ...gauge("checkpoint_size", "Size of the newest checkpoint.", this.#head?.size ?? 0),
      ...gauge("published_size", "Size of the published checkpoint.", this.#published),
      ...gauge("checkpoint_time_seconds", "When it was signed.", this.#head?.time ?? 0),
      ...gauge("last_pass_time_seconds", "When the last pass ended.", this.#endedAt),
      ...gauge("last_sound_time_seconds", "When the last sound pass ended.", this.#soundAt),
      ...counter("statements_told_total", "Statements told of.", [
        `tallystick_monitor_statements_told_total ${this.#told}`,
      ]),
      "",
    ].join("\n");
  }

  /**
   * Writes them to a file as a whole.
   *
   * @throws {@link CliError} `CLI_FILE_FAILED`
   */
  async write(path: string | undefined): Promise<void> {
    if (path !== undefined) await writeWhole(path, this.format());
  }
}

function gauge(name: string, help: string, value: number): readonly string[] {
  return described(name, { help, type: "gauge" }, [`tallystick_monitor_${name} ${value}`]);
}

function counter(name: string, help: string, lines: readonly string[]): readonly string[] {
  return described(name, { help, type: "counter" }, lines);
}

function described(
  name: string,
  { help, type }: { readonly help: string; readonly type: string },
  lines: readonly string[],
): readonly string[] {
  const full = `tallystick_monitor_${name}`;
  return [`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`, ...lines];
}
