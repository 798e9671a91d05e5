import {
  type CborMap,
  CoseError,
  type CborValue,
  decodeCborMap,
  encodeCbor,
} from "@tallystick/cose";
import { HASH_BYTES } from "@tallystick/merkle";
import { type ChainLink, decodeChainLink as decodeLink, ReceiptError } from "@tallystick/receipt";

import { LogError } from "./error.js";
import { MAX_NAMED_KEYS, type NamedKeys } from "./keys.js";
import { concat, decodeNumber, encodeNumber, NUMBER_BYTES } from "./layout.js";

/** The stored format that this version writes and the only one it reads. */
export const SCHEMA = 3;

/** What a log is, fixed when it is created. */
export interface Meta {
  readonly issuer: string;
  readonly origin: string;
  /** 16 random bytes that tell this log from any other of the same name. */
  readonly logId: Uint8Array;
  /** RFC 9679 thumbprint of the receipt key that it was created with. */
  readonly kid: Uint8Array;
}

/** Where the log stands: the row that makes a batch part of it. */
export interface Head {
  /** Raised when another writer takes over; a writer of an older epoch must not sign. */
  readonly epoch: number;
  /** Index of the newest control entry. */
  readonly control: number;
  /** The newest checkpoint, as `SignedCheckpoint.encode` gives it. */
  readonly checkpoint: Uint8Array;
}

/** Where an entry stands, and what a replay of its admission needs. */
export interface Placement {
  readonly index: number;
  readonly collateral: Uint8Array;
}

/** A control entry, chained to the one before; the first one names itself. */
export interface Control {
  readonly entry: Uint8Array;
  readonly previousIndex: number;
  /** Thumbprints of the keys that sign checkpoints from it on; the log's first alone unless given. */
  readonly receiptKeys?: NamedKeys;
}

/** That the log takes no entries any more. */
export interface Frozen {
  readonly why: string;
  /** Seconds since the epoch. */
  readonly time: number;
}

/** meta = \{"schema": 3, "issuer": tstr, "origin": tstr, "logId": bstr .size 16, "kid": bstr\} */
export function encodeMeta(meta: Meta): Uint8Array {
  return encodeCbor(
    new Map<string, CborValue>([
      ["schema", SCHEMA],
      ["issuer", meta.issuer],
      ["origin", meta.origin],
      ["logId", meta.logId],
      ["kid", meta.kid],
    ]),
  );
}

/**
 * Yields what {@link encodeMeta} stored. The schema is read first and alone: nothing else in a record
 * of another schema means anything.
 *
 * @throws {@link LogError} `LOG_SCHEMA_UNSUPPORTED`, `LOG_CORRUPT`
 */
export function decodeMeta(payload: Uint8Array): Meta {
  const map = decodeMap(payload, "meta");
  const schema = map.get("schema");
  if (schema !== SCHEMA) {
    const got = typeof schema === "number" ? schema.toString() : typeof schema;
    throw new LogError("LOG_SCHEMA_UNSUPPORTED", `stored schema ${got}, want ${SCHEMA}`);
  }
  const issuer = map.get("issuer");
  const origin = map.get("origin");
  const logId = map.get("logId");
  const kid = map.get("kid");
  if (typeof issuer !== "string" || typeof origin !== "string") throw malformed("meta");
  if (!(logId instanceof Uint8Array) || !(kid instanceof Uint8Array)) throw malformed("meta");
  return { issuer, origin, logId, kid };
}

/** head = \{"epoch": uint, "control": uint, "checkpoint": bstr\} */
export function encodeHead(head: Head): Uint8Array {
  return encodeCbor(
    new Map<string, CborValue>([
      ["epoch", head.epoch],
      ["control", head.control],
      ["checkpoint", head.checkpoint],
    ]),
  );
}

/**
 * Yields what {@link encodeHead} stored.
 *
 * @throws {@link LogError} `LOG_CORRUPT`
 */
export function decodeHead(payload: Uint8Array): Head {
  const map = decodeMap(payload, "head");
  const epoch = map.get("epoch");
  const control = map.get("control");
  const checkpoint = map.get("checkpoint");
  if (!isCount(epoch) || !isCount(control)) throw malformed("head");
  if (!(checkpoint instanceof Uint8Array)) throw malformed("head");
  return { epoch, control, checkpoint };
}

/** frozen = \{"why": tstr, "time": uint\} */
export function encodeFrozen({ why, time }: Frozen): Uint8Array {
  return encodeCbor(
    new Map<string, CborValue>([
      ["why", why],
      ["time", time],
    ]),
  );
}

/**
 * Yields what {@link encodeFrozen} stored.
 *
 * @throws {@link LogError} `LOG_CORRUPT`
 */
export function decodeFrozen(payload: Uint8Array): Frozen {
  const map = decodeMap(payload, "frozen");
  const why = map.get("why");
  const time = map.get("time");
  if (typeof why !== "string" || !isCount(time)) throw malformed("frozen");
  return { why, time };
}

/** Index in eight bytes, then the collateral, opaque. */
export function encodePlacement(placement: Placement): Uint8Array {
  return concat(encodeNumber(placement.index), placement.collateral);
}

/**
 * Yields what {@link encodePlacement} stored.
 *
 * @throws {@link LogError} `LOG_CORRUPT`
 */
export function decodePlacement(payload: Uint8Array): Placement {
  return { index: decodeNumber(payload, 0), collateral: payload.slice(NUMBER_BYTES) };
}

/**
 * Yields the link that a stored chain record is.
 *
 * @throws {@link LogError} `LOG_CORRUPT`
 */
export function decodeChainLink(payload: Uint8Array): ChainLink {
  try {
    return decodeLink(payload);
  } catch (cause) {
    if (!(cause instanceof ReceiptError)) throw cause;
    throw malformed("checkpoint", cause);
  }
}

/** Digest of the control entry, the index of the one before, then the thumbprints that it names. */
export function encodeControl({ entry, previousIndex, receiptKeys = [] }: Control): Uint8Array {
  return concat(entry, encodeNumber(previousIndex), ...receiptKeys);
}

/**
 * Yields what {@link encodeControl} stored.
 *
 * @throws {@link LogError} `LOG_CORRUPT`
 */
export function decodeControl(payload: Uint8Array): Control {
  const head = HASH_BYTES + NUMBER_BYTES;
  const count = (payload.length - head) / HASH_BYTES;
  if (!Number.isInteger(count) || count < 0 || count > MAX_NAMED_KEYS) throw malformed("control");
  const receiptKeys = Array.from({ length: count }, (_, i) =>
    payload.slice(head + i * HASH_BYTES, head + (i + 1) * HASH_BYTES),
  );
  return {
    entry: payload.slice(0, HASH_BYTES),
    previousIndex: decodeNumber(payload, HASH_BYTES),
    ...(count > 0 && { receiptKeys }),
  };
}

function decodeMap(payload: Uint8Array, record: string): CborMap {
  try {
    return decodeCborMap(payload);
  } catch (error) {
    if (error instanceof CoseError) throw malformed(record, error);
    throw error;
  }
}

function isCount(value: CborValue): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function malformed(record: string, cause?: CoseError | ReceiptError): LogError {
  return new LogError("LOG_CORRUPT", `malformed ${record} record`, { cause });
}
