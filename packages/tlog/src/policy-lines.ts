import { encodeBase64url } from "@tallystick/cose";

import { TlogError } from "./error.js";
import { decodeText } from "./text.js";
import { SIGNATURE_TYPES, VerifierKey } from "./verifier-key.js";

/** A log of a policy, with where it is if the policy says so. */
export interface PolicyLog {
  readonly key: VerifierKey;
  readonly url?: string;
}

/** A witness of a policy, by its name in the policy. */
export interface PolicyWitness {
  readonly name: string;
  readonly key: VerifierKey;
  readonly url?: string;
}

/** A witness by name, or a group of which so many members have to be met. */
export type Quorum = string | { readonly threshold: number; readonly members: readonly Quorum[] };

const MAX_BYTES = 1_048_576;
const MAX_LINES = 4096;
/** Most logs, witnesses and groups, each; the specification recommends 32 at least. */
const MAX_EACH = 128;
const NONE: Quorum = { threshold: 0, members: [] };

interface Reading {
  readonly logs: PolicyLog[];
  readonly witnesses: PolicyWitness[];
  /** What can be a member or the quorum: witnesses and groups share their names. */
  readonly defined: Map<string, Quorum>;
  readonly members: Set<string>;
  quorum: Quorum | undefined;
}

/** Yields the parts of a policy file. */
export function readPolicy(
  bytes: Uint8Array,
): Readonly<Pick<Reading, "logs" | "witnesses">> & { readonly quorum: Quorum } {
  if (bytes.length > MAX_BYTES) throw malformed("policy is larger than 1 MiB");
  const lines = linesOf(bytes);
  const reading: Reading = {
    ...{ logs: [], witnesses: [], defined: new Map<string, Quorum>() },
    ...{ members: new Set<string>(), quorum: undefined },
  };
  lines.forEach((line, at) => {
    try {
      readLine(line, reading);
    } catch (cause) {
      if (!(cause instanceof TlogError)) throw cause;
      throw malformed(`line ${at + 1}: ${cause.message}`, { cause });
    }
  });
  const { logs, witnesses, quorum } = reading;
  if (quorum === undefined) throw malformed("policy has no quorum line");
  return { logs, witnesses, quorum };
}

// Octets beyond ASCII are opaque: one character stands for each, so that no two names that differ
// are taken for one, and no encoding of a comment refuses the file.
function linesOf(bytes: Uint8Array): readonly string[] {
  let text = "";
  for (const byte of bytes) {
    if ((byte < 0x20 && byte !== 0x09 && byte !== 0x0a) || byte === 0x7f) {
      throw malformed("policy has a control character");
    }
    text += String.fromCharCode(byte);
  }
  if (!text.endsWith("\n")) throw malformed("last line of the policy has no end");
  const lines = text.slice(0, -1).split("\n");
  if (lines.length > MAX_LINES) throw malformed(`policy has more than ${MAX_LINES} lines`);
  return lines;
}

function readLine(line: string, reading: Reading): void {
  const items = line.split(/[\t ]+/).filter((item) => item !== "");
  const [keyword, ...rest] = items;
  if (keyword === undefined || keyword.startsWith("#")) return;
  if (keyword === "log") readLog(rest, reading);
  else if (keyword === "witness") readWitness(rest, reading);
  else if (keyword === "group") readGroup(rest, reading);
  else if (keyword === "quorum") readQuorum(rest, reading);
  else throw malformed("want log, witness, group or quorum");
}

function readLog([vkey, url, ...more]: readonly string[], { logs }: Reading): void {
  if (vkey === undefined || more.length > 0) throw malformed("want: log <vkey> [<url>]");
  const key = VerifierKey.parse(textOf(vkey));
  requireNew(key, logs);
  logs.push({ key, ...(url !== undefined && { url: textOf(url) }) });
}

function readWitness([name, vkey, url, ...more]: readonly string[], reading: Reading): void {
  if (name === undefined || vkey === undefined || more.length > 0) {
    throw malformed("want: witness <name> <vkey> [<url>]");
  }
  const { witnesses, logs } = reading;
  const key = VerifierKey.parse(textOf(vkey));
  if (!SIGNATURE_TYPES[key.type].hasTime) throw malformed("the key of a witness does not cosign");
  requireNew(key, witnesses);
  if (logs.some((log) => isCollision(log.key, key))) throw malformed("key id of a log's key");
  define(name, name, reading);
  witnesses.push({ name, key, ...(url !== undefined && { url: textOf(url) }) });
}

function readGroup([name, count, ...names]: readonly string[], reading: Reading): void {
  if (name === undefined || count === undefined || names.length === 0) {
    throw malformed("want: group <name> <k|any|all> <name>...");
  }
  const members = names.map((member) => {
    const found = reading.defined.get(member);
    if (found === undefined) throw malformed("a member is not defined before");
    if (reading.members.has(member)) throw malformed("a name is a member twice");
    reading.members.add(member);
    return found;
  });
  define(name, { threshold: thresholdOf(count, members.length), members }, reading);
  if (reading.defined.size - reading.witnesses.length > MAX_EACH) {
    throw malformed(`more than ${MAX_EACH} groups`);
  }
}

function readQuorum([name, ...more]: readonly string[], reading: Reading): void {
  if (name === undefined || more.length > 0) throw malformed("want: quorum <name>");
  if (reading.quorum !== undefined) throw malformed("second quorum line");
  const quorum = name === "none" ? NONE : reading.defined.get(name);
  if (quorum === undefined) throw malformed("the quorum is not defined before");
  reading.quorum = quorum;
}

function thresholdOf(text: string, members: number): number {
  if (text === "any") return 1;
  if (text === "all") return members;
  const k = /^[1-9][0-9]{0,3}$/.test(text) ? Number(text) : 0;
  if (k >= 1 && k <= members) return k;
  throw malformed(`want any, all or a number from 1 to ${members}`);
}

function define(name: string, quorum: Quorum, { defined }: Reading): void {
  if (name === "none") throw malformed("none cannot be defined");
  if (defined.has(name)) throw malformed("the name is defined twice");
  defined.set(name, quorum);
}

function requireNew(key: VerifierKey, others: readonly { readonly key: VerifierKey }[]): void {
  if (others.length >= MAX_EACH) throw malformed(`more than ${MAX_EACH} of them`);
  const thumbprint = encodeBase64url(key.publicKey.thumbprint());
  for (const other of others) {
    const isSame = encodeBase64url(other.key.publicKey.thumbprint()) === thumbprint;
    // One holder would count twice.
    if (isSame) throw malformed("the public key is listed twice");
    if (isCollision(other.key, key)) throw malformed("two keys share name and id");
  }
}

function isCollision(one: VerifierKey, other: VerifierKey): boolean {
  return one.name === other.name && one.keyId === other.keyId && !one.equals(other);
}

function textOf(octets: string): string {
  const text = decodeText(Uint8Array.from(octets, (octet) => octet.charCodeAt(0)));
  if (text === undefined) throw malformed("a key or URL is not UTF-8");
  return text;
}

function malformed(message: string, options?: ErrorOptions): TlogError {
  return new TlogError("TLOG_POLICY_MALFORMED", message, options);
}
