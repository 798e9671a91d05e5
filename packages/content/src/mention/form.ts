import { encodeHex } from "@tallystick/cose";

import { digestOfHex } from "../hash.js";

/** What statements can be asked about. */
export type MentionKind = "digest" | "purl" | "deviceClass" | "vendor" | "product" | "version";

/** Every kind, in the order of {@link Mentions}. */
export const MENTION_KINDS: readonly MentionKind[] = [
  ...(["digest", "purl", "deviceClass", "vendor", "product", "version"] as const),
];

/** Characters of an object identifier or a UUID that is read as one. */
const MAX_NAME = 128;

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Bytes in diagnostic notation, in a tag or in none. */
const TAGGED_BYTES = /^(?:\d{1,20}\()?h'([0-9a-f]*)'\)?$/;

/**
 * Yields what a text that is asked for is looked up by; `undefined` for what is not in the form of its
 * kind.
 *
 * - digest: `sha-256:`, `sha-384:` or `sha-512:`, also without the hyphen, and lower-case hexadecimal;
 *   or hexadecimal alone, whose length tells the algorithm;
 * - purl: begins with `pkg:` and a type, which may be in upper case;
 * - deviceClass: a UUID, an object identifier in dots, hexadecimal, diagnostic notation, or any text;
 * - vendor, product: without regard to the case of ASCII letters, and to how much white space there is;
 * - version: as it is, without the white space around it.
 */
export function mentionForm(kind: MentionKind, text: string): string | undefined {
  const form = formOf(kind, text);
  return form === "" ? undefined : form;
}

function formOf(kind: MentionKind, text: string): string | undefined {
  switch (kind) {
    case "digest":
      return digestForm(text);
    case "purl":
      return purlForm(text);
    case "deviceClass":
      return deviceClassForm(text);
    case "vendor":
    case "product":
      return foldedForm(text);
    case "version":
      return text.trim();
  }
}

function digestForm(text: string): string | undefined {
  const [, bits, hex = ""] = /^(?:sha-?(256|384|512):)?([0-9a-f]{64,128})$/.exec(text) ?? [];
  const digest = digestOfHex(hex);
  if (digest === undefined || (bits !== undefined && digest.alg !== `sha-${bits}`))
    return undefined;
  return `${digest.alg}:${digest.value}`;
}

function purlForm(text: string): string | undefined {
  const [, type, rest] = /^pkg:([a-z][a-z0-9.+-]*)\/(\S+)$/i.exec(text) ?? [];
  return type === undefined || rest === undefined ? undefined : `pkg:${type.toLowerCase()}/${rest}`;
}

/**
 * Yields a package URL in its normal form, and what it is without subpath and qualifiers, and without
 * its version, each once: who asks for the shorter is answered with the longer. None for a text that is
 * no package URL.
 */
export function purlForms(text: string): readonly string[] {
  const whole = purlForm(text);
  if (whole === undefined) return [];
  const [unqualified = whole] = whole.split(/[?#]/, 1);
  const at = unqualified.lastIndexOf("@");
  // An @ up to there is of a namespace or name that somebody has not encoded.
  const isVersion = at > unqualified.lastIndexOf("/") + 1;
  const unversioned = isVersion ? unqualified.slice(0, at) : unqualified;
  return [...new Set([whole, unqualified, unversioned])];
}

function deviceClassForm(given: string): string {
  const text = given.trim();
  const [, hex] = TAGGED_BYTES.exec(text) ?? [];
  if (hex !== undefined) return hex;
  if (text.length > MAX_NAME) return text;
  if (UUID.test(text)) return text.replaceAll("-", "").toLowerCase();
  if (/^[0-2](?:\.(?:0|[1-9]\d*))+$/.test(text)) return encodeHex(objectIdentifier(text));
  return /^(?:[0-9a-f]{2}){8,}$/i.test(text) ? text.toLowerCase() : text;
}

/** Yields the content of an object identifier in DER (X.690 §8.19). */
function objectIdentifier(text: string): Uint8Array {
  const [first = 0n, second = 0n, ...rest] = text.split(".").map(BigInt);
  return Uint8Array.from([first * 40n + second, ...rest].flatMap(base128));
}

function base128(arc: bigint): readonly number[] {
  const groups = [Number(arc & 127n)];
  for (let left = arc >> 7n; left > 0n; left >>= 7n) groups.unshift(Number(left & 127n) | 128);
  return groups;
}

/** Of letters, ASCII alone: what another version of Unicode takes for the same would not be found. */
function foldedForm(text: string): string {
  const plain = text.trim().replace(/\s+/g, " ");
  return plain.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
