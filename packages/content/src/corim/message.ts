import { algorithmByName, ALGORITHMS, encodeCbor, encodeHex, LABEL } from "@tallystick/cose";
import type { Algorithm, AlgorithmName } from "@tallystick/cose";

import { ContentError } from "../error.js";
import { requireSize, type ContentLimits } from "../limits.js";
import { invalid } from "../record.js";
import type { ReviewSignature } from "../sfr/signature.js";
import { decodeItem, peekItem, Tagged, type Item, type ItemMap } from "./item.js";
import { Node } from "./node.js";

/** A COSE message around a CoRIM, by its tag. */
export type CoseForm = "cose-sign" | "cose-sign1";

/** A message, its signature not verified. */
export interface CoseMessage extends ReviewSignature {
  readonly form: CoseForm;
  /** What its signer protected, of the body where there is no other. */
  readonly secured: ItemMap;
  readonly payload: Uint8Array;
}

const SIGN_TAG = 98;
const SIGN1_TAG = 18;

/** What messages of one kind may have in their headers. */
export interface MessageRules {
  readonly algorithms: readonly AlgorithmName[];
  /** What the key decides between where no header names an algorithm; none where one has to. */
  readonly byKey: readonly Algorithm[];
  /** Header parameters that bring a key along, or that a reader has to understand. */
  readonly refused: readonly number[];
}

/** Reports: an RSA key would leave the hash open. */
export const REPORT_RULES: MessageRules = {
  algorithms: ["ES384", "ES512", "PS384", "PS512"],
  byKey: [algorithmByName("ES384"), algorithmByName("ES512")],
  refused: [LABEL.crit, LABEL.x5bag, LABEL.x5chain, LABEL.x5t, LABEL.x5u],
};

/** Manifests: certificates in them are let be, and nothing is trusted by them. */
export const RIM_RULES: MessageRules = {
  algorithms: ["ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"],
  byKey: [],
  refused: [LABEL.crit],
};

const MAX_KID_BYTES = 256;

/** Heads of an array of four, and of one of indefinite length. */
const FOUR: readonly (number | undefined)[] = [0x84, 0x9f];

/** Yields whether the bytes begin with the tag of a COSE_Sign or COSE_Sign1, as a text also may. */
export function looksLikeCose(payload: Uint8Array): boolean {
  const [first, second] = payload;
  return first === 0xd2 || (first === 0xd8 && second === SIGN_TAG);
}

/** Yields whether the bytes begin with such a tag, and behind it as an array of four parts. */
export function looksLikeMessage(payload: Uint8Array): boolean {
  return looksLikeCose(payload) && FOUR.includes(payload[payload[0] === 0xd2 ? 1 : 2]);
}

/**
 * Decodes a COSE_Sign with one signature, or a COSE_Sign1 (RFC 9052 §4), as reports are published:
 * without `alg`, and with `kid` unprotected, if they like.
 *
 * ```cddl
 * COSE_Sign_Tagged = #6.98([ body_protected: bstr, unprotected: map, payload: bstr,
 *                            [ [ sign_protected: bstr, unprotected: map, signature: bstr ] ] ])
 * ```
 *
 * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED`,
 * `CONTENT_STRUCTURE_INVALID`, `CONTENT_HEADER_REFUSED`, `CONTENT_ALG_UNSUPPORTED`
 */
export function decodeMessage(
  bytes: Uint8Array,
  limits: ContentLimits,
  rules: MessageRules = REPORT_RULES,
): CoseMessage {
  requireSize(bytes, limits);
  const { isSign1, body, unprotected, payload, last } = partsOf(
    decodeItem(bytes, limits, "COSE message"),
  );
  const outer = { protectedBytes: body.bytes(), unprotected };
  const how = { limits, rules };
  return isSign1
    ? signed("cose-sign1", { payload: payload.bytes(), headers: [outer], signature: last }, how)
    : signed("cose-sign", { payload: payload.bytes(), ...signerOf(last, outer) }, how);
}

/**
 * Yields the payload of a message, whatever its headers say, to tell what it is; `undefined` of a
 * detached one.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`, `CONTENT_STRUCTURE_INVALID`
 */
export function peekPayload(bytes: Uint8Array, limits: ContentLimits): Uint8Array | undefined {
  const { payload } = partsOf(peekItem(bytes, limits, "COSE message"));
  return payload.item === null ? undefined : payload.bytes();
}

/**
 * Yields what the headers of a message protect, whatever it is: that of the body, and of each signer
 * where there are any.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`, `CONTENT_STRUCTURE_INVALID`
 */
export function peekSecured(bytes: Uint8Array, limits: ContentLimits): readonly ItemMap[] {
  const { isSign1, body, last } = partsOf(peekItem(bytes, limits, "COSE message"));
  const signers = isSign1 ? [] : last.elements().flatMap((one) => one.elements().slice(0, 1));
  return [body, ...signers].map((header) => securedIn(header.bytes(), limits, peekItem));
}

interface MessageParts {
  readonly isSign1: boolean;
  readonly body: Node;
  readonly unprotected: Node;
  readonly payload: Node;
  /** The signature of a COSE_Sign1, the list of signatures of a COSE_Sign. */
  readonly last: Node;
}

function partsOf(item: Item): MessageParts {
  if (!(item instanceof Tagged) || (item.tag !== SIGN_TAG && item.tag !== SIGN1_TAG)) {
    throw new ContentError("CONTENT_MALFORMED", "neither a COSE_Sign nor a COSE_Sign1");
  }
  const parts = new Node(item.value, "message").elements();
  const [body, unprotected, payload, last] = parts;
  if (body === undefined || unprotected === undefined || payload === undefined) {
    throw invalid("message", "has not four parts");
  }
  if (last === undefined || parts.length !== 4) throw invalid("message", "has not four parts");
  return { isSign1: item.tag === SIGN1_TAG, body, unprotected, payload, last };
}

interface Header {
  readonly protectedBytes: Uint8Array;
  readonly unprotected: Node;
}

interface Parts {
  readonly payload: Uint8Array;
  /** That of the body, and of the signer where there is one. */
  readonly headers: readonly Header[];
  readonly signature: Node;
}

function signerOf(signatures: Node, outer: Header): Omit<Parts, "payload"> {
  const [signer, ...others] = signatures.elements();
  if (signer === undefined || others.length > 0) throw invalid("signatures", "are not exactly one");
  const [protectedBytes, unprotected, signature, ...more] = signer.elements();
  if (protectedBytes === undefined || unprotected === undefined || signature === undefined) {
    throw invalid(signer.path, "has not three parts");
  }
  if (more.length > 0) throw invalid(signer.path, "has not three parts");
  return { headers: [outer, { protectedBytes: protectedBytes.bytes(), unprotected }], signature };
}

interface Reading {
  readonly limits: ContentLimits;
  readonly rules: MessageRules;
}

function signed(form: CoseForm, parts: Parts, how: Reading): CoseMessage {
  const { payload, headers } = parts;
  const decoded = headers.map((header) => decodeHeader(header, how));
  // Of the signer, where there is one: the body's header says nothing of the key.
  const header = decoded.at(-1);
  const context = form === "cose-sign" ? "Signature" : "Signature1";
  const covered = headers.map(({ protectedBytes }) => emptied(protectedBytes));
  return {
    form,
    payload,
    secured: header?.secured ?? new Map(),
    kid: kidOf(header),
    algorithms: algorithmsOf(header, how.rules),
    // RFC 9052 §4.4: context, body_protected, sign_protected of COSE_Sign alone, external_aad, payload.
    message: encodeCbor([context, ...covered, new Uint8Array(0), payload]),
    signature: parts.signature.bytes(),
  };
}

interface DecodedHeader {
  readonly secured: ItemMap;
  readonly open: ItemMap;
}

function decodeHeader(
  { protectedBytes, unprotected }: Header,
  { limits, rules }: Reading,
): DecodedHeader {
  const header = {
    secured: securedIn(protectedBytes, limits),
    open: mapOf(unprotected.item, "unprotected header"),
  };
  // RFC 9052 §3: a label occurs in one of the two headers only, or readers would differ on which counts.
  for (const label of header.open.keys()) {
    if (!header.secured.has(label)) continue;
    throw new ContentError("CONTENT_HEADER_REFUSED", "one label in both headers");
  }
  if (header.open.has(LABEL.alg)) {
    throw new ContentError("CONTENT_HEADER_REFUSED", "alg is not protected");
  }
  for (const label of rules.refused) {
    if (!header.secured.has(label) && !header.open.has(label)) continue;
    throw new ContentError("CONTENT_HEADER_REFUSED", `header has label ${label}`);
  }
  return header;
}

function securedIn(
  protectedBytes: Uint8Array,
  limits: ContentLimits,
  decode = decodeItem,
): ItemMap {
  const secured: Item =
    protectedBytes.length === 0
      ? new Map<number, Item>()
      : decode(protectedBytes, limits, "protected header");
  return mapOf(secured, "protected header");
}

function mapOf(item: Item, what: string): ItemMap {
  if (item instanceof Map) return item as ItemMap;
  throw invalid(what, "is not a map");
}

function algorithmsOf(
  header: DecodedHeader | undefined,
  { algorithms, byKey }: MessageRules,
): readonly Algorithm[] {
  if (header?.secured.has(LABEL.alg) !== true && byKey.length > 0) return byKey;
  const alg = header?.secured.get(LABEL.alg);
  const found = ALGORITHMS.find(({ id, name }) => id === alg && algorithms.includes(name));
  if (found !== undefined) return [found];
  throw new ContentError("CONTENT_ALG_UNSUPPORTED", `alg is not one of ${algorithms.join(", ")}`);
}

/** Yields the kid as the text that it is in published files, else in hex. */
function kidOf(header: DecodedHeader | undefined): string | undefined {
  const kid = header?.secured.get(LABEL.kid) ?? header?.open.get(LABEL.kid);
  if (kid === undefined) return undefined;
  if (!(kid instanceof Uint8Array) || kid.length > MAX_KID_BYTES) {
    throw new ContentError(
      "CONTENT_HEADER_REFUSED",
      `kid is not a byte string of at most ${MAX_KID_BYTES} bytes`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(kid);
  } catch {
    return encodeHex(kid);
  }
}

/** RFC 9052 §4.4: an empty map stands in the structure as a zero-length string. */
function emptied(protectedBytes: Uint8Array): Uint8Array {
  return protectedBytes.length === 1 && protectedBytes[0] === 0xa0
    ? new Uint8Array(0)
    : protectedBytes;
}
