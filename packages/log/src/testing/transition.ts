import { type Choices, countFaults, everyWay } from "./choice.js";
import { pairOf, type Site } from "./image.js";
import { type Action, type Bench, Incarnation, type Outcome, type Step } from "./incarnation.js";
import { Painter, type Portrait } from "./portrait.js";
import { machineName, type State } from "./state.js";

/** An outcome with the process that it leaves behind. */
export interface Transition {
  readonly outcome: Outcome;
  /** Faults in it. */
  readonly cost: number;
  readonly machine: string;
  /** None if there is no process any more. */
  readonly portrait: Portrait | undefined;
  readonly steps: readonly Step[];
  readonly bootSite: Site;
}

/**
 * What each action can do to each process: found by running it once for each way its choices can go,
 * on a process that was started and has done again what led to where it stands. Found once; what
 * clients remember makes no difference to it.
 */
export class Transitions {
  readonly #bench: Bench;
  readonly #painter: Painter;
  // Owned by of and #portrait.
  readonly #known = new Map<string, Promise<readonly Transition[]>>();
  readonly #portraits = new Map<string, Portrait>();
  #runs = 0;
  #points = 0;

  constructor(bench: Bench, entries: number) {
    this.#bench = bench;
    const known = Array.from({ length: entries + 1 }, (_, i) => i - 1);
    this.#painter = new Painter(bench.signer.publicKey, known);
  }

  /** How often a process was started. */
  get runs(): number {
    return this.#runs;
  }

  /** How many choices were made, those of replays not counted. */
  get points(): number {
    return this.#points;
  }

  /**
   * Yields what can come of an action with at most `left` faults. Whoever asks later must not have
   * more of them left.
   */
  of(state: State, action: Action, left: number): Promise<readonly Transition[]> {
    const name = `${state.machine} ${JSON.stringify(action)}`;
    const known = this.#known.get(name) ?? this.#explore(state, action, left);
    this.#known.set(name, known);
    return known;
  }

  async #explore(state: State, action: Action, left: number): Promise<readonly Transition[]> {
    const transitions = new Map<string, Transition>();
    const ways = everyWay(left, (choices) => this.#perform(state, action, choices));
    for await (const transition of ways) {
      const name = signatureOf(transition);
      const known = transitions.get(name);
      if (known === undefined || transition.cost < known.cost) transitions.set(name, transition);
    }
    return [...transitions.values()];
  }

  async #perform(state: State, action: Action, choices: Choices): Promise<Transition> {
    this.#runs++;
    const incarnation = new Incarnation(this.#bench, state.bootSite);
    await incarnation.replay(state.steps);
    const outcome = await incarnation.perform(action, choices);
    const { site, status, points } = outcome;
    this.#points += points.length;
    const cost = countFaults(points);
    if (status.kind === "down") {
      const machine = machineName(site, status, []);
      return { outcome, cost, machine, portrait: undefined, steps: [], bootSite: site };
    }
    const steps = [...state.steps, { action, points }];
    const machine = `${machineName(site, status, steps)} ${incarnation.shown}`;
    const portrait = await this.#portrait(machine, incarnation, outcome);
    return { outcome, cost, machine, portrait, steps, bootSite: state.bootSite };
  }

  async #portrait(
    machine: string,
    { log, disk }: Incarnation,
    { status }: Outcome,
  ): Promise<Portrait | undefined> {
    if (log === undefined) return undefined;
    const known = this.#portraits.get(machine);
    if (known !== undefined) return known;
    disk.isQuiet = true;
    const portrait = await this.#painter.paint(log, status);
    this.#portraits.set(machine, portrait);
    return portrait;
  }
}

/** Two transitions of one signature differ in nothing that anybody can see. */
function signatureOf({ outcome, machine }: Transition): string {
  const { status, trail, released, acknowledged, refused, wrong, isFrozen } = outcome;
  const told = acknowledged.map(({ entry, index, isDuplicate }) => [entry, index, isDuplicate]);
  const seen = released.map(({ id }) => id);
  return JSON.stringify([machine, status, trail.map(pairOf), told, seen, refused, wrong, isFrozen]);
}
