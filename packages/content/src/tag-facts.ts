import { encodeHex } from "@tallystick/cose";

import { digestsOfTags, type CoSwid } from "./corim/coswid.js";
import { digestFacts, present, type FactMap } from "./fact.js";
import type { ContentDigest } from "./hash.js";
import type { SwidDigest, SwidRim } from "./swid.js";

/** Yields the facts of a SWID tag; `digests` are those that a device may show, each once. */
export function swidFacts(swid: SwidRim): FactMap {
  const { measurements, files, ...about } = swid;
  return {
    ...present({ ...about }),
    measurements: measurements.map(({ digests, ...measurement }) => ({
      ...present({ ...measurement }),
      digests: digests.map(namedDigest).map(digestFacts),
    })),
    files: files.map(({ name, digests }) => ({
      name,
      digests: digests.map(namedDigest).map(digestFacts),
    })),
    digests: measuredDigests(swid).map(digestFacts),
  };
}

/** Yields the digests of the measurements that a device has to show, each once. */
export function measuredDigests({ measurements }: SwidRim): readonly ContentDigest[] {
  const found = new Map<string, ContentDigest>();
  for (const { isActive, digests } of measurements) {
    if (!isActive) continue;
    for (const digest of digests.map(namedDigest)) {
      found.set(`${digest.alg} ${digest.value}`, digest);
    }
  }
  return [...found.values()];
}

/** Yields the digest in hexadecimal. */
export function namedDigest({ alg, value }: SwidDigest): ContentDigest {
  return { alg, value: encodeHex(value) };
}

/** Yields the facts of concise tags; `digests` are those of all their files, each once. */
export function tagFacts(tags: readonly CoSwid[]): FactMap {
  return {
    coswid: tags.map(({ entities, files, ...about }) => ({
      ...present({ ...about }),
      entities: entities.map(({ name, roles }) => ({ name, roles })),
      files: files.map(({ name, version, digests }) => ({
        ...present({ name, version }),
        digests: digests.map(digestFacts),
      })),
    })),
    digests: digestsOfTags(tags).map(digestFacts),
  };
}
