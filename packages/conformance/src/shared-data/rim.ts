import { recogniseContent, type Comid, type RimContent, type Triple } from "@tallystick/content";
import { formatDiagnostic } from "@tallystick/cose";

import type { SharedData } from "./row.js";

/** Folders of manifests. */
export const VERAISON = "rim/corim-veraison";
export const COVER = "rim/corim-cover";
export const COCLI = "rim/corim-cocli";

/** Yields the manifest in a file. */
export function rimOf(data: SharedData, file: string): RimContent {
  const content = recogniseContent(data.bytes(file));
  if (content.kind !== "rim") throw new Error(`${file} is ${content.kind}`);
  return content;
}

/** A bare CoMID is no payload of its own, and is read as the only tag of a manifest. */
export function comidOf(data: SharedData, file: string): Comid {
  const bytes = data.bytes(file);
  const { length } = bytes;
  const size = length < 256 ? [0x58, length] : [0x59, length >> 8, length & 0xff];
  const head = Uint8Array.of(0xd9, 0x01, 0xf5, 0xa2, 0, 0x61, 0x78, 1, 0x81, 0xd9, 0x01, 0xfa);
  const content = recogniseContent(Uint8Array.of(...head, ...size, ...bytes));
  if (content.kind !== "rim") throw new Error(content.kind);
  const [comid, ...more] = content.rim.comids;
  if (comid === undefined || more.length > 0) throw new Error("not one CoMID");
  return comid;
}

/** Yields the reference triples of a manifest. */
export const referencesIn = ({ rim }: RimContent): readonly Triple[] =>
  rim.comids.flatMap(({ references }) => references);
/** Yields a file in diagnostic notation, on one line. */
export const notation = (data: SharedData, file: string): string =>
  formatDiagnostic(data.bytes(file)).replaceAll(/\s+/g, " ");
