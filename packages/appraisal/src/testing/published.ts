import { readFileSync } from "node:fs";
import { join } from "node:path";

import { sharedFolder } from "../../../../scripts/shared-data.mjs";

const folder = sharedFolder("appraisals of what is published", "data");

/** Whether there is published data. */
export const isPublished: boolean = folder !== undefined;

/** Yields a published file. */
export const read = (...below: readonly string[]): Uint8Array =>
  new Uint8Array(readFileSync(join(folder ?? "", ...below)));

/** Yields a published file as text. */
export const readText = (...below: readonly string[]): string =>
  new TextDecoder().decode(read(...below));
