import type { CheckedEntry } from "@tallystick/mirror";

import { CliError } from "./error.js";
import type { Told } from "./telling.js";

/** Whom a monitor watches: options of the command line. */
export interface WatchOptions {
  readonly watchIssuer?: readonly string[];
  readonly watchSubject?: readonly string[];
}

/** Longest text of a statement that is told of; what takes it may bound what it takes. */
const MAX_TOLD = 1024;

/** Names, or beginnings of names, by which statements are found. */
export class Watchlist {
  readonly #issuers: readonly string[];
  readonly #subjects: readonly string[];

  /** @throws {@link CliError} `CLI_USAGE` */
  constructor({ watchIssuer = [], watchSubject = [] }: WatchOptions) {
    for (const text of [...watchIssuer, ...watchSubject]) {
      if (text === "") throw new CliError("CLI_USAGE", "an empty name is watched by nobody");
    }
    this.#issuers = watchIssuer;
    this.#subjects = watchSubject;
  }

  /** Yields what to tell of an entry that an issuer or a subject on the list is named in. */
  find({ index, entryId, issuer, subject, contentType }: CheckedEntry): Told | undefined {
    const isFound = isNamed(this.#issuers, issuer) || isNamed(this.#subjects, subject);
    if (!isFound) return undefined;
    const told = { issuer: cut(issuer), subject: cut(subject), contentType: cut(contentType) };
    const { issuer: by, subject: about = "nothing" } = told;
    const isCut = by !== issuer || told.subject !== subject || told.contentType !== contentType;
    return {
      event: { event: "statement", index, entryId, ...told, ...(isCut ? { isCut } : {}) },
      line: `statement: ${index} ${entryId} of ${by} about ${about}`,
    };
  }
}

function cut<T>(text: T): T | string {
  if (typeof text !== "string" || text.length <= MAX_TOLD) return text;
  // Half of a surrogate pair is no text.
  return text.slice(0, MAX_TOLD).replace(/[\ud800-\udbff]$/, "");
}

// A star at the end stands for whatever follows.
function isNamed(list: readonly string[], name: string | undefined): boolean {
  if (name === undefined) return false;
  return list.some((wanted) =>
    wanted.endsWith("*") ? name.startsWith(wanted.slice(0, -1)) : name === wanted,
  );
}
