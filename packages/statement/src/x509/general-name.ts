import { AsnIpConverter, type GeneralName } from "@peculiar/asn1-x509";
import { DER_TAG, contentOf, malformed, parseDer } from "./der.js";
import { encodePart } from "./library.js";
import { nameOf, type DistinguishedName } from "./name.js";

/** Kinds of names that are told apart and not read. */
export type OpaqueForm = "otherName" | "x400Address" | "ediPartyName" | "registeredID";

/** General names by their kind (RFC 5280 §4.2.1.6), each kind in the order of the certificate. */
export interface GeneralNames {
  readonly dns: readonly string[];
  readonly email: readonly string[];
  readonly uri: readonly string[];
  /** 4 or 16 bytes; in name constraints 8 or 32, address and mask. */
  readonly ip: readonly Uint8Array[];
  readonly directory: readonly DistinguishedName[];
  /** What else is there; `oid` is the type of an otherName, dotted. */
  readonly others: readonly { readonly form: OpaqueForm; readonly oid: string | undefined }[];
}

/** Most names in one extension: constraints are compared with each. */
const MAX_NAMES = 256;

/**
 * Sorts general names by their kind. Texts are printable ASCII without spaces, so that none can hide
 * its end; in constraints they may be empty.
 *
 * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`
 */
export function sortNames(
  names: readonly GeneralName[],
  options: { readonly isConstraint: boolean },
): GeneralNames {
  if (names.length > MAX_NAMES) throw malformed(`more than ${MAX_NAMES} names`);
  if (names.length === 0) throw malformed("names are empty");
  const { isConstraint } = options;
  const sorted = {
    dns: [] as string[],
    email: [] as string[],
    uri: [] as string[],
    ip: [] as Uint8Array[],
    directory: [] as DistinguishedName[],
    others: [] as { form: OpaqueForm; oid: string | undefined }[],
  };
  const text = (value: string): string => requireText(value, isConstraint);
  for (const name of names) {
    if (name.dNSName !== undefined) sorted.dns.push(text(name.dNSName));
    else if (name.rfc822Name !== undefined) sorted.email.push(text(name.rfc822Name));
    else if (name.uniformResourceIdentifier !== undefined) {
      sorted.uri.push(text(name.uniformResourceIdentifier));
    } else if (name.iPAddress !== undefined) {
      sorted.ip.push(addressOf(name.iPAddress, isConstraint ? 2 : 1));
    } else if (name.directoryName !== undefined) {
      sorted.directory.push(nameOf(parseDer(encodePart(name.directoryName))));
    } else {
      sorted.others.push(opaqueOf(name));
    }
  }
  return Object.freeze(sorted);
}

function requireText(value: string, mayBeEmpty: boolean): string {
  if (/^[!-~]+$/.test(value) || (mayBeEmpty && value === "")) return value;
  throw malformed("name is empty or has characters outside printable ASCII");
}

// The library shows addresses as text. It wrote the received bytes back from that text, so that is
// how to get them.
function addressOf(shown: string, factor: 1 | 2): Uint8Array {
  let bytes: Uint8Array;
  try {
    const octets = new Uint8Array(AsnIpConverter.toASN(shown).toBER());
    bytes = contentOf(parseDer(octets), DER_TAG.octetString);
  } catch (cause) {
    throw malformed("IP address of a wrong length", { cause });
  }
  if (bytes.length !== 4 * factor && bytes.length !== 16 * factor) {
    throw malformed(`IP address of ${bytes.length} bytes`);
  }
  return bytes;
}

function opaqueOf(name: GeneralName): { form: OpaqueForm; oid: string | undefined } {
  if (name.otherName !== undefined) return { form: "otherName", oid: name.otherName.typeId };
  if (name.registeredID !== undefined) return { form: "registeredID", oid: undefined };
  return { form: name.ediPartyName === undefined ? "x400Address" : "ediPartyName", oid: undefined };
}
