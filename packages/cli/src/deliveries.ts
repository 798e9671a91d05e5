import type { Teller, Told } from "./telling.js";

/** What one teller has taken since the command began. */
interface Ledger {
  readonly tell: Teller;
  /** Statements below this index need not be told again. */
  next: number;
  /** The alert that was told last, as long as it lasts. */
  alerted: string | undefined;
}

/**
 * Delivers to every teller what it has not taken yet: one that fails neither keeps the others from
 * theirs, nor has them told again when it is tried once more.
 */
export class Deliveries {
  // Owned by the members below.
  readonly #ledgers: readonly Ledger[];

  constructor(tellers: readonly Teller[]) {
    this.#ledgers = tellers.map((tell) => ({ tell, next: 0, alerted: undefined }));
  }

  /** Tells of the statement at an index. Rejects with the first failure, once all were tried. */
  async statement(index: number, told: Told): Promise<void> {
    await this.#each(async (ledger) => {
      if (index < ledger.next) return;
      await ledger.tell(told);
      ledger.next = index + 1;
    });
  }

  /** Yields whether somebody has yet to be told of an alert. */
  lacks(alert: string): boolean {
    return this.#ledgers.some(({ alerted }) => alerted !== alert);
  }

  /** Tells of an alert, once as long as it lasts. Rejects as {@link Deliveries.statement}. */
  async alert(alert: string, told: Told): Promise<void> {
    await this.#each(async (ledger) => {
      if (ledger.alerted === alert) return;
      await ledger.tell(told);
      ledger.alerted = alert;
    });
  }

  /** Has the next alert told, whatever it is. */
  endAlert(): void {
    for (const ledger of this.#ledgers) ledger.alerted = undefined;
  }

  async #each(act: (ledger: Ledger) => Promise<void>): Promise<void> {
    const settled = await Promise.allSettled(this.#ledgers.map(act));
    const failure = settled.find(({ status }) => status === "rejected");
    if (failure?.status === "rejected") throw failure.reason;
  }
}
