import { DER_TAG, malformed, type DerElement } from "./der.js";

const UTC = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const GENERALIZED = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;

/**
 * Yields the seconds since the epoch that a Time states, in the forms of RFC 5280 §4.1.2.5.1 and
 * §4.1.2.5.2: with seconds and `Z`, without a fraction, a day that the calendar has. A
 * GeneralizedTime before 2050 is taken, as the same section has applications do.
 *
 * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`
 */
export function timeOf(element: DerElement | undefined): number {
  const isUtc = element?.tag === DER_TAG.utcTime;
  if (element === undefined || (!isUtc && element.tag !== DER_TAG.generalizedTime)) {
    throw malformed("validity is not a time");
  }
  const text = String.fromCharCode(...element.content.subarray(0, 16));
  const parts = (isUtc ? UTC : GENERALIZED).exec(text)?.slice(1).map(Number);
  if (parts === undefined) throw malformed("validity is not in the form of RFC 5280");
  const [years = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const year = isUtc ? years + (years >= 50 ? 1900 : 2000) : years;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const isReal =
    date.getUTCFullYear() === year &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  if (!isReal) throw malformed("validity is a time that there is not");
  return date.getTime() / 1000;
}
