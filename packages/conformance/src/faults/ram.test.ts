import { beforeAll, expect, test } from "@jest/globals";

import { PrivateKey } from "@tallystick/cose";
import type { Signer } from "@tallystick/cose";
import { Log, MemoryAnchor, MemoryStore, checkLog } from "@tallystick/log";
import type { StepName } from "@tallystick/log";
import { RightEdge, leafHash, sha256 } from "@tallystick/merkle";

import { Chance } from "./chance.js";
import { SEED, effort, isFull, tell } from "./effort.js";
import { describeFault } from "./suite.js";

const TIME = 1_790_000_000;

const NAMES = { issuer: "https://ts.example", origin: "ts.example/log" };

/** Bits to turn at each step. */
const FLIPS = effort({ bounded: 60, full: 1000 });

/** Entries before the round that is damaged: in the middle of a tile, and where one becomes full. */
const SIZES = [5, 254];

/** Notes every array that is copied from or to, until told to stop. */
class Recorder {
  readonly seen = new Set<Uint8Array>();
  readonly #methods = ["set", "slice", "subarray"] as const;

  start(): void {
    for (const name of this.#methods) {
      const original = Reflect.get(Uint8Array.prototype, name) as (...args: unknown[]) => unknown;
      const { seen } = this;
      Object.defineProperty(Uint8Array.prototype, name, {
        configurable: true,
        writable: true,
        value(this: Uint8Array, ...args: unknown[]): unknown {
          const result = original.apply(this, args);
          for (const value of [this, args[0], result]) {
            if (value instanceof Uint8Array && value.length > 0) seen.add(value);
          }
          return result;
        },
      });
    }
  }

  stop(): void {
    for (const name of this.#methods) Reflect.deleteProperty(Uint8Array.prototype, name);
  }
}

interface Base {
  readonly store: MemoryStore;
  readonly anchor: MemoryAnchor;
}

/** What a round came to. */
interface Trial {
  readonly isRefused: boolean;
  /** Roots that were given to the signer while the round ran. */
  readonly signed: readonly string[];
  readonly rows: string;
  readonly isSound: boolean;
  readonly isServedWrong: boolean;
}

describeFault("F4: a bit turned in memory", undefined, () => {
  let key: PrivateKey;
  const bases = new Map<number, Base>();

  beforeAll(async () => {
    key = await PrivateKey.generate("EdDSA");
  });

  /** Yields a closed log of a size, made once. */
  async function baseOf(size: number): Promise<Base> {
    const known = bases.get(size);
    if (known !== undefined) return known;
    const base = { store: new MemoryStore(), anchor: new MemoryAnchor() };
    const options = { ...base, ...NAMES, signer: key, now: () => TIME };
    const log = await Log.create(options, requestOf(0), new Uint8Array(16));
    const rest = Array.from({ length: size - 1 }, (_, i) => requestOf(i + 1));
    await Promise.all(rest.map((request) => log.append(request)));
    await log.close();
    bases.set(size, base);
    return base;
  }

  /** Runs one round with `damage` done to the memory at a step. */
  async function round(
    size: number,
    step: StepName,
    damage: (seen: ReadonlySet<Uint8Array>) => void,
  ): Promise<Trial> {
    const recorder = new Recorder();
    const signed = new Set<string>();
    let isArmed = false;
    const signer: Signer = {
      publicKey: key.publicKey,
      algorithm: key.algorithm,
      sign: (message) => {
        // The root is the payload, which ends what is signed (RFC 9052 §4.4).
        if (isArmed) signed.add(hexOf(message.subarray(-32)));
        return key.sign(message);
      },
    };
    const base = await baseOf(size);
    const store = base.store.reopen();
    const anchor = base.anchor.reopen();
    const onStep = ({ name }: { name: StepName }): void => {
      if (!isArmed || name !== step) return;
      recorder.stop();
      damage(recorder.seen);
    };
    const options = {
      store,
      anchor,
      signer,
      ...NAMES,
      now: () => TIME,
      onStep,
    };
    const log = await Log.open(options);
    const added = [requestOf(size), requestOf(size + 1), requestOf(size + 2)];
    isArmed = true;
    recorder.start();
    const outcomes = await Promise.allSettled(added.map((request) => log.append(request)));
    recorder.stop();
    const isRefused = outcomes.some(({ status }) => status === "rejected");
    const served = await Promise.allSettled(added.map(({ entry }) => log.body(entry)));
    const isServedWrong = served.some(
      (body, i) => body.status === "fulfilled" && !isSame(body.value, bodyOf(size + i)),
    );
    const report = await checkLog({
      store: store.reopen(),
      anchor,
      key: key.publicKey,
    });
    return {
      isRefused,
      signed: [...signed],
      rows: store
        .rows()
        .map(({ key, value }) => `${hexOf(key)} ${hexOf(value)}`)
        .join(),
      isSound: report.verdict === "sound",
      isServedWrong,
    };
  }

  const steps: readonly StepName[] = ["built", "recounted", "guarded", "signed"];

  test.each(steps)(
    "after %s: no wrong root is signed, nothing wrong is served, and fsck finds what is stored",
    async (step) => {
      const chance = new Chance(SEED, `ram ${step}`);
      const figures = { refused: 0, harmless: 0, stored: 0 };
      const problems: string[] = [];
      for (const size of SIZES) {
        const control = await round(size, step, () => undefined);
        expect(control).toMatchObject({
          isRefused: false,
          isSound: true,
          isServedWrong: false,
        });
        expect(control.signed).toEqual([rootOf(size + 3)]);
        for (let flip = 0; flip < FLIPS; flip++) {
          let what = "";
          let undo = (): void => undefined;
          const trial = await round(size, step, (seen) => {
            const victim = chance.pick([...seen]);
            const place = chance.below(victim.length);
            const bit = chance.below(8);
            const [before = 0, after] = [victim[place], (victim[place] ?? 0) ^ (1 << bit)];
            victim[place] = after;
            what = `bit ${bit} of byte ${place} of ${victim.length}, size ${size}`;
            // Some of what a round reads outlives it: the bytes of keys, constants of modules.
            undo = () => {
              if (victim[place] === after) victim[place] = before;
            };
          });
          undo();
          const isSame = trial.rows === control.rows;
          if (trial.isRefused) figures.refused++;
          else if (isSame) figures.harmless++;
          else figures.stored++;
          if (trial.isServedWrong) problems.push(`${what}: served wrong`);
          if (trial.signed.some((root) => !control.signed.includes(root))) {
            problems.push(`${what}: signed another root`);
          }
          // Before the recount nothing may get through; later, what is stored has to be found.
          const isFound = step === "built" ? isSame : isSame || !trial.isSound;
          if (!trial.isRefused && !isFound) problems.push(`${what}: stored, and not found`);
        }
      }
      const { refused, harmless, stored } = figures;
      tell(
        "F4",
        `memory, after ${step}: ${FLIPS * SIZES.length} flips, ${refused} stopped the log, ` +
          `${harmless} without effect, ${stored} stored and found by fsck`,
      );
      expect(problems).toEqual([]);
      if (step === "built") expect(refused).toBeGreaterThan(0);
    },
    isFull ? 3_600_000 : 300_000,
  );
});

function bodyOf(number: number): Uint8Array {
  return new TextEncoder().encode(`body of entry ${number}`);
}

function requestOf(number: number): Parameters<Log["append"]>[0] {
  const body = bodyOf(number);
  const control = number === 0;
  return {
    entry: sha256(body),
    body,
    collateral: Uint8Array.of(7, 7, 7),
    control,
  };
}

function rootOf(size: number): string {
  const edge = RightEdge.empty();
  for (let i = 0; i < size; i++) edge.append(leafHash(sha256(bodyOf(i))));
  return hexOf(edge.root());
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
