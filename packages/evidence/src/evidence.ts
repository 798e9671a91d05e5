import { CoseError, decodeHex } from "@tallystick/cose";
import type { Certificate } from "@tallystick/statement";

import { looksLikeConcise, readConcise } from "./concise/elements.js";
import { nameOfReport } from "./concise/tsm.js";
import { looksLikeCertificates, readCertificates } from "./dice/certificates.js";
import { readDice } from "./dice/elements.js";
import type { DeviceClass, EvidenceElement } from "./element.js";
import { EvidenceError, malformed, unsupported } from "./error.js";
import { elementsOf, readBlocks } from "./spdm/block.js";
import { modeConcerns } from "./spdm/mode.js";
import { readGpuFacts, type GpuFacts } from "./spdm/nvidia.js";
import { looksLikeTranscript, readTranscript, type SpdmTranscript } from "./spdm/transcript.js";

/**
 * A form of evidence: an SPDM transcript, with a signature; a measurement record without one; the
 * certificates of DICE layers; concise evidence, which nobody signed.
 */
export type EvidenceForm = "spdm" | "spdm-record" | "dice" | "concise";

/** What vouches for evidence. */
export type EvidenceProof =
  | { readonly form: "spdm"; readonly transcript: SpdmTranscript }
  | { readonly form: "spdm-record" }
  | { readonly form: "concise" }
  | { readonly form: "dice"; readonly certificates: readonly Certificate[] };

/** What a device says that it runs. Nobody has verified it; see {@link VerifiedEvidence}. */
export interface Evidence {
  readonly form: EvidenceForm;
  readonly elements: readonly EvidenceElement[];
  /** What it says against the device itself: debugging, recovery. */
  readonly concerns: readonly string[];
  /** Of NVIDIA's GPUs alone. */
  readonly gpu: GpuFacts | undefined;
  /** Identifiers of the device, in hex. */
  readonly ueids: readonly string[];
  readonly proof: EvidenceProof;
}

/** How evidence is decoded. */
export interface DecodeEvidenceOptions {
  /** How its elements are called in manifests, as far as they do not say so themselves. */
  readonly device?: DeviceClass;
  /** 1 MiB by default. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 1_048_576;
const DMTF = 0x01;

/**
 * Decodes evidence, whose form its first bytes tell: an SPDM transcript or a bare measurement
 * record, as they are or as hexadecimal text, certificates in PEM or DER, the leaf first, or concise
 * evidence with its tag. Time and memory are bounded whatever the bytes are. Reports by configfs-tsm
 * are told by name, and not read.
 *
 * @throws {@link EvidenceError} `EVIDENCE_TOO_LARGE`, `EVIDENCE_MALFORMED`, `EVIDENCE_UNSUPPORTED`
 */
export function decodeEvidence(bytes: Uint8Array, options: DecodeEvidenceOptions = {}): Evidence {
  const { maxBytes = MAX_BYTES, device = {} } = options;
  if (bytes.length > maxBytes) {
    throw new EvidenceError("EVIDENCE_TOO_LARGE", `${bytes.length} bytes, limit ${maxBytes}`);
  }
  // Certificates in PEM may stand in either of the two.
  if (looksLikeConcise(bytes)) return readTriples(bytes, device);
  const report = nameOfReport(bytes);
  if (report !== undefined) throw unsupported(`${report} is not read here`);
  if (looksLikeCertificates(bytes)) return readLayers(bytes, device);
  const binary = binaryOf(bytes);
  if (looksLikeTranscript(binary)) return readExchange(binary, device);
  if (binary[1] === DMTF) return readRecord(binary, device);
  throw malformed(
    "neither an SPDM transcript, nor a measurement record, nor certificates, nor concise evidence",
  );
}

function readExchange(bytes: Uint8Array, device: DeviceClass): Evidence {
  const transcript = readTranscript(bytes);
  const { blocks, opaque, measurementHash: hash, hasChanged } = transcript;
  return {
    form: "spdm",
    elements: elementsOf(blocks, { device, hash }),
    concerns: [
      ...modeConcerns(blocks),
      ...(hasChanged ? ["measurements changed since the device started"] : []),
    ],
    gpu: readGpuFacts(opaque),
    ueids: [],
    proof: { form: "spdm", transcript },
  };
}

function readRecord(bytes: Uint8Array, device: DeviceClass): Evidence {
  const blocks = readBlocks(bytes);
  return {
    form: "spdm-record",
    elements: elementsOf(blocks, { device }),
    concerns: modeConcerns(blocks),
    gpu: undefined,
    ueids: [],
    proof: { form: "spdm-record" },
  };
}

function readLayers(bytes: Uint8Array, device: DeviceClass): Evidence {
  const certificates = readCertificates(bytes);
  const { elements, concerns, ueids } = readDice(certificates, device);
  if (elements.length === 0) throw malformed("certificates without a TcbInfo");
  return {
    ...{ form: "dice", elements, concerns, ueids },
    gpu: undefined,
    proof: { form: "dice", certificates },
  };
}

function readTriples(bytes: Uint8Array, device: DeviceClass): Evidence {
  return {
    ...{ form: "concise", ...readConcise(bytes, device) },
    gpu: undefined,
    proof: { form: "concise" },
  };
}

/** Yields the bytes that hexadecimal text stands for, and any other bytes as they are. */
function binaryOf(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder("latin1").decode(bytes);
  if (bytes.length < 8 || !/^[0-9a-fA-F\s]+$/.test(text)) return bytes;
  try {
    return decodeHex(text.replaceAll(/\s/g, ""));
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw malformed(`hexadecimal text: ${cause.message}`, { cause });
  }
}
