import { expect } from "@jest/globals";
import { digest, encodeHex, PublicKey, verifyScheme, type SignatureScheme } from "@tallystick/cose";
import { decodeEvidence, VerifiedEvidence } from "@tallystick/evidence";
import {
  Certificate,
  DER_TAG,
  isSameName,
  oidOf,
  parseDer,
  StatementError,
  type DerElement,
} from "@tallystick/statement";

import { TIME, type Row, type SharedData } from "./row.js";

const path = (name: string): string => `identity/caliptra/${name}`;
const ECC_CSR = path("idevid_csr_ecc.der");
const LDEVID = path("ldevid_cert_ecc.der");
const FMC = path("fmc_alias_cert_ecc.der");

/** A request to certify a key (RFC 2986), which no product of ours takes. */
interface Request {
  readonly signed: Uint8Array;
  readonly subject: DerElement;
  readonly spki: Uint8Array;
  /** The content of the key's BIT STRING. */
  readonly rawKey: Uint8Array;
  readonly algorithm: string;
  readonly signature: Uint8Array;
  /** Content of the extensions that are asked for, by object identifier. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
}

const child = ({ children }: DerElement, ...places: readonly number[]): DerElement => {
  const [place, ...deeper] = places;
  if (place === undefined) throw new Error("no place");
  const found = children.at(place);
  if (found === undefined) throw new Error(`no element ${place}`);
  return deeper.length === 0 ? found : child(found, ...deeper);
};

/** Yields the bytes of a BIT STRING without the count of spare bits. */
const bitsOf = ({ content }: DerElement): Uint8Array => content.subarray(1);

function readRequest(bytes: Uint8Array): Request {
  const root = parseDer(bytes);
  const info = child(root, 0);
  const key = child(info, 2);
  // attributes [0], of which the one is extensionRequest.
  const attribute = child(info, 3, 0);
  expect(oidOf(child(attribute, 0))).toBe("1.2.840.113549.1.9.14");
  const requested = child(attribute, 1, 0).children;
  return {
    ...{ signed: info.bytes, subject: child(info, 1), spki: key.bytes },
    rawKey: bitsOf(child(key, 1)),
    algorithm: oidOf(child(root, 1, 0)),
    signature: bitsOf(child(root, 2)),
    extensions: new Map(requested.map((one) => [oidOf(child(one, 0)), child(one, -1).content])),
  };
}

/** Yields a text of a name by the object identifier of its attribute. */
function nameText(name: DerElement, type: string): string {
  const attributes = name.children.flatMap(({ children }) => children);
  const found = attributes.find((one) => oidOf(child(one, 0)) === type);
  if (found === undefined) throw new Error(`no ${type}`);
  return new TextDecoder().decode(child(found, 1).content);
}

const COMMON_NAME = "2.5.4.3";
const SERIAL_NUMBER = "2.5.4.5";

async function checkRequest(
  { spki, signed, signature }: Request,
  scheme: SignatureScheme,
): Promise<void> {
  const key = PublicKey.fromSpki(spki);
  await verifyScheme(scheme, key, { message: signed, signature });
  const changed = new Uint8Array(signed);
  changed[signed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  await expect(verifyScheme(scheme, key, { message: changed, signature })).rejects.toMatchObject({
    code: "COSE_SIGNATURE_INVALID",
  });
}

function isNoEvidence(data: SharedData, file: string): void {
  expect(() => decodeEvidence(data.bytes(file))).toThrow(
    expect.objectContaining({ code: "EVIDENCE_MALFORMED" }),
  );
}

async function checkEccRequest(data: SharedData): Promise<void> {
  const bytes = data.bytes(ECC_CSR);
  expect(bytes).toHaveLength(481);
  const request = readRequest(bytes);
  expect(request.algorithm).toBe("1.2.840.10045.4.3.3");
  await checkRequest(request, { kty: "EC2", hash: "sha-384" });
  expect(PublicKey.fromSpki(request.spki).toJwk()).toMatchObject({ crv: "P-384" });
  const { subject, rawKey, extensions } = request;
  expect(nameText(subject, COMMON_NAME)).toBe("Caliptra 2.1 Ecc384 IDevID");
  const serial = nameText(subject, SERIAL_NUMBER).toLowerCase();
  expect(serial).toBe(encodeHex(digest("sha-256", rawKey)));
  const hexOf = (oid: string): string => encodeHex(extensions.get(oid) ?? new Uint8Array(0));
  // CA with a path length of 7; the bit of keyCertSign.
  expect(hexOf("2.5.29.19")).toBe("30060101ff020107");
  expect(hexOf("2.5.29.15")).toBe("03020204");
  // A type of 0 and 16 zero bytes.
  expect(hexOf("2.23.133.5.4.4")).toBe(`30130411${"00".repeat(17)}`);
  const uses = parseDer(extensions.get("2.5.29.37") ?? new Uint8Array(0)).children.map(oidOf);
  expect(uses).toEqual(["2.23.133.5.4.100.6", "2.23.133.5.4.100.12"]);
  isNoEvidence(data, ECC_CSR);
}

async function checkMlDsaRequest(data: SharedData): Promise<void> {
  const file = path("idevid_csr_mldsa.der");
  expect(data.bytes(file)).toHaveLength(7502);
  const request = readRequest(data.bytes(file));
  expect(request.algorithm).toBe("2.16.840.1.101.3.4.3.19");
  expect([request.rawKey.length, request.signature.length]).toEqual([2592, 4627]);
  await checkRequest(request, { kty: "AKP", alg: "ML-DSA-87" });
  expect(nameText(request.subject, COMMON_NAME)).toBe("Caliptra 2.1 MlDsa87 IDevID");
  isNoEvidence(data, file);
}

/** What both certificates of ECC keys hold: serials and identifiers are made of the key. */
function checkDerived(certificate: Certificate): void {
  const [, , , , , subject, key] = child(parseDer(certificate.der), 0).children;
  if (subject === undefined || key === undefined) throw new Error("no key");
  const hash = digest("sha-256", bitsOf(child(key, 1)));
  expect(nameText(subject, SERIAL_NUMBER).toLowerCase()).toBe(encodeHex(hash));
  const identifier = hash.subarray(0, 20);
  const stated = certificate.extensions.raw.get("2.5.29.14")?.value ?? new Uint8Array(0);
  expect(parseDer(stated)).toMatchObject({ tag: DER_TAG.octetString, content: identifier });
  const serial = new Uint8Array(identifier);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x04;
  expect(certificate.serial).toBe(encodeHex(serial));
}

async function checkLdevid(data: SharedData): Promise<void> {
  expect(data.bytes(LDEVID)).toHaveLength(717);
  const certificate = Certificate.decode(data.bytes(LDEVID));
  const days = [certificate.notBefore, certificate.notAfter].map((time) =>
    new Date(time * 1000).toISOString().slice(0, 10),
  );
  expect(days).toEqual(["2023-01-01", "9999-12-31"]);
  const { spki, subject } = readRequest(data.bytes(ECC_CSR));
  const [tbs, , signature] = parseDer(certificate.der).children;
  if (tbs === undefined || signature === undefined) throw new Error("no certificate");
  const signed = { message: tbs.bytes, signature: bitsOf(signature) };
  await verifyScheme({ kty: "EC2", hash: "sha-384" }, PublicKey.fromSpki(spki), signed);
  // The issuer's name is the subject of the request, byte for byte.
  expect(child(tbs, 3).bytes).toEqual(subject.bytes);
  checkDerived(certificate);
  isNoEvidence(data, LDEVID);
}

async function checkFmc(data: SharedData): Promise<void> {
  const bytes = data.bytes(FMC);
  expect(bytes).toHaveLength(889);
  const [certificate, ldevid] = [bytes, data.bytes(LDEVID)].map((der) => Certificate.decode(der));
  if (certificate === undefined || ldevid === undefined) throw new Error("no certificate");
  await certificate.verifySignature(ldevid);
  expect(isSameName(certificate.issuer, ldevid.subject)).toBe(false);
  const [issuer, subject] = [
    child(parseDer(bytes), 0, 3),
    child(parseDer(data.bytes(LDEVID)), 0, 5),
  ].map((name) => nameText(name, COMMON_NAME));
  expect(issuer).toBe("Caliptra 2.0 Ecc384 LDevID");
  expect(subject).toBe("Caliptra 2.1 Ecc384 LDevID");
  checkDerived(certificate);
  const evidence = decodeEvidence(bytes);
  expect(evidence).toMatchObject({ form: "dice", concerns: [] });
  expect(
    evidence.elements.map(({ name, measurement: { svn, digests, flags } }) => [
      ...[name, svn?.value, digests?.[0]?.alg, digests?.[0]?.value.slice(0, 10)],
      flags === undefined ? undefined : [...flags],
    ]),
  ).toEqual([
    // Under the mask: configured, secure, no debugging.
    [
      ...["DEVICE_INFO", 0x107n, "sha-384", "89174d3232"],
      [
        [0, true],
        [1, true],
        [3, false],
      ],
    ],
    ["FMC_INFO", 0x109n, "sha-384", "83ffe18476", undefined],
  ]);
  const verify = VerifiedEvidence.verify(evidence, { anchors: [ldevid], time: TIME });
  await expect(verify).rejects.toMatchObject({ code: "EVIDENCE_NAMES_UNCHAINED" });
}

/** It decodes, no key verifies it, and its layer is no layer. */
async function checkRedacted(data: SharedData): Promise<void> {
  const file = path("rt_alias_cert_redacted.der");
  const bytes = data.bytes(file);
  expect(bytes).toHaveLength(828);
  expect(encodeHex(bytes)).toContain("44".repeat(48));
  const certificate = Certificate.decode(bytes);
  expect(certificate.label).toBe("CN=Caliptra 2.1 Ecc384 Rt Alias");
  for (const issuer of [FMC, LDEVID].map((name) => Certificate.decode(data.bytes(name)))) {
    await expect(certificate.verifySignature(issuer)).rejects.toThrow(StatementError);
  }
  isNoEvidence(data, file);
}

/** Certificates of devices, and requests for some. */
export const IDENTITY_ROWS: readonly Row[] = [
  { file: ECC_CSR, outcome: "verifies under its own key of P-384", check: checkEccRequest },
  {
    file: path("idevid_csr_mldsa.der"),
    outcome: "verifies under its own key of ML-DSA-87",
    check: checkMlDsaRequest,
  },
  { file: LDEVID, outcome: "verifies with the key of the request", check: checkLdevid },
  { file: FMC, outcome: "verifies, while its names do not chain", check: checkFmc },
  {
    file: path("rt_alias_cert_redacted.der"),
    outcome: "decodes, and verifies under nothing",
    check: checkRedacted,
  },
];
