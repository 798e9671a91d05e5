import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** Yields the folder of published data; where it is missing, that is said aloud, in CI as an error. */
function publishedFolder(): string | undefined {
  const shared =
    process.env["TALLYSTICK_SHARED"] ?? resolve(import.meta.dirname, "../../../../../shared");
  const data = join(shared, "data");
  if (["rim", "sfr", "evidence"].every((name) => existsSync(join(data, name)))) return data;
  const message = `SKIPPED: appraisals of what is published need ${data}, which is missing`;
  if (process.env["CI"]) throw new Error(message);
  console.warn(message);
  return undefined;
}

const folder = publishedFolder();

/** Whether there is published data. */
export const isPublished: boolean = folder !== undefined;

/** Yields a published file. */
export const read = (...below: readonly string[]): Uint8Array =>
  new Uint8Array(readFileSync(join(folder ?? "", ...below)));

/** Yields a published file as text. */
export const readText = (...below: readonly string[]): string =>
  new TextDecoder().decode(read(...below));
