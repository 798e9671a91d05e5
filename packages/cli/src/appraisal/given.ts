import { CoseError, parseJson } from "@tallystick/cose";

/** Largest JSON that is looked into, in bytes. */
const MAX_JSON_BYTES = 1_048_576;

/** What a file is that was given in place of another, and what it is for. */
interface Given {
  readonly is: string;
  readonly use: string;
}

const BUNDLE: Given = {
  is: "a bundle",
  use: "tally appraise --bundle decides by it, tally search finds what is in it",
};
const STATEMENT: Given = {
  is: "a statement",
  use: "tally verify takes it, and tally bundle puts it into a bundle",
};
const CERTIFICATES: Given = { is: "PEM", use: "--chain takes certificates" };
const TRUST: Given = {
  is: "a trust file",
  use: "--trust takes it, and the member trust of a policy for appraisals",
};

/** By the member `format` of what is in JSON. */
const FORMATS: ReadonlyMap<string, Given> = new Map([
  [
    "tallystick-policy/1",
    { is: "a policy for registrations", use: "tally init --policy and tally policy take it" },
  ],
  [
    "tallystick-appraisal/1",
    { is: "a policy for appraisals", use: "tally appraise --policy takes it" },
  ],
]);

/** Yields whether bytes begin as a bundle does: a map of four, whose format comes first. */
export function looksLikeBundle(bytes: Uint8Array): boolean {
  const begin = new TextDecoder("latin1").decode(bytes.subarray(0, 32));
  return begin.startsWith("\u00a4\u0000") && begin.includes("tallystick-bundle/");
}

/**
 * Yields words for what a file is and what it is for, where its first bytes or its members tell, for
 * whoever gave it in place of another; the empty text otherwise. Nothing of it is checked.
 */
export function wordsOnGiven(bytes: Uint8Array): string {
  const given = givenAs(bytes);
  return given === undefined ? "" : `it is ${given.is}: ${given.use}`;
}

function givenAs(bytes: Uint8Array): Given | undefined {
  if (looksLikeBundle(bytes)) return BUNDLE;
  if (bytes[0] === 0xd2 && bytes[1] === 0x84) return STATEMENT;
  const begin = new TextDecoder("latin1").decode(bytes.subarray(0, 64)).trimStart();
  if (begin.startsWith("-----BEGIN ")) return CERTIFICATES;
  return begin.startsWith("{") ? inJson(bytes) : undefined;
}

function inJson(bytes: Uint8Array): Given | undefined {
  if (bytes.length > MAX_JSON_BYTES) return undefined;
  try {
    const members = parseJson(bytes, { maxBytes: MAX_JSON_BYTES }) as Readonly<
      Record<string, unknown>
    >;
    const { format, services } = members;
    if (typeof format === "string") return FORMATS.get(format);
    return services === undefined ? undefined : TRUST;
  } catch (error) {
    if (error instanceof CoseError) return undefined;
    throw error;
  }
}
