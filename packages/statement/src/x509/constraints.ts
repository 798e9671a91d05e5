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
  for (const [kind, { isUnder, isUnreadable }] of Object.entries(KINDS)) {
    const own = namesOf(names, kind as Kind);
    const [allowed, barred] = [basesOf(permitted, kind as Kind), basesOf(excluded, kind as Kind)];
    if (allowed.length === 0 && barred.length === 0) continue;
    for (const name of own) {
      if (isUnreadable(name)) return `${kind} name cannot be compared with name constraints`;
      if (barred.some((base) => isUnder(name, base, "excluded"))) return `${kind} name is excluded`;
      if (allowed.length > 0 && !allowed.some((base) => isUnder(name, base, "permitted"))) {
        return `${kind} name is not permitted`;
      }
    }
  }
  return opaqueViolation([permitted, excluded], names);
}

type Kind = keyof typeof KINDS;
type Name = string | Uint8Array | DistinguishedName;
type Side = "permitted" | "excluded";

interface KindRule {
  readonly isUnder: (name: Name, base: Name, side: Side) => boolean;
  readonly isUnreadable: (name: Name) => boolean;
}

const KINDS = {
  dns: ruleOf(isText, isDnsUnder, (name) => !isHost(name.replace(/^\*\./, ""))),
  email: ruleOf(isText, isMailboxUnder, (name) => mailboxOf(name) === undefined),
  uri: ruleOf(isText, isUriUnder, (name) => hostOfUri(name) === undefined),
  ip: ruleOf(isBytes, isAddressUnder, () => false),
  directory: ruleOf(isDirectory, isWithin, () => false),
} as const;

// Names reach a rule by their kind, so one of another type is a defect and counts as broken.
function ruleOf<Own extends Name>(
  isOwn: (name: Name) => name is Own,
  isUnder: (name: Own, base: Own, side: Side) => boolean,
  isUnreadable: (name: Own) => boolean,
): KindRule {
  return {
    isUnder: (name, base, side) => isOwn(name) && isOwn(base) && isUnder(name, base, side),
    isUnreadable: (name) => !isOwn(name) || isUnreadable(name),
  };
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

/** Whether a host is the base or below it, by whole labels. */
function isSameOrBelow(host: string, base: string): boolean {
  const [lower, end] = [host.toLowerCase(), base.toLowerCase()];
  return end === "" || lower === end || lower.endsWith(`.${end}`);
}

// A wildcard stands for all names that it covers: it is permitted where all are, and excluded
// where one is.
function isDnsUnder(name: string, base: string, side: Side): boolean {
  if (!name.startsWith("*.")) return isSameOrBelow(name, base);
  const host = name.slice(2);
  return isSameOrBelow(host, base) || (side === "excluded" && isSameOrBelow(base, host));
}

interface Mailbox {
  readonly local: string;
  readonly host: string;
}

// Quoted local parts can hold an "@", so they are not read.
function mailboxOf(text: string): Mailbox | undefined {
  const [, local, host] = /^([^@"\\]+)@([^@]+)$/.exec(text) ?? [];
  if (local === undefined || host === undefined || !isHost(host)) return undefined;
  return { local, host };
}

// RFC 5280 §4.2.1.10: a mailbox, all of a host, or with a leading dot all below a domain.
function isMailboxUnder(name: string, base: string): boolean {
  const mailbox = mailboxOf(name);
  if (mailbox === undefined) return false;
  const one = mailboxOf(base);
  if (one === undefined) return isHostUnder(mailbox.host, base);
  return mailbox.local === one.local && isSameHost(mailbox.host, one.host);
}

function isUriUnder(name: string, base: string): boolean {
  const host = hostOfUri(name);
  return host !== undefined && isHostUnder(host, base);
}

function isHostUnder(host: string, base: string): boolean {
  if (!base.startsWith(".")) return isSameHost(host, base);
  return host.toLowerCase().endsWith(base.toLowerCase());
}

function isSameHost(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

// RFC 5280 §4.2.1.10: a URI without a host name, or with an address in its place, does not pass.
function hostOfUri(uri: string): string | undefined {
  const [, authority] = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#\\]*)(?:[/?#]|$)/.exec(uri) ?? [];
  const host = authority?.replace(/^.*@/, "").replace(/:\d*$/, "");
  if (host === undefined || !isHost(host)) return undefined;
  return /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/i.test(host) ? undefined : host;
}

function isAddressUnder(address: Uint8Array, base: Uint8Array): boolean {
  const { length } = address;
  if (base.length !== 2 * length) return false;
  return address.every((byte, index) => {
    const mask = base[length + index] ?? 0;
    return (byte & mask) === ((base[index] ?? 0) & mask);
  });
}
