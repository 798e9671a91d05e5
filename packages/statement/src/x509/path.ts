import { encodeHex } from "@tallystick/cose";
import { StatementError } from "../error.js";
import type { Certificate } from "./certificate.js";
import { comparisonsOf, findViolation } from "./constraints.js";
import type { KeyUsage } from "./extensions.js";
import { isSameName } from "./name.js";

/** Most certificates in a path, the anchor's among them. */
export const MAX_PATH_LENGTH = 8;

/** Most anchors of one name that are tried; each costs a signature verification. */
const MAX_CANDIDATES = 8;

/** Most names times constraints of their kind along a path. */
const MAX_COMPARISONS = 262_144;

// RFC 9360 §2, RFC 9943 §5.1.1.1: a signer's certificate allows digital signatures.
const SIGNER_USAGES: readonly KeyUsage[] = ["digitalSignature"];

/** What a path is judged by. */
export interface PathOptions {
  /** Seconds since the epoch. */
  readonly time: number;
  /**
   * What the leaf is for: one of these, where its certificate restricts it. A signer's
   * `digitalSignature` alone by default.
   */
  readonly usages?: readonly KeyUsage[];
}

/**
 * A path from a signer's certificate to a trust anchor on which every check of RFC 5280 §6.1 holds;
 * {@link CertificatePath.verify} is the only way to get one. Immutable.
 */
export class CertificatePath {
  readonly #verified = true;
  /** Leaf first, up to and with the anchor. */
  readonly certificates: readonly Certificate[];
  readonly leaf: Certificate;
  readonly anchor: Certificate;

  private constructor(leaf: Certificate, path: readonly Certificate[]) {
    this.certificates = Object.freeze([...path]);
    this.leaf = leaf;
    this.anchor = path.at(-1) ?? leaf;
    Object.freeze(this);
  }

  static is(value: object): value is CertificatePath {
    return #verified in value;
  }

  /**
   * Builds and validates the path from `chain[0]` to one of the anchors at `time`, in seconds since
   * the epoch (RFC 5280 §6.1). T9.
   *
   * Each certificate of the chain has to certify the one before it; the last may be an anchor, or
   * be certified by one. None may be left over. Nothing in the chain becomes an anchor by being
   * there, and a leaf is never its own: a path has two certificates at least. Anchors are judged
   * like all the others, their own signature apart. At most 14 signatures are verified, from the
   * anchor down, and what the extensions of a certificate say is read once an issuer that may
   * certify is seen to have signed it: nobody else can make that take long.
   *
   * @throws {@link StatementError} `STATEMENT_CHAIN_UNTRUSTED` where no anchor ends the chain;
   * `STATEMENT_CHAIN_INVALID` where a check fails; `STATEMENT_CERTIFICATE_MALFORMED` where extensions
   * that were not read yet are not well-formed. The message names the certificate, by its place and
   * name, and the check.
   */
  static async verify(
    chain: readonly Certificate[],
    anchors: readonly Certificate[],
    options: PathOptions,
  ): Promise<CertificatePath> {
    const [leaf] = chain;
    if (leaf === undefined) throw untrusted("there is no certificate");
    if (!Number.isFinite(options.time)) throw new TypeError("time is not a number of seconds");
    requireLinks(chain);
    const paths = candidatesOf(chain, anchors).map((anchor) =>
      endsIn(chain, anchor) ? chain : [...chain, anchor],
    );
    const current = await sound(paths, (path) => {
      requireOutline(path, options.time);
    });
    // The anchor signed the end of the chain, or is the end of it.
    const signed = await sound(current, async (path) => {
      if (path.length > chain.length) await requireSignature(path, chain.length - 1);
    });
    const rooted = await sound(signed, requireAnchor);
    const comparisons = await descend(chain, rooted, options.usages ?? SIGNER_USAGES);
    const kept = await sound(rooted, (path) => {
      if (path.length > chain.length) requireKeptNames(path, path.length - 1, comparisons);
    });
    return new CertificatePath(leaf, kept[0] ?? chain);
  }
}

type Path = readonly Certificate[];

/** Yields the paths on which a check holds, or throws the refusal of the first. */
async function sound(
  paths: readonly Path[],
  check: (path: Path) => void | Promise<void>,
): Promise<readonly Path[]> {
  const held: Path[] = [];
  let refusal: StatementError | undefined;
  for (const path of paths) {
    try {
      await check(path);
      held.push(path);
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      refusal ??= error;
    }
  }
  if (held.length === 0) throw refusal ?? untrusted("there is no trust anchor");
  return held;
}

/**
 * Verifies and judges the certificates of a chain from its end down, whose signature holds; yields
 * how often names of them were held against constraints of them.
 */
async function descend(
  chain: Path,
  [path = chain]: readonly Path[],
  usages: readonly KeyUsage[],
): Promise<number> {
  let comparisons = 0;
  for (let place = chain.length - 1; place >= 0; place--) {
    if (place < chain.length - 1) await requireSignature(path, place);
    open(path, place);
    if (place === 0) requireUsage(path, usages);
    else requireIssuer(path, place);
  }
  for (let place = chain.length - 1; place > 0; place--) {
    comparisons = requireKeptNames(path, place, comparisons);
  }
  return comparisons;
}

// What can be said of a chain before it is known where it leads.
function requireLinks(chain: readonly Certificate[]): void {
  if (chain.length > MAX_PATH_LENGTH) {
    const count = `${chain.length} certificates, want ${MAX_PATH_LENGTH} at most`;
    throw refusedAt(chain, MAX_PATH_LENGTH, count);
  }
  const [leaf] = chain;
  if (leaf !== undefined && isSelfIssued(leaf)) {
    throw refusedAt(chain, 0, "the leaf names itself as its issuer");
  }
  requireDistinct(chain);
  for (const [place, issuer] of chain.entries()) {
    const subject = chain[place - 1];
    if (subject !== undefined) requireNamed(chain, place - 1, issuer);
  }
}

// RFC 5280 §6.1: no certificate appears twice; neither does one name with one key, in whatever
// certificates.
function requireDistinct(path: Path): void {
  const seen = new Set<string>();
  for (const [place, certificate] of path.entries()) {
    const name = certificate.subject.canonical.join("|");
    const identity = `${certificate.publicKey.thumbprintHex} ${name}`;
    if (seen.has(identity)) throw refusedAt(path, place, "the same name and key is there twice");
    seen.add(identity);
  }
}

// RFC 5280 §6.1.3 (a)(4). The key identifiers only help to find an issuer there; where both are
// given and differ, another key of that name is meant.
function requireNamed(path: Path, place: number, issuer: Certificate): void {
  const subject = path[place];
  if (subject === undefined) return;
  if (!isSameName(subject.issuer, issuer.subject)) {
    throw refusedAt(path, place, `its issuer is not ${issuer.label}`);
  }
  if (!isSameKeyId(subject, issuer)) {
    throw refusedAt(path, place, `its issuer's key identifier is not that of ${issuer.label}`);
  }
}

/** Yields the anchors that the chain may end in, by name and key identifier. Not empty. */
function candidatesOf(
  chain: readonly Certificate[],
  anchors: readonly Certificate[],
): readonly Certificate[] {
  const last = chain.at(-1);
  if (last === undefined) return [];
  const place = chain.length - 1;
  const included = anchors.find((anchor) => endsIn(chain, anchor));
  if (included !== undefined) {
    if (place > 0) return [included];
    throw refusedAt(chain, 0, "a trust anchor cannot sign as a leaf");
  }
  const named = anchors.filter((anchor) => isSameName(last.issuer, anchor.subject));
  const [first] = named;
  if (first === undefined) {
    requireNothingBehind(chain, anchors);
    throw untrusted(`${nameAt(chain, place)}: no trust anchor has the name of its issuer`);
  }
  const candidates = named.filter((anchor) => isSameKeyId(last, anchor));
  if (candidates.length === 0) requireNamed(chain, place, first);
  return candidates.slice(0, MAX_CANDIDATES);
}

function requireNothingBehind(
  chain: readonly Certificate[],
  anchors: readonly Certificate[],
): void {
  const place = chain.findIndex((one) => anchors.some((anchor) => endsIn([one], anchor)));
  if (place > 0) throw refusedAt(chain, place + 1, "it stands behind a trust anchor");
}

function endsIn(chain: readonly Certificate[], anchor: Certificate): boolean {
  const last = chain.at(-1);
  return last !== undefined && encodeHex(last.der) === encodeHex(anchor.der);
}

function isSameKeyId({ keyIds: { authority } }: Certificate, issuer: Certificate): boolean {
  const { subject } = issuer.keyIds;
  if (authority === undefined || subject === undefined) return true;
  return encodeHex(authority) === encodeHex(subject);
}

// RFC 5280 §6.1.3 and §6.1.4, what needs neither signatures nor extensions.
function requireOutline(path: Path, time: number): void {
  if (path.length > MAX_PATH_LENGTH) {
    const count = `path of ${path.length} certificates, want ${MAX_PATH_LENGTH} at most`;
    throw refusedAt(path, MAX_PATH_LENGTH, count);
  }
  requireDistinct(path);
  for (const place of path.keys()) requireCurrent(path, place, time);
}

function requireAnchor(path: Path): void {
  open(path, path.length - 1);
  requireIssuer(path, path.length - 1);
}

/** Reads what the extensions of a certificate say that an issuer was seen to have signed. */
function open(path: Path, place: number): void {
  const certificate = path[place];
  if (certificate === undefined) return;
  try {
    certificate.open();
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw new StatementError(cause.code, `${nameAt(path, place)}: ${cause.message}`, { cause });
  }
  // RFC 5280 §6.1.4 (o), §6.1.5 (f): also of policies, which are not processed.
  const [unknown] = certificate.extensions.unknownCritical;
  if (unknown !== undefined) {
    throw refusedAt(path, place, `critical extension ${unknown} is not known`);
  }
}

function requireCurrent(path: Path, place: number, time: number): void {
  const certificate = path[place];
  if (certificate === undefined) return;
  // RFC 5280 §6.1.3 (a)(2)
  if (time < certificate.notBefore) throw refusedAt(path, place, "it is not yet valid");
  // The last second counts to its end.
  if (Math.floor(time) > certificate.notAfter) throw refusedAt(path, place, "it has expired");
}

function requireUsage(path: Path, usages: readonly KeyUsage[]): void {
  const allowed = path[0]?.extensions.keyUsage;
  if (allowed === undefined || usages.some((usage) => allowed.has(usage))) return;
  throw refusedAt(path, 0, `its key usage does not allow ${usages.join(" or ")}`);
}

function requireIssuer(path: Path, place: number): void {
  const { extensions, version } = path[place] ?? {};
  // RFC 5280 §6.1.4 (k)
  if (version !== 3 || extensions?.basicConstraints?.isCa !== true) {
    throw refusedAt(path, place, "it is not a CA");
  }
  // RFC 5280 §6.1.4 (n)
  if (extensions.keyUsage?.has("keyCertSign") === false) {
    throw refusedAt(path, place, "its key usage does not allow keyCertSign");
  }
  // RFC 5280 §6.1.4 (l), (m)
  const { pathLength } = extensions.basicConstraints;
  const below = path.slice(1, place).filter((issuer) => !isSelfIssued(issuer)).length;
  if (pathLength !== undefined && below > pathLength) {
    throw refusedAt(path, place, `path length is ${pathLength}, and ${below} CAs follow`);
  }
}

// RFC 5280 §6.1.3 (b), (c): what the issuer at `place` says of all below, self-issued ones apart
// that are not the leaf. Yields the comparisons made so far.
function requireKeptNames(path: Path, place: number, before: number): number {
  const issuer = path[place];
  const constraints = issuer?.extensions.nameConstraints;
  if (issuer === undefined || constraints === undefined) return before;
  let comparisons = before;
  for (const [index, certificate] of path.slice(0, place).entries()) {
    if (index > 0 && isSelfIssued(certificate)) continue;
    const { subject, extensions } = certificate;
    const names = { subject, subjectAltName: extensions.subjectAltName };
    comparisons += comparisonsOf(constraints, names);
    if (comparisons > MAX_COMPARISONS) {
      const count = `more than ${MAX_COMPARISONS} names times name constraints`;
      throw refusedAt(path, index, `${count}, up to those of ${issuer.label}`);
    }
    const violation = findViolation(constraints, names);
    if (violation !== undefined) {
      throw refusedAt(path, index, `${violation} by the name constraints of ${issuer.label}`);
    }
  }
  return comparisons;
}

// RFC 5280 §6.1.3 (a)(1)
async function requireSignature(path: Path, place: number): Promise<void> {
  const [certificate, issuer] = [path[place], path[place + 1]];
  if (certificate === undefined || issuer === undefined) return;
  try {
    await certificate.verifySignature(issuer);
  } catch (cause) {
    if (!(cause instanceof StatementError)) throw cause;
    throw invalid(`${nameAt(path, place)}: ${cause.message}`, { cause });
  }
}

function isSelfIssued({ subject, issuer }: Certificate): boolean {
  return isSameName(subject, issuer);
}

function nameAt(path: Path, place: number): string {
  return `certificate ${place} (${path[place]?.label ?? "none"})`;
}

function refusedAt(path: Path, place: number, check: string): StatementError {
  return invalid(`${nameAt(path, place)}: ${check}`);
}

function invalid(message: string, options?: ErrorOptions): StatementError {
  return new StatementError("STATEMENT_CHAIN_INVALID", message, options);
}

function untrusted(message: string): StatementError {
  return new StatementError("STATEMENT_CHAIN_UNTRUSTED", message);
}
