import {
  CoseError,
  decodeCbor,
  digest,
  encodeCbor,
  isCborArray,
  isCborMap,
} from "@tallystick/cose";
import type { CborMap, CborValue } from "@tallystick/cose";

import type { ChainPoint } from "./checkpoint-chain.js";
import { isSame } from "./collateral.js";
import { AuditorError } from "./error.js";
import type { IndexState } from "./index-state.js";
import type { Sums } from "./ledger.js";
import type { SourceEntry } from "./source.js";

const FORMAT = "tallystick-audit/2";

/** Entries that no checkpoint has covered yet, by when they were decided on. */
export interface Uncovered {
  readonly earliest: number;
  readonly latest: number;
  /** Index of the one that was decided on last. */
  readonly index: number;
}

/** Everything that an audit goes on from. */
export interface AuditStateParts {
  readonly issuer: string;
  readonly origin: string;
  /** Number of entries checked. */
  readonly size: number;
  /** Hashes of the right edge of the tree of that size. */
  readonly edge: readonly Uint8Array[];
  readonly last: ChainPoint;
  /** Thumbprints of the keys that signed the checkpoints so far, each once. */
  readonly keys: readonly Uint8Array[];
  readonly uncovered: Uncovered | undefined;
  readonly controls: readonly (SourceEntry & { readonly index: number })[];
  /** All entries, 32 bytes each, in order. */
  readonly entries: Uint8Array;
  readonly signers: readonly string[];
  /** Number of the signer of each entry, 4 bytes each, big-endian. */
  readonly signerOf: Uint8Array;
  readonly sums: Sums;
  readonly index: IndexState;
}

/** Where an audit stopped, to go on from; see docs/audit.md. */
export class AuditState {
  readonly parts: AuditStateParts;

  /** Not for callers: a state is what an audit yields, or {@link AuditState.decode}. */
  constructor(parts: AuditStateParts) {
    this.parts = parts;
    Object.freeze(this);
  }

  /** Encodes the state as a CBOR array: the state as a byte string, and the SHA-256 of that. */
  encode(): Uint8Array {
    const body = encodeCbor(mapOf(this.parts));
    return encodeCbor([body, digest("sha-256", body)]);
  }

  /**
   * Decodes a state. The checksum shows damage; whoever can write the file can write another one.
   *
   * @throws {@link AuditorError} `AUDITOR_STATE_INVALID`
   */
  static decode(bytes: Uint8Array): AuditState {
    try {
      // The reader's own file: as many items as there are bytes for.
      const most = Math.max(bytes.length, 1);
      const limits = { maxBytes: most, maxItems: most };
      const outer = decodeCbor(bytes, limits);
      const [body, sum] = isCborArray(outer) && outer.length === 2 ? outer : [];
      if (!(body instanceof Uint8Array) || !(sum instanceof Uint8Array)) throw invalid("no state");
      if (!isSame(digest("sha-256", body), sum)) throw invalid("it does not match its checksum");
      return new AuditState(partsOf(new Members(decodeCbor(body, limits))));
    } catch (cause) {
      if (cause instanceof CoseError) throw invalid(cause.message, cause);
      throw cause;
    }
  }
}

const SUMS = ["signatures", "checkpoints", "chains", "bytes", "longestWait"] as const;

function mapOf(parts: AuditStateParts): CborMap {
  const { last, uncovered, controls, sums, index } = parts;
  return new Map<string, CborValue>([
    ["format", FORMAT],
    ["issuer", parts.issuer],
    ["origin", parts.origin],
    ["size", parts.size],
    ["edge", [...parts.edge]],
    ["last", [last.digest, last.size, last.root, last.time, last.key]],
    ["keys", [...parts.keys]],
    [
      "uncovered",
      uncovered === undefined ? null : [uncovered.earliest, uncovered.latest, uncovered.index],
    ],
    ["controls", controls.map((one) => [one.index, one.statement, one.collateral])],
    ["entries", parts.entries],
    ["signers", [...parts.signers]],
    ["signerOf", parts.signerOf],
    ["sums", SUMS.map((name) => sums[name])],
    ["index", [index.size, index.leaves, index.waiting, index.heads]],
  ]);
}

function partsOf(map: Members): AuditStateParts {
  if (map.text("format") !== FORMAT) throw invalid(`it is not of format ${FORMAT}`);
  const last = map.list("last");
  const uncovered = map.value("uncovered") === null ? undefined : map.list("uncovered");
  const [size, leaves, waiting, heads] = map.list("index");
  const sums = map.list("sums").map(countOf);
  const [signatures = 0, checkpoints = 0, chains = 0, bytes = 0, longestWait = 0] = sums;
  return {
    issuer: map.text("issuer"),
    origin: map.text("origin"),
    size: countOf(map.value("size")),
    edge: map.list("edge").map(bytesIn),
    last: {
      digest: bytesIn(last[0]),
      size: countOf(last[1]),
      root: bytesIn(last[2]),
      time: countOf(last[3]),
      key: bytesIn(last[4]),
    },
    keys: map.list("keys").map(bytesIn),
    uncovered: uncovered && {
      earliest: countOf(uncovered[0]),
      latest: countOf(uncovered[1]),
      index: countOf(uncovered[2]),
    },
    controls: map.list("controls").map((value) => {
      const [index, statement, collateral] = isCborArray(value) ? value : [];
      const source = { statement: bytesIn(statement), collateral: bytesIn(collateral) };
      return { index: countOf(index), ...source };
    }),
    entries: bytesIn(map.value("entries")),
    signers: map.list("signers").map(textOf),
    signerOf: bytesIn(map.value("signerOf")),
    sums: { signatures, checkpoints, chains, bytes, longestWait },
    index: {
      ...{ size: countOf(size), leaves: bytesIn(leaves) },
      ...{ waiting: bytesIn(waiting), heads: countOf(heads) },
    },
  };
}

/** A map of which each member has a known type. */
class Members {
  readonly #map: CborMap;

  constructor(value: CborValue) {
    if (!isCborMap(value)) throw invalid("it is no map");
    this.#map = value;
  }

  value(name: string): CborValue | undefined {
    return this.#map.get(name);
  }

  text(name: string): string {
    return textOf(this.value(name));
  }

  list(name: string): readonly CborValue[] {
    const value = this.value(name);
    if (isCborArray(value)) return value;
    throw invalid(`it lacks ${name}`);
  }
}

function textOf(value: CborValue | undefined): string {
  if (typeof value === "string") return value;
  throw invalid("a text is missing");
}

function bytesIn(value: CborValue | undefined): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw invalid("a byte string is missing");
}

function countOf(value: CborValue | undefined): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalid("a number is missing");
}

/** Makes the error of a state that cannot be gone on from. */
export function invalid(how: string, cause?: Error): AuditorError {
  return new AuditorError("AUDITOR_STATE_INVALID", `the saved state cannot be used: ${how}`, {
    cause,
  });
}
