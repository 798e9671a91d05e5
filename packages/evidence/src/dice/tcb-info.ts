import type { Measurement, NamedDigest } from "@tallystick/content";
import { encodeHex, HASH_ALGORITHMS } from "@tallystick/cose";
import {
  DER_TAG,
  oidOf,
  parseDer,
  StatementError,
  type Certificate,
  type DerElement,
} from "@tallystick/statement";

import { malformed } from "../error.js";
import { readFlags, type TcbFlags } from "./flags.js";

/** What one layer of a device was when the layer before it certified it (TCG DICE attestation). */
export interface TcbInfo {
  readonly vendor: string | undefined;
  readonly model: string | undefined;
  readonly version: string | undefined;
  readonly svn: bigint | undefined;
  readonly layer: number | undefined;
  readonly index: number | undefined;
  /** None where nothing is stated. */
  readonly fwids: readonly NamedDigest[];
  readonly flags: TcbFlags | undefined;
  readonly vendorInfo: Uint8Array | undefined;
  /** Octets that tell what kind of element it is, as `FMC_INFO`. */
  readonly type: Uint8Array | undefined;
  /** By number or name of the register. */
  readonly registers: Measurement["registers"];
}

const OID = {
  tcbInfo: "2.23.133.5.4.1",
  ueid: "2.23.133.5.4.4",
  multiTcbInfo: "2.23.133.5.4.5",
} as const;

/** Context tags, of IMPLICIT types; those of sequences are constructed. */
const FIELD = {
  vendor: 0x80,
  model: 0x81,
  version: 0x82,
  svn: 0x83,
  layer: 0x84,
  index: 0x85,
  fwids: 0xa6,
  flags: 0x87,
  vendorInfo: 0x88,
  type: 0x89,
  flagsMask: 0x8a,
  registers: 0xab,
} as const;
const FIELDS: readonly number[] = Object.values(FIELD);

const HASHES: ReadonlyMap<string, string> = new Map([
  ["2.16.840.1.101.3.4.2.1", "sha-256"],
  ["2.16.840.1.101.3.4.2.2", "sha-384"],
  ["2.16.840.1.101.3.4.2.3", "sha-512"],
]);

const MAX_INFOS = 64;

/**
 * Yields what a certificate says of measured layers, in its TcbInfo and MultiTcbInfo extensions;
 * nothing where it has neither.
 *
 * @throws {@link EvidenceError} `EVIDENCE_MALFORMED`
 */
export function tcbInfosOf(certificate: Certificate): readonly TcbInfo[] {
  const single = extensionOf(certificate, OID.tcbInfo);
  const multiple = extensionOf(certificate, OID.multiTcbInfo);
  const many = multiple === undefined ? [] : sequenceIn(multiple, "MultiTcbInfo");
  const infos = [...(single === undefined ? [] : [single]), ...many];
  if (infos.length > MAX_INFOS) throw malformed(`${infos.length} TcbInfos, limit ${MAX_INFOS}`);
  return infos.map(readTcbInfo);
}

/**
 * Yields the identifier of the device in a certificate, in lower-case hex: its type and the rest.
 *
 * @throws {@link EvidenceError} `EVIDENCE_MALFORMED`
 */
export function ueidOf(certificate: Certificate): string | undefined {
  const element = extensionOf(certificate, OID.ueid);
  if (element === undefined) return undefined;
  const [ueid, ...more] = sequenceIn(element, "Ueid");
  if (ueid?.tag !== DER_TAG.octetString || more.length > 0) {
    throw malformed("Ueid is not one octet string");
  }
  // RFC 9711 §4.2.1: a type and 1 to 32 bytes.
  const { length } = ueid.content;
  if (length < 2 || length > 33) throw malformed(`Ueid of ${length} bytes`);
  return encodeHex(ueid.content);
}

function extensionOf({ extensions }: Certificate, oid: string): DerElement | undefined {
  const value = extensions.raw.get(oid)?.value;
  if (value === undefined) return undefined;
  try {
    return parseDer(value);
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw malformed(`extension ${oid}: ${cause.message}`, { cause });
  }
}

function sequenceIn(element: DerElement, what: string): readonly DerElement[] {
  if (element.tag !== DER_TAG.sequence) throw malformed(`${what} is not a sequence`);
  return element.children;
}

/** Reads a TcbInfo, whose fields are all optional and ascend. */
function readTcbInfo(element: DerElement): TcbInfo {
  const fields = new Map<number, DerElement>();
  let last = -1;
  for (const field of sequenceIn(element, "TcbInfo")) {
    const number = field.tag & 0x1f;
    if (!FIELDS.includes(field.tag)) throw malformed(`TcbInfo has a field of tag ${field.tag}`);
    if (number <= last) throw malformed("TcbInfo has its fields twice or out of order");
    last = number;
    fields.set(field.tag, field);
  }
  const contentOf = (tag: number): Uint8Array | undefined => fields.get(tag)?.content;
  const flags = contentOf(FIELD.flags);
  return {
    vendor: textOf(contentOf(FIELD.vendor)),
    model: textOf(contentOf(FIELD.model)),
    version: textOf(contentOf(FIELD.version)),
    svn: integerOf(contentOf(FIELD.svn)),
    layer: smallOf(contentOf(FIELD.layer)),
    index: smallOf(contentOf(FIELD.index)),
    fwids: (fields.get(FIELD.fwids)?.children ?? []).map(readFwid),
    flags: flags === undefined ? undefined : readFlags(flags, contentOf(FIELD.flagsMask)),
    vendorInfo: contentOf(FIELD.vendorInfo),
    type: contentOf(FIELD.type),
    registers: registersOf(fields.get(FIELD.registers)),
  };
}

/** `FWID ::= SEQUENCE { hashAlg OBJECT IDENTIFIER, digest OCTET STRING }` */
function readFwid(element: DerElement): NamedDigest {
  const [algorithm, value, ...more] = sequenceIn(element, "FWID");
  const isSound = algorithm?.tag === DER_TAG.oid && value?.tag === DER_TAG.octetString;
  if (!isSound || more.length > 0) throw malformed("FWID is not an algorithm and a digest");
  const oid = oidOf(algorithm);
  const alg = HASHES.get(oid) ?? oid;
  const want = HASH_ALGORITHMS.find(({ name }) => name === alg)?.bytes;
  if (want !== undefined && value.content.length !== want) {
    throw malformed(`FWID of ${value.content.length} bytes is not as long as ${alg}`);
  }
  return { alg, value: encodeHex(value.content) };
}

/**
 * ```asn1
 * IntegrityRegister ::= SEQUENCE { registerName [0] IA5String OPTIONAL,
 *   registerNum [1] INTEGER OPTIONAL, registerDigests [2] SEQUENCE OF FWID }
 * ```
 */
function registersOf(element: DerElement | undefined): Measurement["registers"] {
  if (element === undefined) return undefined;
  const registers = new Map<string, readonly NamedDigest[]>();
  for (const register of element.children) {
    const parts = sequenceIn(register, "IntegrityRegister");
    const contentOf = (tag: number): Uint8Array | undefined =>
      parts.find((part) => part.tag === tag)?.content;
    const [name, number] = [textOf(contentOf(0x80)), integerOf(contentOf(0x81))];
    const id = number?.toString() ?? (name === undefined ? undefined : JSON.stringify(name));
    if (id === undefined || registers.has(id)) {
      throw malformed("IntegrityRegister has no name of its own");
    }
    const digests = parts.find(({ tag }) => tag === 0xa2)?.children ?? [];
    registers.set(id, digests.map(readFwid));
  }
  return registers;
}

function textOf(content: Uint8Array | undefined): string | undefined {
  if (content === undefined) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch (cause) {
    throw malformed("TcbInfo has a text that is not UTF-8", { cause });
  }
}

/** X.690 §8.3.2 holds of IMPLICIT integers too, which the reader of DER does not know for such. */
function integerOf(content: Uint8Array | undefined): bigint | undefined {
  if (content === undefined) return undefined;
  const [first, second] = content;
  const isShortest = second === undefined || first !== 0 || second >= 0x80;
  if (first === undefined || first >= 0x80 || !isShortest || content.length > 16) {
    throw malformed("TcbInfo has a number that is empty, negative, or too long");
  }
  return BigInt(`0x${encodeHex(content)}`);
}

function smallOf(content: Uint8Array | undefined): number | undefined {
  const value = integerOf(content);
  if (value === undefined) return undefined;
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed("TcbInfo has a layer out of range");
  return Number(value);
}
