import { InvalidArgumentError } from "commander";

/** Reads a whole number from the command line. */
export function parseWhole(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("want a whole number.");
}

/** Reads a number of seconds, of which there is at least one and at most a day. */
export function parseSeconds(text: string): number {
  const seconds = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= 86_400) return seconds;
  throw new InvalidArgumentError("want a number of seconds from 1 to 86400.");
}
