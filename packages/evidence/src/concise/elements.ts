import {
  ContentError,
  readConciseEvidence,
  type ConciseEvidence,
  type CoSwidFile,
  type Environment,
  type Measurement,
  type SoftwareEvidence,
} from "@tallystick/content";
import { printable } from "@tallystick/cose";

import { flagConcerns } from "../dice/flags.js";
import {
  environmentsOf,
  measurementOf,
  type DeviceClass,
  type EvidenceElement,
  type Place,
} from "../element.js";
import { EvidenceError, malformed, unsupported } from "../error.js";

/** What concise evidence says. */
export interface ConciseReading {
  readonly elements: readonly EvidenceElement[];
  readonly concerns: readonly string[];
  /** Identifiers of the devices that are named as instances, each once, in hex. */
  readonly ueids: readonly string[];
}

/** Tags of concise evidence, and of a list of several. */
const HEAD = { evidence: [0xd9, 0x02, 0x3b], list: [0xd9, 0x02, 0x3a] } as const;

/** Of names that are shown. */
const MAX_NAME = 80;

/** Code point of flags. */
const FLAGS = 3;

/** Yields whether the bytes begin with the tag of concise evidence (571), or of a list (570). */
export function looksLikeConcise(bytes: Uint8Array): boolean {
  return beginsWith(bytes, HEAD.evidence) || beginsWith(bytes, HEAD.list);
}

function beginsWith(bytes: Uint8Array, head: readonly number[]): boolean {
  return head.every((byte, i) => bytes[i] === byte);
}

/**
 * Yields what concise evidence says: each measurement of an evidence triple, in the environment and
 * under the key that it has there, and each file of a coswid triple that has a digest, under its name.
 *
 * @throws {@link EvidenceError} `EVIDENCE_TOO_LARGE`, `EVIDENCE_MALFORMED`, `EVIDENCE_UNSUPPORTED`
 */
export function readConcise(bytes: Uint8Array, device: DeviceClass): ConciseReading {
  if (beginsWith(bytes, HEAD.list)) {
    throw unsupported("a list of concise evidence (tag 570), want one by itself (tag 571)");
  }
  const { measured, software, ...stated } = decode(bytes);
  if (!stated.isProfileKnown) {
    throw unsupported(`concise evidence of the profile ${shown(stated.profile ?? "")}`);
  }
  const elements = [
    ...measured.flatMap(({ environment, measurements }) =>
      measurements.map((measurement) => measuredElement(environment, measurement, device)),
    ),
    ...software.flatMap((one) => fileElements(one, device)),
  ];
  if (elements.length === 0 && stated.otherTriples > 0) {
    throw unsupported("concise evidence without measurements or files");
  }
  if (elements.length === 0) throw malformed("concise evidence that says nothing");
  const environments = [...measured, ...software].map(({ environment }) => environment);
  return {
    elements,
    concerns: elements.flatMap(({ name, measurement }) =>
      flagConcerns(measurement.flags ?? new Map()).map((concern) => `${name} ${concern}`),
    ),
    ueids: [...new Set(environments.flatMap(ueidsOf))],
  };
}

function decode(bytes: Uint8Array): ConciseEvidence {
  try {
    return readConciseEvidence(bytes);
  } catch (cause) {
    if (!(cause instanceof ContentError)) throw cause;
    const code = cause.code === "CONTENT_TOO_LARGE" ? "EVIDENCE_TOO_LARGE" : "EVIDENCE_MALFORMED";
    throw new EvidenceError(code, cause.message, { cause });
  }
}

function measuredElement(
  environment: Environment,
  measurement: Measurement,
  device: DeviceClass,
): EvidenceElement {
  const { key, name, digests, registers, flags, others } = measurement;
  // Flags in another form could hide that the device is debugged.
  if (others.has(FLAGS) && flags === undefined) {
    throw malformed("concise evidence: flags that are no map of booleans");
  }
  const called = name ?? (key === undefined ? undefined : `key ${key}`);
  return {
    name: shown(called ?? environment.model ?? "a measurement"),
    block: undefined,
    // What is not told to be anything else, and has a digest, be it in a register, is firmware.
    kind: digests === undefined && registers === undefined ? "other" : "firmware",
    places: placesOf(environment, key, device),
    measurement,
  };
}

function fileElements(
  { environment, files }: SoftwareEvidence,
  device: DeviceClass,
): readonly EvidenceElement[] {
  return files
    .filter(({ digests }) => digests.length > 0)
    .map((file) => ({
      name: shown(file.name),
      block: undefined,
      kind: "firmware",
      places: placesOf(environment, JSON.stringify(file.name), device),
      measurement: ofFile(file),
    }));
}

function ofFile({ digests, version }: CoSwidFile): Measurement {
  return measurementOf({
    digests,
    version: version === undefined ? undefined : { text: version, scheme: undefined },
  });
}

/** What the environment does not say of its class is as the caller calls the device. */
function placesOf(
  { attributes }: Environment,
  key: string | undefined,
  device: DeviceClass,
): readonly Place[] {
  const unlessStated = <T>(name: string, value: T): T | undefined =>
    attributes.has(name) ? undefined : value;
  const environments = environmentsOf(
    {
      classId: unlessStated("class-id", device.classId),
      vendor: unlessStated("vendor", device.vendor),
      model: unlessStated("model", device.model),
      layer: unlessStated("layer", device.layer),
    },
    [...attributes],
  );
  return environments.map((environment) => ({ environment, key }));
}

/** The instance of an environment, where it is a UEID (tag 550; RFC 9711 §4.2.1: 2 to 33 bytes). */
function ueidsOf({ attributes }: Environment): readonly string[] {
  const [, ueid] = /^550\(h'([0-9a-f]{4,66})'\)$/.exec(attributes.get("instance") ?? "") ?? [];
  return ueid === undefined ? [] : [ueid];
}

function shown(text: string): string {
  return printable(text, MAX_NAME);
}
