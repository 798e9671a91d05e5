import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The shared data, by paths below its folder. */
export interface SharedData {
  bytes(path: string): Uint8Array;
  text(path: string): string;
}

/** A file of the shared data, and the outcome that its README states. */
export interface Row {
  /** Below the folder of the data. */
  readonly file: string;
  /** What has to come of it, in words. */
  readonly outcome: string;
  /** Reaches the outcome with the code of this repository, or throws. */
  readonly check: (data: SharedData) => Promise<void> | void;
}

/** A file of which no README states an outcome. */
export interface Exception {
  readonly file: string;
  readonly why: string;
}

/** When all keys of review providers, and chains that have not lapsed, are in force. */
export const TIME = 1_790_000_000;

/** Yields the data in a folder. */
export function sharedData(folder: string): SharedData {
  return dataOf((path) => new Uint8Array(readFileSync(join(folder, path))));
}

/** Yields the data with other bytes at one path. */
export function withFile(data: SharedData, file: string, bytes: Uint8Array): SharedData {
  return dataOf((path) => (path === file ? bytes : data.bytes(path)));
}

function dataOf(bytes: (path: string) => Uint8Array): SharedData {
  return { bytes, text: (path) => new TextDecoder().decode(bytes(path)) };
}
