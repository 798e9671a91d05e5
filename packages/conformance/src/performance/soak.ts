import { putLoad } from "./load.js";
import { usageOf } from "./meter.js";
import type { Bench } from "./registration.js";
import { Scene } from "./scene.js";
import { makeStatements } from "./statements.js";

/** Memory of the server at a time. */
export interface MemorySample {
  readonly minutes: number;
  readonly mib: number;
}

/** What became of the memory of a server under load. */
export interface SoakFigures {
  readonly minutes: number;
  readonly registrations: number;
  readonly samples: readonly MemorySample[];
  /** Growth over the second half, by least squares. */
  readonly slopeMibPerMinute: number;
  readonly peakMib: number;
}

/** Signed, then registered, in turns: signing beside the load would take the machine from it. */
const PER_TURN = 15_000;

const SAMPLE_MS = 1000;

/** Puts load on a service for some minutes, and watches its memory. */
export async function soak({ options, signers, note }: Bench): Promise<SoakFigures> {
  const scene = await Scene.make(signers, options.parent);
  const samples: MemorySample[] = [];
  const began = performance.now();
  const minutes = (): number => (performance.now() - began) / 60_000;
  const { url, pid } = await scene.serve({ options: options.serve });
  let told = -1;
  const clock = setInterval(() => {
    const sample = { minutes: minutes(), mib: usageOf(pid).residentMib };
    samples.push(sample);
    if (sample.minutes - told < options.soakMinutes / 20) return;
    told = sample.minutes;
    note(`${sample.minutes.toFixed(1)} min  ${sample.mib.toFixed(0)} MiB`);
  }, SAMPLE_MS);
  try {
    let registrations = 0;
    const file = scene.at("statements");
    const batch = { signer: signers.of("ES256"), count: PER_TURN, payloadBytes: 1024 };
    while (minutes() < options.soakMinutes) {
      await makeStatements(file, batch);
      const forMs = (options.soakMinutes - minutes()) * 60_000;
      const load = { url, path: "/entries", bodies: file, atOnce: options.concurrency };
      registrations += (await putLoad({ ...load, forMs })).done;
    }
    const slopeMibPerMinute = slopeOf(samples.slice(Math.floor(samples.length / 2)));
    const { peakMib } = usageOf(pid);
    return { minutes: minutes(), registrations, samples, slopeMibPerMinute, peakMib };
  } finally {
    clearInterval(clock);
    await scene.clear();
  }
}

/** Yields the slope of the line that lies closest to samples, by least squares; 0 of fewer than two. */
export function slopeOf(samples: readonly MemorySample[]): number {
  const mean = (read: (sample: MemorySample) => number): number =>
    samples.reduce((sum, sample) => sum + read(sample), 0) / samples.length;
  const [x, y] = [mean(({ minutes }) => minutes), mean(({ mib }) => mib)];
  const spread = samples.reduce((sum, { minutes }) => sum + (minutes - x) ** 2, 0);
  const joint = samples.reduce((sum, { minutes, mib }) => sum + (minutes - x) * (mib - y), 0);
  return spread > 0 ? joint / spread : 0;
}
