import { LogError } from "@tallystick/log";

/** Makes the error of an index that is not what it should be. */
export function damaged(what: string): LogError {
  return new LogError("LOG_CORRUPT", `the search index: ${what} is not as it was written`);
}
