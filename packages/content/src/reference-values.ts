import { encodeHex } from "@tallystick/cose";

import type { Triple } from "./corim/comid.js";
import type { NamedDigest } from "./corim/digest.js";
import type { RimManifest } from "./corim/manifest.js";

/** A value by the number of the measurement block that it is of. */
export interface IndexedReference {
  /** Of the block, as evidence numbers them: from 1 on. */
  readonly block: number;
  readonly name: string | undefined;
  /** Whether the manifest asks for the value, or lists it and lets it be. */
  readonly isRequired: boolean;
  /** Any of them will do. */
  readonly digests: readonly NamedDigest[];
}

/** What a manifest says that devices measure, whatever its format. */
export interface ReferenceValues {
  /** The manifest by its own name, for messages. */
  readonly name: string;
  /** Of which firmware it is; `undefined` where it does not say. */
  readonly version: string | undefined;
  /** Values by environment and element. */
  readonly triples: readonly Triple[];
  /** Values by block. */
  readonly indexed: readonly IndexedReference[];
}

/** What is needed of a SWID manifest: its resources of type `Measurement`. */
export interface SwidReferences {
  readonly tagId: string;
  /** Of the firmware; `undefined` where it is not stated. */
  readonly firmware?: string | undefined;
  readonly measurements: readonly {
    readonly index: number;
    readonly isActive: boolean;
    readonly digests: readonly { readonly alg: string; readonly value: Uint8Array }[];
    readonly name?: string | undefined;
  }[];
}

/** Yields the reference values of a CoRIM. */
export function referencesOfRim(rim: RimManifest): ReferenceValues {
  return {
    name: rim.id,
    version: undefined,
    triples: rim.comids.flatMap(({ references }) => references),
    indexed: [],
  };
}

/** Yields the reference values of a SWID manifest, whose index i is of block i + 1. */
export function referencesOfSwid(swid: SwidReferences): ReferenceValues {
  const { tagId, firmware, measurements } = swid;
  const indexed = measurements.map(({ index, isActive, digests, name }) => ({
    block: index + 1,
    name,
    isRequired: isActive,
    digests: digests.map(({ alg, value }) => ({ alg: nameOf(alg), value: encodeHex(value) })),
  }));
  return { name: tagId, version: firmware, triples: [], indexed };
}

/** SHA-384 goes by several spellings. */
function nameOf(alg: string): string {
  return alg.toLowerCase().replace(/^sha-?(256|384|512)$/, "sha-$1");
}
