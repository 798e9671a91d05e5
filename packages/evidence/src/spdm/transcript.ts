import type { HashName } from "@tallystick/cose";

import { Cursor } from "../cursor.js";
import { malformed, unsupported } from "../error.js";
import { readBlocks, type MeasurementBlock } from "./block.js";
import { nameOf, readVca, startsWithVersion } from "./vca.js";

/** A request for measurements and its answer, the signature not verified. */
export interface SpdmTranscript {
  /** 0x11 or 0x12. */
  readonly version: number;
  /** What the requester asked with; a signature answers this one. */
  readonly nonce: Uint8Array;
  /** Whether all blocks were asked for. */
  readonly isWhole: boolean;
  /** Whether the responder saw measurements change since it started. */
  readonly hasChanged: boolean;
  readonly blocks: readonly MeasurementBlock[];
  readonly opaque: Uint8Array;
  /** L1: everything that the signature covers. */
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  /** Of the digests in blocks; `undefined` where nothing was negotiated. */
  readonly measurementHash: string | undefined;
  /** Of the signature; `undefined` where the curve of the key has to say. */
  readonly baseHash: HashName | undefined;
}

const REQUEST = 0xe0;
const RESPONSE = 0x60;
const NONCE_BYTES = 32;
const SIGNATURE_REQUESTED = 0x01;
const ALL_BLOCKS = 0xff;
const CONTENT_CHANGED = 0x10;
const CONTENT_CHANGE_BITS = 0x30;

/** r and s of P-256, P-384 and P-521. */
const SIGNATURE_BYTES: readonly number[] = [64, 96, 132];

/** Yields whether the bytes begin as a transcript does. */
export function looksLikeTranscript(bytes: Uint8Array): boolean {
  const [first = 0, second] = bytes;
  return first >> 4 === 1 && (second === REQUEST || second === 0x84);
}

/**
 * Reads a transcript of one exchange that asked for a signature: GET_MEASUREMENTS and MEASUREMENTS
 * of SPDM 1.1; the messages on version, capabilities and algorithms before them of SPDM 1.2, whose
 * signature covers these too.
 *
 * @throws {@link EvidenceError} `EVIDENCE_MALFORMED`, `EVIDENCE_UNSUPPORTED`
 */
export function readTranscript(bytes: Uint8Array): SpdmTranscript {
  const cursor = new Cursor(bytes, "SPDM transcript");
  const agreed = startsWithVersion(cursor) ? readVca(cursor) : undefined;
  const version = cursor.peek() ?? 0;
  requireVersion(version, agreed !== undefined);
  const request = readRequest(cursor);
  const response = readResponse(cursor, version);
  const message = bytes.subarray(0, cursor.offset);
  const signature = cursor.take(cursor.left, "signature");
  if (!SIGNATURE_BYTES.includes(signature.length)) {
    throw malformed(`SPDM transcript: a signature of ${signature.length} bytes`);
  }
  return {
    ...{ version, ...request, ...response },
    ...{ message: new Uint8Array(message), signature: new Uint8Array(signature) },
    ...{ measurementHash: agreed?.measurementHash, baseHash: agreed?.baseHash },
  };
}

function requireVersion(version: number, isNegotiated: boolean): void {
  if (version !== 0x11 && version !== 0x12) {
    throw unsupported(`SPDM version ${nameOf(version)}, want 1.1 or 1.2`);
  }
  if (isNegotiated !== (version === 0x12)) {
    throw malformed(
      isNegotiated
        ? "SPDM transcript: measurements of another version than was negotiated"
        : "SPDM transcript of 1.2 without the messages on version and algorithms",
    );
  }
}

function readRequest(cursor: Cursor): Pick<SpdmTranscript, "nonce" | "isWhole"> {
  cursor.number(1, "version");
  if (cursor.number(1, "request code") !== REQUEST) throw malformed("no GET_MEASUREMENTS");
  const attributes = cursor.number(1, "request attributes");
  if ((attributes & SIGNATURE_REQUESTED) === 0) throw malformed("no signature was asked for");
  const operation = cursor.number(1, "operation");
  const nonce = new Uint8Array(cursor.take(NONCE_BYTES, "nonce of the request"));
  cursor.number(1, "slot");
  return { nonce, isWhole: operation === ALL_BLOCKS };
}

function readResponse(
  cursor: Cursor,
  version: number,
): Pick<SpdmTranscript, "blocks" | "opaque" | "hasChanged"> {
  if (cursor.number(1, "version") !== version) throw malformed("an answer of another version");
  if (cursor.number(1, "response code") !== RESPONSE) throw malformed("no MEASUREMENTS");
  cursor.number(1, "first parameter");
  const change = cursor.number(1, "second parameter") & CONTENT_CHANGE_BITS;
  const count = cursor.number(1, "number of blocks");
  const blocks = readBlocks(cursor.take(cursor.number(3, "record length"), "measurement record"));
  if (blocks.length !== count) throw malformed(`${blocks.length} blocks, the answer says ${count}`);
  cursor.take(NONCE_BYTES, "nonce of the answer");
  const opaque = new Uint8Array(cursor.take(cursor.number(2, "opaque length"), "opaque data"));
  return { blocks, opaque, hasChanged: version === 0x12 && change === CONTENT_CHANGED };
}
