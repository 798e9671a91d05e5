import { decodeHex, HASH_ALGORITHMS, type HashName } from "@tallystick/cose";

import { completeLimits, type ContentLimits } from "./limits.js";
import { invalid } from "./record.js";
import { attributeOf, elementsBelow, type XmlElement } from "./xml/element.js";
import { parseXml } from "./xml/parse.js";
import { DSIG } from "./xml/signature.js";

/** Namespace of SWID tags (ISO/IEC 19770-2:2015). */
const SWID = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd";

const RIM =
  "https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/";

/** Namespaces by which attributes with a digest name its algorithm, the one that NVIDIA uses among them. */
const ALGORITHMS: ReadonlyMap<string, HashName> = new Map([
  ["http://www.w3.org/2001/04/xmlenc#sha256", "sha-256"],
  ["http://www.w3.org/2001/04/xmlenc#sha384", "sha-384"],
  ["http://www.w3.org/2001/04/xmldsig-more#sha384", "sha-384"],
  ["http://www.w3.org/2001/04/xmlenc#sha512", "sha-512"],
]);

/** Measurements and files of one manifest each; published ones have 64. */
const MAX_PARTS = 4096;

/** A digest by the name of its algorithm. */
export interface SwidDigest {
  readonly alg: HashName;
  readonly value: Uint8Array;
}

/** What one measurement of a device has to be. */
export interface SwidMeasurement {
  /** As the manifest counts; blocks of SPDM count from one above it. */
  readonly index: number;
  /** Whether a device has to show it. */
  readonly isActive: boolean;
  /** How many of the digests hold, any of which may be shown. */
  readonly alternatives: number;
  readonly digests: readonly SwidDigest[];
  readonly name?: string;
}

/** A file that a manifest names. */
export interface SwidFile {
  readonly name: string;
  readonly digests: readonly SwidDigest[];
}

/** A reference integrity manifest in the form of a SWID tag. */
export interface SwidRim {
  readonly tagId: string;
  /** Of the tag. */
  readonly version: string;
  readonly name: string;
  /** Version of the firmware that it is about. */
  readonly firmware?: string;
  readonly product?: string;
  /** Who made the firmware, where the manifest says so, else who made the tag. */
  readonly vendor?: string;
  /** By index, each once. */
  readonly measurements: readonly SwidMeasurement[];
  readonly files: readonly SwidFile[];
  /** Whether a signature of XML is there; nobody has verified it. */
  readonly isSigned: boolean;
}

/**
 * Reads a SWID tag with the measurements of a device, as NVIDIA publishes them, or the digests of
 * files, as the TCG's base RIM has them. A signature in it is not verified.
 *
 * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED`, `CONTENT_STRUCTURE_INVALID`
 */
export function readSwidRim(bytes: Uint8Array, limits?: Partial<ContentLimits>): SwidRim {
  return swidOf(parseXml(bytes, completeLimits(limits)));
}

/** What stands in every SWID tag, whose names are in ASCII, or in an entity that makes one. */
const MAY_BE_SWID = /SoftwareIdentity|<!ENTITY/;

/**
 * Yields whether XML that is not read, or cannot be, may be a SWID tag all the same. In an encoding
 * with NUL bytes, as UTF-16, nothing is looked for.
 */
export function mayBeSwid(payload: Uint8Array): boolean {
  return payload.includes(0) || MAY_BE_SWID.test(new TextDecoder().decode(payload));
}

/** Yields whether the root of a document is that of a SWID tag. */
export function isSwid({ namespace, local }: XmlElement): boolean {
  return namespace === SWID && local === "SoftwareIdentity";
}

/**
 * Reads a SWID tag out of its document.
 *
 * @throws {@link ContentError} `CONTENT_STRUCTURE_INVALID`
 */
export function swidOf(root: XmlElement): SwidRim {
  if (!isSwid(root)) throw invalid("the root", "is no SoftwareIdentity of ISO/IEC 19770-2:2015");
  const inner = root.children.filter(({ namespace }) => namespace === SWID);
  const payloads = inner.filter(({ local }) => local === "Payload");
  if (payloads.length > 1) throw invalid("Payload", "is there twice");
  const parts = payloads.flatMap((payload) => [...elementsBelow(payload)]);
  const named = (name: string): readonly XmlElement[] =>
    parts.filter(({ namespace, local }) => namespace === SWID && local === name);
  const resources = named("Resource").filter((one) => attributeOf(one, "type") === "Measurement");
  const files = named("File");
  if (resources.length > MAX_PARTS || files.length > MAX_PARTS) {
    throw invalid("Payload", `has more than ${MAX_PARTS} measurements or files`);
  }
  const measurements = resources.map(readMeasurement);
  if (new Set(measurements.map(({ index }) => index)).size !== measurements.length) {
    throw invalid("Payload", "has one index twice");
  }
  return {
    tagId: required(root, "tagId"),
    version: attributeOf(root, "version") ?? "0.0",
    name: required(root, "name"),
    ...metaOf(inner),
    measurements: measurements.sort((a, b) => a.index - b.index),
    files: files.map(readFile),
    isSigned: root.children.some(
      ({ namespace, local }) => namespace === DSIG && local === "Signature",
    ),
  };
}

function metaOf(inner: readonly XmlElement[]): Pick<SwidRim, "firmware" | "product" | "vendor"> {
  const metas = inner.filter(({ local }) => local === "Meta");
  const first = (name: string, namespace = ""): string | undefined =>
    metas.map((meta) => attributeOf(meta, name, namespace)).find((text) => text !== undefined);
  const creator = inner.find(({ local }) => local === "Entity");
  const firmware = first("colloquialVersion");
  const product = first("product") ?? first("PlatformModel", RIM);
  const vendor =
    first("FirmwareManufacturer", RIM) ??
    first("PlatformManufacturerStr", RIM) ??
    (creator === undefined ? undefined : attributeOf(creator, "name"));
  return {
    ...(firmware === undefined ? {} : { firmware }),
    ...(product === undefined ? {} : { product }),
    ...(vendor === undefined ? {} : { vendor }),
  };
}

function readMeasurement(resource: XmlElement): SwidMeasurement {
  const index = countOf(resource, "index");
  const where = `Resource ${index}`;
  const active = required(resource, "active").toLowerCase();
  if (active !== "true" && active !== "false") throw invalid(`${where}.active`, "is no truth");
  const digests = digestsOf(resource, where);
  const alternatives =
    attributeOf(resource, "alternatives") === undefined
      ? digests.length
      : countOf(resource, "alternatives");
  if (alternatives !== digests.length || digests.length === 0) {
    throw invalid(where, `has ${digests.length} digests, and says ${alternatives}`);
  }
  const name = attributeOf(resource, "name");
  const named = name === undefined ? {} : { name };
  return { index, isActive: active === "true", alternatives, digests, ...named };
}

function readFile(file: XmlElement): SwidFile {
  const name = required(file, "name");
  return { name, digests: digestsOf(file, `File ${name.slice(0, 128)}`) };
}

/** Yields the digests of an element, in the order in which their attributes are numbered. */
function digestsOf(element: XmlElement, where: string): readonly SwidDigest[] {
  return element.attributes
    .flatMap(({ namespace, local, value }) => {
      const [, number] = /^hash(\d{0,4})$/i.exec(local) ?? [];
      return number === undefined ? [] : [{ namespace, value, place: Number(number) }];
    })
    .sort((a, b) => a.place - b.place)
    .map(({ namespace, value }) => digestOf(namespace, value, where));
}

function digestOf(namespace: string, text: string, where: string): SwidDigest {
  const alg = ALGORITHMS.get(namespace);
  if (alg === undefined)
    throw invalid(where, "has a digest of an algorithm that is not known here");
  const bytes = HASH_ALGORITHMS.find(({ name }) => name === alg)?.bytes ?? 0;
  if (text.length !== 2 * bytes || !/^[0-9a-f]*$/i.test(text)) {
    throw invalid(where, `has a digest that is not ${2 * bytes} hexadecimal digits`);
  }
  return { alg, value: decodeHex(text.toLowerCase()) };
}

function required(element: XmlElement, name: string): string {
  const value = attributeOf(element, name);
  if (value === undefined || value === "") throw invalid(`${element.local}.${name}`, "is missing");
  return value;
}

function countOf(element: XmlElement, name: string): number {
  const text = required(element, name);
  if (/^(?:0|[1-9]\d{0,5})$/.test(text)) return Number(text);
  throw invalid(`${element.local}.${name}`, "is no count");
}
