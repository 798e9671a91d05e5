import { CelScalar, celFunc, celMethod, objectType } from "@bufbuild/cel";
import type { CelFunc } from "@bufbuild/cel";
import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";

/** First and last second of a timestamp: the years 1 to 9999. */
const FIRST_SECOND = -62_135_596_800n;
const LAST_SECOND = 253_402_300_799n;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

const TIMESTAMP = objectType(TimestampSchema);

const PARTS: Readonly<Record<string, (date: Date) => number>> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDate: (date) => date.getUTCDate(),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDayOfWeek: (date) => date.getUTCDay(),
  getDayOfYear: (date) => dayOfYear(date),
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
  getMilliseconds: (date) => date.getUTCMilliseconds(),
};

/**
 * Functions of timestamps that give the same everywhere. The library's own read the time zone of
 * the process and the database of zones that the platform has, so a decision could not be replayed
 * elsewhere; and they take the number of a timestamp for milliseconds.
 */
export const TIME_FUNCTIONS: readonly CelFunc[] = [
  ...Object.entries(PARTS).flatMap(([name, part]) => [
    celMethod(name, TIMESTAMP, [], CelScalar.INT, function () {
      return BigInt(part(dateOf(this.message, 0)));
    }),
    celMethod(name, TIMESTAMP, [CelScalar.STRING], CelScalar.INT, function (zone) {
      return BigInt(part(dateOf(this.message, minutesOf(zone))));
    }),
  ]),
  celFunc("timestamp", [CelScalar.INT], TIMESTAMP, (seconds) => timestampOf(seconds)),
];

/** Yields the timestamp of seconds since the epoch. Throws a plain Error outside years 1 to 9999. */
export function timestampOf(seconds: bigint): Timestamp {
  if (seconds < FIRST_SECOND || seconds > LAST_SECOND) throw new Error("timestamp out of range");
  return create(TimestampSchema, { seconds });
}

function dateOf({ seconds, nanos }: Timestamp, minutes: number): Date {
  return new Date(Number(seconds) * 1000 + Math.floor(nanos / 1e6) + minutes * MINUTE_MS);
}

function minutesOf(zone: string): number {
  if (zone === "UTC") return 0;
  const [, sign, hours, minutes] = /^([+-]?)(\d\d):([0-5]\d)$/.exec(zone) ?? [];
  if (hours === undefined) throw new Error('a time zone is "UTC" or an offset such as "+02:00"');
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

// Days from the first of January; Date.UTC would take the years 1 to 99 for others.
function dayOfYear(date: Date): number {
  const start = new Date(date);
  start.setUTCMonth(0, 1);
  return Math.round((date.getTime() - start.getTime()) / DAY_MS);
}
