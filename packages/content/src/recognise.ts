import { LABEL, MAJOR } from "@tallystick/cose";

import type {
  BomContent,
  Content,
  ContentKind,
  ContentType,
  OpaqueContent,
  RimContent,
  SfrContent,
  SfrCorimContent,
} from "./content.js";
import { readManifest, readSigner } from "./corim/manifest.js";
import {
  decodeMessage,
  looksLikeMessage,
  peekPayload,
  peekSecured,
  REPORT_RULES,
  RIM_RULES,
} from "./corim/message.js";
import { mayHaveReportProfile } from "./corim/profile.js";
import { endorsesReport, readCorim } from "./corim/read.js";
import { ContentError } from "./error.js";
import { isJsonObject, memberOf, parseStrictJson, type Json } from "./json.js";
import { completeLimits, requireSize, type ContentLimits } from "./limits.js";
import { JSON_KINDS, kindsInJson } from "./json-kinds.js";
import { claimOf, namesManifest, versionIn, type Claim } from "./media-type.js";
import { opaque, OTHER } from "./opaque.js";
import { looksLikeCoSwid, readTag, readUswid, readXml } from "./recognise-tags.js";
import { readOwn } from "./release/recognise.js";
import { CYCLONEDX_VERSIONS, readCyclonedx } from "./sbom/cyclonedx.js";
import { readSpdx2 } from "./sbom/spdx.js";
import { readSpdx3, spdx3Version } from "./sbom/spdx3.js";
import { looksLikeReport, readReport } from "./sfr/read.js";
import { decodeSignedReport } from "./sfr/signed.js";
import { looksLikeJws, peekJws, skimJws } from "./sfr/jws.js";
import { mayBeSwid } from "./swid.js";
import { looksLikeUswid } from "./uswid.js";
import { Findings } from "./warning.js";

const CORIM_KINDS: readonly ContentKind[] = ["sfr-corim", "rim"];
const ANY_KIND: readonly ContentKind[] = [...JSON_KINDS, ...CORIM_KINDS, "swid", "coswid"];

/** What is known of a payload beside its bytes. */
export interface RecogniseOptions {
  /** Of the statement (label 3 or 259). */
  readonly contentType?: ContentType | undefined;
  readonly limits?: Partial<ContentLimits>;
}

/**
 * Yields what a payload says, for the kinds that are understood here, and `opaque` for all others.
 *
 * A content type that names a kind binds the payload to it. Without one, and with one that says no
 * more than JSON, JOSE, CBOR or COSE, the structure decides. Signatures inside are not verified.
 *
 * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED` and `CONTENT_TYPE_MISMATCH`
 * for what is not what its content type names; `CONTENT_STRUCTURE_INVALID`,
 * `CONTENT_HEADER_REFUSED` and `CONTENT_ALG_UNSUPPORTED` for what is of a kind, but not as that kind
 * has to be
 */
export function recogniseContent(payload: Uint8Array, options: RecogniseOptions = {}): Content {
  const limits = completeLimits(options.limits);
  const claim = claimOf(options.contentType);
  if (claim === "other") return OTHER;
  if (claim === "any") {
    const content = recogniseAny(payload, limits);
    return namesManifest(options.contentType) ? orManifest(content) : content;
  }
  const content = readClaimed(payload, limits, claim);
  if (content.kind === claim) return withVersion(content, options.contentType);
  if (content.kind === "opaque" && content.problem !== undefined) return content;
  throw new ContentError("CONTENT_TYPE_MISMATCH", `the content type names ${claim}, it is not one`);
}

/**
 * Yields whether a payload may be a bill of materials, by its content type and what it begins with,
 * without reading it.
 */
export function mayBeBom(payload: Uint8Array, contentType: ContentType | undefined): boolean {
  const claim = claimOf(contentType);
  if (claim !== "any") return claim === "cyclonedx" || claim === "spdx";
  return looksLikeUswid(payload) || firstOf(payload) === "{";
}

/** A payload that its content type calls a manifest may be one for others, as one without a tag. */
function orManifest(content: Content): Content {
  if (content.kind !== "opaque") return content;
  const problem = content.problem ?? "the content type names a manifest, and none can be read";
  return opaque(problem, [...new Set<ContentKind>([...content.mayBe, "rim"])]);
}

function readClaimed(payload: Uint8Array, limits: ContentLimits, claim: Claim): Content {
  if (claim === "swid") return readXml(payload, limits) ?? OTHER;
  return claim === "coswid" ? readTag(payload, limits) : readJson(payload, limits, claim);
}

/** Adds the warning that the content type names another version than the payload. */
function withVersion(content: Content, contentType: ContentType | undefined): Content {
  const named = versionIn(contentType);
  if (named === undefined || !("bom" in content)) return content;
  const { specVersion } = content.bom;
  if (specVersion === named || specVersion.startsWith(`${named}.`)) return content;
  const findings = new Findings();
  findings.add("content-type-version", "");
  return { ...content, warnings: [...content.warnings, ...findings.list()] };
}

function recogniseAny(payload: Uint8Array, limits: ContentLimits): Content {
  if (payload.length > limits.maxBytes) {
    return opaque(`more than ${limits.maxBytes} bytes`, ANY_KIND);
  }
  if (looksLikeJws(payload)) return recogniseJws(payload, limits);
  if (looksLikeMessage(payload)) return recogniseMessage(payload, limits);
  if (isTaggedCorim(payload)) return recogniseCorim(payload, limits, { form: "corim" });
  if (looksLikeCoSwid(payload)) return recogniseTag(payload, limits);
  if (looksLikeUswid(payload)) return recogniseUswid(payload, limits);
  if (firstOf(payload) === "<") return recogniseXml(payload, limits);
  return firstOf(payload) === "{" ? readJson(payload, limits, "any") : OTHER;
}

/** Yields the first character that is no white space of JSON; none of an empty payload. */
function firstOf(payload: Uint8Array): string {
  const first = payload.find((byte) => ![0x09, 0x0a, 0x0d, 0x20].includes(byte));
  return first === undefined ? "" : String.fromCharCode(first);
}

function recogniseXml(payload: Uint8Array, limits: ContentLimits): Content {
  const content = unlessMalformed(() => readXml(payload, limits));
  if (!(content instanceof ContentError)) return content ?? OTHER;
  return opaque(content.message, mayBeSwid(payload) ? ["swid"] : []);
}

function recogniseTag(payload: Uint8Array, limits: ContentLimits): Content {
  const content = unlessMalformed(() => readTag(payload, limits));
  return content instanceof ContentError ? opaque(content.message, ["coswid"]) : content;
}

function recogniseUswid(payload: Uint8Array, limits: ContentLimits): Content {
  const read = unlessMalformed(() => readUswid(payload, limits));
  if (read instanceof ContentError) return opaque(read.message, ["coswid", "cyclonedx", "spdx"]);
  if ("kind" in read) return read;
  const content = readJson(read.payload, limits, "any");
  if (content.kind === read.format || content.kind === "opaque") return content;
  return opaque(`uSWID: the container says ${read.format}, and in it is ${content.kind}`, []);
}

function recogniseJws(payload: Uint8Array, limits: ContentLimits): Content {
  const value = unlessMalformed(() =>
    parseStrictJson(peekJws(payload), limits, "the payload of the JWS"),
  );
  if (value instanceof ContentError) return unreadJws(payload, value);
  if (!looksLikeReport(value)) return OTHER;
  const findings = new Findings();
  const { kid, reports } = decodeSignedReport(payload, limits, findings);
  return { kind: "sfr", form: "jws", kid, reports, warnings: findings.list() };
}

/** Words with dots between them look like a JWS as well: names of hosts, versions. */
function unreadJws(jws: Uint8Array, { message }: ContentError): OpaqueContent {
  const [header, payload] = skimJws(jws);
  if (header === undefined || firstOf(header) !== "{") return OTHER;
  if (payload === undefined || firstOf(payload) !== "{") return opaque(message, []);
  return opaque(
    message,
    kindsInJson(payload).filter((kind) => kind === "sfr"),
  );
}

/** Yields whether the bytes begin with the tag of a CoRIM, 501. */
function isTaggedCorim(bytes: Uint8Array): boolean {
  return bytes[0] === 0xd9 && bytes[1] === 0x01 && bytes[2] === 0xf5;
}

// What is no report may be any other message, whatever its header: it is looked at twice.
function recogniseMessage(payload: Uint8Array, limits: ContentLimits): Content {
  const inner = unlessUnsound(() => peekPayload(payload, limits));
  if (inner instanceof ContentError) return opaque(inner.message, CORIM_KINDS);
  if (inner === undefined) return OTHER;
  const content = recogniseCorim(inner, limits, { form: "cose-sign" });
  if (content.kind === "opaque" && !isTaggedCorim(inner)) {
    if (!isMap(inner)) return OTHER;
    return untaggedRim(payload, limits) ?? untaggedReport(inner, content);
  }
  if (content.kind === "opaque") return content;
  const rules = content.kind === "rim" ? RIM_RULES : REPORT_RULES;
  const { form, kid, secured } = decodeMessage(payload, limits, rules);
  if (content.kind !== "rim") return { ...content, form, kid };
  return { ...content, form, kid, signer: readSigner(secured, limits) };
}

/** Old manifests have no tag inside the message, whose header says then what they are. */
function untaggedRim(
  message: Uint8Array,
  limits: ContentLimits,
): RimContent | OpaqueContent | undefined {
  const headers = unlessUnsound(() => peekSecured(message, limits));
  if (headers instanceof ContentError) return opaque(headers.message, CORIM_KINDS);
  const isNamed = headers.some((one) => one.get(LABEL.contentType) === "application/rim+cbor");
  if (!isNamed) return undefined;
  const { form, kid, secured, payload } = decodeMessage(message, limits, RIM_RULES);
  const rim = readManifest(payload, limits);
  return { kind: "rim", form, kid, rim, signer: readSigner(secured, limits), warnings: [] };
}

/** What is no map is no CoRIM in any form. */
function isMap([first = 0]: Uint8Array): boolean {
  return first >> 5 === MAJOR.map;
}

/** A map that could not be read may be a report, where it names the profile of one. */
function untaggedReport(inner: Uint8Array, { problem }: OpaqueContent): OpaqueContent {
  if (problem === undefined || !mayHaveReportProfile(inner)) return OTHER;
  return opaque(problem, ["sfr-corim"]);
}

function recogniseCorim(
  bytes: Uint8Array,
  limits: ContentLimits,
  { form }: Pick<SfrCorimContent, "form">,
): SfrCorimContent | RimContent | OpaqueContent {
  const isReport = unlessUnsound(() => endorsesReport(bytes, limits));
  if (isReport instanceof ContentError) return opaque(isReport.message, CORIM_KINDS);
  if (!isReport) {
    if (!isTaggedCorim(bytes)) return OTHER;
    const rim = readManifest(bytes, limits);
    return { kind: "rim", form, kid: undefined, rim, signer: undefined, warnings: [] };
  }
  const findings = new Findings();
  const reports = readCorim(bytes, { limits, findings });
  return { kind: "sfr-corim", form, kid: undefined, reports, warnings: findings.list() };
}

function readJson(payload: Uint8Array, limits: ContentLimits, claim: Claim): Content {
  requireSize(payload, limits);
  const parse = (): Json => parseStrictJson(payload, limits, "the payload");
  const value = claim === "any" ? unlessMalformed(parse) : parse();
  if (value instanceof ContentError) return opaque(value.message, kindsInJson(payload));
  if (looksLikeReport(value)) return readBareReport(value);
  return readOwn(value) ?? readBom(value) ?? OTHER;
}

function readBareReport(value: Json): SfrContent {
  const findings = new Findings();
  const report = readReport(value, findings);
  const warnings = findings.list();
  return { kind: "sfr", form: "json", kid: undefined, reports: [report], warnings };
}

/** Yields a bill of materials by the member that tells its format; `undefined` for anything else. */
function readBom(value: Json): BomContent | OpaqueContent | undefined {
  if (!isJsonObject(value)) return undefined;
  const findings = new Findings();
  if (memberOf(value, "bomFormat") === "CycloneDX") {
    const version = memberOf(value, "specVersion");
    if (!CYCLONEDX_VERSIONS.some((known) => known === version)) {
      const known = CYCLONEDX_VERSIONS.join(", ");
      return opaque(`a version of CycloneDX that is not one of ${known}`, []);
    }
    const bom = readCyclonedx(value, findings);
    return { kind: "cyclonedx", bom, warnings: findings.list() };
  }
  const spdx = memberOf(value, "spdxVersion");
  if (typeof spdx === "string" && spdx.startsWith("SPDX-")) {
    if (spdx !== "SPDX-2.3") return opaque("a version of SPDX 2 that is not 2.3", []);
    const bom = readSpdx2(value, findings);
    return { kind: "spdx", bom, warnings: findings.list() };
  }
  const version = spdx3Version(value);
  if (version === undefined) return undefined;
  if (!/^3\.0(?:\.|$)/.test(version)) return opaque("a version of SPDX 3 that is not 3.0", []);
  const bom = readSpdx3(value, findings);
  return { kind: "spdx", bom, warnings: findings.list() };
}

/** Yields what the action yields, or its refusal of what is not of a kind that is looked for. */
function unlessUnsound<T>(action: () => T): T | ContentError {
  try {
    return action();
  } catch (error) {
    if (error instanceof ContentError) return error;
    throw error;
  }
}

/** Yields what the action yields, or its refusal of bytes that are nothing that can be read. */
function unlessMalformed<T>(action: () => T): T | ContentError {
  try {
    return action();
  } catch (error) {
    if (error instanceof ContentError && error.code === "CONTENT_MALFORMED") return error;
    throw error;
  }
}
