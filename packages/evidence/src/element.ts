import type { Measurement } from "@tallystick/content";

/** What an element of evidence is of. */
export type ElementKind =
  | "rom"
  | "firmware"
  | "hardware-config"
  | "firmware-config"
  | "manifest"
  | "mode"
  | "version"
  | "svn"
  | "other";

/** Where reference values are looked for: an environment, and the key of an element in it. */
export interface Place {
  /** By the names and in the notation of `Environment.attributes` of `@tallystick/content`. */
  readonly environment: ReadonlyMap<string, string>;
  readonly key: string | undefined;
}

/** One thing that a device measured. */
export interface EvidenceElement {
  /** For people, as `block 3` or `FMC_INFO`. */
  readonly name: string;
  /** Number of the measurement block; `undefined` where elements have none. */
  readonly block: number | undefined;
  readonly kind: ElementKind;
  /** Manifests name one element in several ways. */
  readonly places: readonly Place[];
  readonly measurement: Measurement;
}

/** How the caller calls what evidence does not name itself: the class of a device. */
export interface DeviceClass {
  /** Bytes in lower-case hex, as a class id of tag 560; a UUID of 16 bytes as of tag 37. */
  readonly classId?: string | undefined;
  readonly vendor?: string | undefined;
  readonly model?: string | undefined;
  readonly layer?: number | undefined;
}

const NOTHING: Measurement = {
  key: undefined,
  version: undefined,
  svn: undefined,
  digests: undefined,
  raw: undefined,
  registers: undefined,
  range: undefined,
  name: undefined,
  flags: undefined,
  others: new Map(),
  unknown: [],
  authorizedBy: undefined,
};

/** Yields a measurement with the given values and no others. */
export function measurementOf(values: Partial<Measurement>): Measurement {
  return { ...NOTHING, ...values };
}

/** Yields the environments that a class may be called by. */
export function environmentsOf(
  { classId, vendor, model, layer }: DeviceClass,
  more: readonly (readonly [string, string])[] = [],
): readonly ReadonlyMap<string, string>[] {
  const named = new Map<string, string>(more);
  if (vendor !== undefined) named.set("vendor", JSON.stringify(vendor));
  if (model !== undefined) named.set("model", JSON.stringify(model));
  if (layer !== undefined) named.set("layer", String(layer));
  if (classId === undefined) return [named];
  // Published manifests have the bytes in a tag of bytes, in that of a UUID, and without any.
  const forms = [`560(h'${classId}')`, `h'${classId}'`];
  if (classId.length === 32) forms.push(`37(h'${classId}')`);
  return forms.map((form) => new Map([...named, ["class-id", form]]));
}
