import { readFileSync } from "node:fs";
import { join } from "node:path";

import { PublicKey } from "@tallystick/cose";

import { ReviewKeys, type ReviewKey } from "../sfr/keys.js";

/** One row of the table of reports in the README of the samples. */
export interface PublishedReport {
  readonly file: string;
  readonly sha384: string;
  readonly sha512: string;
  readonly framework: string;
  readonly scope: string;
  readonly issues: string;
  readonly verdict: string;
  readonly shows: string;
}

/** Yields the bytes of a file below the folder of samples. */
export function bytesOf(folder: string, ...below: readonly string[]): Uint8Array {
  return new Uint8Array(readFileSync(join(folder, ...below)));
}

/** Yields the rows of the README's table of reports, and what it says about each. */
export function publishedReports(folder: string): readonly PublishedReport[] {
  return rowsOf(folder)
    .filter((row) => row.length === 9 && /^`.*\.jw[st]`$/.test(row[0] ?? ""))
    .map(([file = "", , framework = "", sha384 = "", sha512 = "", scope = "", ...rest]) => {
      const [issues = "", verdict = "", shows = ""] = rest;
      return { file: plain(file), sha384, sha512, framework, scope, issues, verdict, shows };
    });
}

/** Yields the keys of the review providers, each under the kid that the README gives it. */
export function publishedKeys(folder: string): ReviewKeys {
  const keys: ReviewKey[] = [];
  for (const [kid = "", files = "", ...more] of rowsOf(folder)) {
    if (more.length > 0 || !/\.(?:pub|pem)`/.test(files)) continue;
    for (const file of files.split(",").map(plain)) {
      const key = PublicKey.fromPem(readFileSync(join(folder, "keys", file), "utf8"));
      keys.push({ provider: file, key, kids: kid.startsWith("`") ? [plain(kid)] : [] });
    }
  }
  return new ReviewKeys(keys);
}

function rowsOf(folder: string): readonly (readonly string[])[] {
  const lines = readFileSync(join(folder, "README.md"), "utf8").split("\n");
  return lines
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function plain(cell: string): string {
  return cell.trim().replaceAll("`", "");
}
