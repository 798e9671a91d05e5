import type { AlgorithmName } from "@tallystick/cose";

import { measureContent } from "./content.js";
import type { Results } from "./goals.js";
import { measureGrowth } from "./growth.js";
import { measureOffline } from "./offline.js";
import { measureRegistration } from "./registration.js";
import type { Bench, RegistrationCase } from "./registration.js";
import { measureSyncs } from "./syncs.js";

const SIGNERS: readonly (readonly [string, AlgorithmName])[] = [
  ["es256", "ES256"],
  ["ed25519", "EdDSA"],
  ["es384", "ES384"],
  ["ps256-chain", "PS256"],
];

const SIZES: readonly (readonly [string, number])[] = [
  ["1k", 1024],
  ["16k", 16_384],
];

const OPAQUE: readonly RegistrationCase[] = SIZES.flatMap(([size, payloadBytes]) =>
  SIGNERS.flatMap(([signer, algorithm]) =>
    [false, true].map((isBatch) => ({
      name: `${signer}-${size}${isBatch ? "-batch" : ""}`,
      ...{ algorithm, payloadBytes, isBatch },
    })),
  ),
);

const READ: readonly RegistrationCase[] = (["report", "bill"] as const).map((content) => ({
  name: `es256-${content}`,
  ...{ algorithm: "ES256", payloadBytes: 0, isBatch: false, content },
}));

/** All kinds of registration that are measured. */
export const CASES: readonly RegistrationCase[] = [...OPAQUE, ...READ];

const OTHERS = ["syncs", "sizes", "offline", "content"] as const;

/** Names of all parts of a run. */
export const PARTS: readonly string[] = [...CASES.map(({ name }) => name), ...OTHERS];

/** What a quick run is made of. */
export const QUICK_PARTS: readonly string[] = [
  "es256-1k",
  "es256-1k-batch",
  "es256-report",
  "es256-bill",
  "sizes",
  "offline",
  "content",
];

/**
 * Measures the parts with these names.
 *
 * @throws TypeError for a name that no part has
 */
export async function measureParts(names: readonly string[], bench: Bench): Promise<Results> {
  const wanted = new Set(names);
  for (const name of wanted) {
    if (!PARTS.includes(name)) throw new TypeError(`no part is called ${name}`);
  }
  const registrations = [];
  for (const kind of CASES.filter(({ name }) => wanted.has(name))) {
    bench.note(kind.name);
    const figures = await measureRegistration(kind, bench);
    if (figures === undefined)
      bench.note(`  the server takes no batches: ${kind.name} is left out`);
    else registrations.push(figures);
  }
  const measure = async <T>(name: (typeof OTHERS)[number], act: (bench: Bench) => Promise<T>) => {
    if (!wanted.has(name)) return undefined;
    bench.note(name);
    return act(bench);
  };
  const syncs = await measure("syncs", measureSyncs);
  const sizes = (await measure("sizes", measureGrowth)) ?? [];
  const offline = await measure("offline", measureOffline);
  const content = await measure("content", measureContent);
  const others = {
    ...(syncs && { syncs }),
    ...(offline && { offline }),
    ...(content && { content }),
  };
  return { registrations, sizes, ...others };
}
