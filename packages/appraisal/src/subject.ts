import type { ContentDigest } from "@tallystick/content";
import { digest, encodeHex, HASH_ALGORITHMS } from "@tallystick/cose";

import type { DeviceEvidence } from "./device.js";
import { digestsOf } from "./manifest.js";

/** What is decided on: firmware by its digests, or a device by what it measured. */
export interface Subject {
  readonly digests: readonly ContentDigest[];
  readonly device?: DeviceEvidence;
}

/** Yields the subject that firmware is: its digests by every algorithm that statements use. */
export function subjectOfFirmware(bytes: Uint8Array): Subject {
  return {
    digests: HASH_ALGORITHMS.map(({ name }) => ({
      alg: name,
      value: encodeHex(digest(name, bytes)),
    })),
  };
}

/** Yields the subject that evidence is of: the firmware that it measured. */
export function subjectOfDevice(device: DeviceEvidence): Subject {
  const firmware = device.evidence.elements.filter(
    ({ kind }) => kind === "rom" || kind === "firmware",
  );
  const named = new Set(firmware.flatMap(digestsOf));
  const digests = HASH_ALGORITHMS.flatMap(({ name }) =>
    [...named]
      .filter((digest) => digest.startsWith(`${name} `))
      .map((digest) => ({ alg: name, value: digest.slice(name.length + 1) })),
  );
  return { digests, device };
}
