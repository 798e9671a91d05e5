import { malformed } from "./der.js";
import type { GeneralNames } from "./general-name.js";
import { isWithin, type DistinguishedName } from "./name.js";

/** Which names an issuer may certify below it (RFC 5280 §4.2.1.10). */
export interface NameConstraints {
  readonly permitted: GeneralNames | undefined;
  readonly excluded: GeneralNames | undefined;
}

/** The names of a subject that constraints are about. */
export interface SubjectNames {
  readonly subject: DistinguishedName;
  readonly subjectAltName: GeneralNames | undefined;
}

const EMAIL_ATTRIBUTE = "1.2.840.113549.1.9.1";
/** RFC 9598 §3: a mailbox outside ASCII, to which constraints on mailboxes apply as well. */
const SMTP_UTF8_MAILBOX = "1.3.6.1.5.5.7.8.9";

const LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
const HOST = new RegExp(`^(?:${LABEL}\\.)*${LABEL}$`);
const MAX_HOST_LENGTH = 253;

/**
 * Refuses constraints that have no meaning in RFC 5280 §4.2.1.10, such as a DNS name with a leading
 * dot: what one reader permits by it another excludes.
 *
 * @throws {@link StatementError} `STATEMENT_CERTIFICATE_MALFORMED`
 */
export function requireConstraintNames({ dns, email, uri }: GeneralNames): void {
  const isHostOrDomain = (text: string): boolean => isHost(text.replace(/^\./, ""));
  const isOf = {
    dns: (text: string) => text === "" || isHost(text),
    email: (text: string) => mailboxOf(text) !== undefined || isHostOrDomain(text),
    uri: isHostOrDomain,
  };
  for (const [kind, texts] of Object.entries({ dns, email, uri })) {
    const isMeant = isOf[kind as keyof typeof isOf];
    if (!texts.every(isMeant)) throw malformed(`name constraint (${kind}) of no known form`);
  }
}

/**
 * Yields how the names of a subject break the constraints, undefined where they keep them.
 *
 * The subject is a directory name unless it is empty, and its emailAddress attributes count as
 * mailboxes; common names are never read as host names. A name that cannot be read where a
 * constraint of its kind stands, and a constraint of a kind that is not read where a name of that
 * kind stands, break them.
 */
export function findViolation(
  { permitted, excluded }: NameConstraints,
  names: SubjectNames,
): string | undefined {
  for (const kind of KIND_NAMES) {
    const [allowed, barred] = [basesOf(permitted, kind), basesOf(excluded, kind)];
    if (allowed.length === 0 && barred.length === 0) continue;
    const violation = KINDS[kind](namesOf(names, kind), allowed, barred);
    if (violation !== undefined) return `${kind} name ${violation}`;
  }
  return opaqueViolation([permitted, excluded], names);
}

/**
 * Yields whether the host in an http or https URI may be certified as a DNS name. URIs have constraints
 * of their own, which are seldom there: who may not certify a host may not name it in a URI either.
 */
export function permitsHostOf({ permitted, excluded }: NameConstraints, uri: string): boolean {
  const [allowed, barred] = [basesOf(permitted, "dns"), basesOf(excluded, "dns")];
  if (!/^https?:/i.test(uri) || (allowed.length === 0 && barred.length === 0)) return true;
  const host = hostOfUri(uri);
  return host !== undefined && KINDS.dns([host], allowed, barred) === undefined;
}

/** Yields how many pairs of a name and a constraint of its kind there are. */
export function comparisonsOf(
  { permitted, excluded }: NameConstraints,
  names: SubjectNames,
): number {
  return KIND_NAMES.reduce((sum, kind) => {
    const bases = basesOf(permitted, kind).length + basesOf(excluded, kind).length;
    return sum + bases * namesOf(names, kind).length;
  }, 0);
}

type Kind = keyof typeof KINDS;
type Name = string | Uint8Array | DistinguishedName;
type Side = "permitted" | "excluded";

/** Yields what is wrong with the first name that is not permitted, or is excluded. */
type KindRule = (
  names: readonly Name[],
  allowed: readonly Name[],
  barred: readonly Name[],
) => string | undefined;

/** How a kind of name is read, once however often it is compared; `undefined` where it cannot be. */
interface Reading<Own extends Name, Read, Base> {
  readonly isOwn: (name: Name) => name is Own;
  readonly read: (name: Own) => Read | undefined;
  readonly readBase: (base: Own) => Base;
  readonly isUnder: (name: Read, base: Base, side: Side) => boolean;
}

const KINDS = {
  dns: ruleOf({ isOwn: isText, read: dnsOf, readBase: lowered, isUnder: isDnsUnder }),
  email: ruleOf({ isOwn: isText, read: mailboxOf, readBase: mailBaseOf, isUnder: isMailboxUnder }),
  uri: ruleOf({ isOwn: isText, read: hostOfUri, readBase: lowered, isUnder: isHostUnder }),
  ip: ruleOf({ isOwn: isBytes, read: same, readBase: same, isUnder: isAddressUnder }),
  directory: ruleOf({ isOwn: isDirectory, read: same, readBase: same, isUnder: isWithin }),
} as const;

const KIND_NAMES = Object.keys(KINDS) as Kind[];

// Names reach a rule by their kind, so one of another type is a defect and counts as unreadable.
function ruleOf<Own extends Name, Read, Base>({
  isOwn,
  read,
  readBase,
  isUnder,
}: Reading<Own, Read, Base>): KindRule {
  return (names, allowed, barred) => {
    const permitted = allowed.filter(isOwn).map(readBase);
    const excluded = barred.filter(isOwn).map(readBase);
    for (const name of names) {
      const own = isOwn(name) ? read(name) : undefined;
      if (own === undefined) return "cannot be compared with name constraints";
      if (excluded.some((base) => isUnder(own, base, "excluded"))) return "is excluded";
      if (allowed.length > 0 && !permitted.some((base) => isUnder(own, base, "permitted"))) {
        return "is not permitted";
      }
    }
    return undefined;
  };
}

function same<Value>(value: Value): Value {
  return value;
}

function isText(name: Name): name is string {
  return typeof name === "string";
}

function isBytes(name: Name): name is Uint8Array {
  return name instanceof Uint8Array;
}

function isDirectory(name: Name): name is DistinguishedName {
  return !isText(name) && !isBytes(name);
}

function basesOf(names: GeneralNames | undefined, kind: Kind): readonly Name[] {
  return names === undefined ? [] : names[kind];
}

function namesOf({ subject, subjectAltName }: SubjectNames, kind: Kind): readonly Name[] {
  const own = basesOf(subjectAltName, kind);
  if (kind === "directory") return subject.canonical.length === 0 ? own : [subject, ...own];
  if (kind !== "email") return own;
  const attributes = subject.attributes.filter(({ oid }) => oid === EMAIL_ATTRIBUTE);
  return [...own, ...attributes.map(({ value }) => value)];
}

function opaqueViolation(
  sides: readonly (GeneralNames | undefined)[],
  { subjectAltName }: SubjectNames,
): string | undefined {
  for (const { form, oid } of subjectAltName?.others ?? []) {
    const isMailbox = oid === SMTP_UTF8_MAILBOX;
    for (const side of sides) {
      const isConstrained =
        side?.others.some((other) => other.form === form) === true ||
        (isMailbox && (side?.email.length ?? 0) > 0);
      if (isConstrained) return `${form} cannot be compared with name constraints`;
    }
  }
  return undefined;
}

function isHost(text: string): boolean {
  return text.length <= MAX_HOST_LENGTH && HOST.test(text);
}

function lowered(text: string): string {
  return text.toLowerCase();
}

/** Whether a host is the base or below it, by whole labels; both in lower case. */
function isSameOrBelow(host: string, base: string): boolean {
  return base === "" || host === base || (host.endsWith(base) && host.at(-base.length - 1) === ".");
}

interface DnsName {
  readonly host: string;
  readonly isWildcard: boolean;
}

function dnsOf(text: string): DnsName | undefined {
  const host = text.replace(/^\*\./, "");
  if (!isHost(host)) return undefined;
  return { host: host.toLowerCase(), isWildcard: host.length < text.length };
}

// A wildcard stands for all names that it covers: it is permitted where all are, and excluded
// where one is.
function isDnsUnder({ host, isWildcard }: DnsName, base: string, side: Side): boolean {
  if (isSameOrBelow(host, base)) return true;
  return isWildcard && side === "excluded" && isSameOrBelow(base, host);
}

interface Mailbox {
  readonly local: string;
  readonly host: string;
}

// Quoted local parts can hold an "@", so they are not read.
function mailboxOf(text: string): Mailbox | undefined {
  const [, local, host] = /^([^@"\\]+)@([^@]+)$/.exec(text) ?? [];
  if (local === undefined || host === undefined || !isHost(host)) return undefined;
  return { local, host: host.toLowerCase() };
}

function mailBaseOf(text: string): Mailbox | string {
  return mailboxOf(text) ?? text.toLowerCase();
}

// RFC 5280 §4.2.1.10: a mailbox, all of a host, or with a leading dot all below a domain.
function isMailboxUnder({ local, host }: Mailbox, base: Mailbox | string): boolean {
  if (typeof base === "string") return isHostUnder(host, base);
  return local === base.local && host === base.host;
}

function isHostUnder(host: string, base: string): boolean {
  return base.startsWith(".") ? host.endsWith(base) : host === base;
}

// RFC 5280 §4.2.1.10: a URI without a host name, or with an address in its place, does not pass.
function hostOfUri(uri: string): string | undefined {
  const [, authority] = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#\\]*)(?:[/?#]|$)/.exec(uri) ?? [];
  const host = authority?.replace(/^.*@/, "").replace(/:\d*$/, "");
  if (host === undefined || !isHost(host)) return undefined;
  return /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/i.test(host) ? undefined : host.toLowerCase();
}

function isAddressUnder(address: Uint8Array, base: Uint8Array): boolean {
  const { length } = address;
  if (base.length !== 2 * length) return false;
  return address.every((byte, index) => {
    const mask = base[length + index] ?? 0;
    return (byte & mask) === ((base[index] ?? 0) & mask);
  });
}
