import { encodeHex } from "@tallystick/cose";

import { printable } from "./block.js";

/** What the opaque data of a GPU says of itself. */
export interface GpuFacts {
  readonly driver: string | undefined;
  /** As `96.00.5E.00.01`. */
  readonly vbios: string | undefined;
  readonly chipSku: string | undefined;
  readonly project: string | undefined;
  readonly projectSku: string | undefined;
  /** Name of the manifest of its VBIOS; `undefined` where a part is not stated. */
  readonly vbiosManifest: string | undefined;
}

const TYPE = { driver: 3, vbios: 6, chipSku: 15, project: 17, projectSku: 18 } as const;
const HEAD_BYTES = 4;
const MAX_FIELDS = 256;

/**
 * Yields what opaque data in the form of NVIDIA's GPUs says (type and length of two bytes each,
 * little-endian, then the value); `undefined` of data of another form, which is no fault.
 */
export function readGpuFacts(opaque: Uint8Array): GpuFacts | undefined {
  const fields = fieldsOf(opaque);
  if (fields === undefined) return undefined;
  const textOf = (type: number): string | undefined => {
    const value = fields.get(type);
    return value === undefined ? undefined : printable(value);
  };
  const vbios = vbiosOf(fields.get(TYPE.vbios));
  const [chipSku, project, projectSku] = [TYPE.chipSku, TYPE.project, TYPE.projectSku].map(textOf);
  const parts = [project, projectSku, chipSku, vbios?.replaceAll(".", "")];
  const isWhole = parts.every((part) => part !== undefined);
  const vbiosManifest = isWhole ? `NV_GPU_VBIOS_${parts.join("_")}` : undefined;
  return { driver: textOf(TYPE.driver), vbios, chipSku, project, projectSku, vbiosManifest };
}

function fieldsOf(opaque: Uint8Array): ReadonlyMap<number, Uint8Array> | undefined {
  const fields = new Map<number, Uint8Array>();
  let at = 0;
  while (at < opaque.length) {
    const [a, b = 0, c = 0, d] = opaque.subarray(at, at + HEAD_BYTES);
    if (a === undefined || d === undefined) return undefined;
    const [type, length] = [a + 256 * b, c + 256 * d];
    const value = opaque.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length);
    if (value.length < length || fields.has(type) || fields.size === MAX_FIELDS) return undefined;
    fields.set(type, value);
    at += HEAD_BYTES + length;
  }
  return fields.has(TYPE.vbios) || fields.has(TYPE.driver) ? fields : undefined;
}

/** Two words, little-endian: the first is the version, the last byte of the second ends it. */
function vbiosOf(value: Uint8Array | undefined): string | undefined {
  if (value?.length !== 8) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = value;
  return [d, c, b, a, e].map((byte) => encodeHex(Uint8Array.of(byte)).toUpperCase()).join(".");
}
