import type { Command } from "commander";
import { ClientError, ServiceClient } from "@tallystick/client";
import { formatThumbprint } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import { TrustStore, VerifierError } from "@tallystick/verifier";
import type { Cutoff } from "@tallystick/verifier";

import { readAccess, withAccess } from "../access.js";
import type { Access, AccessOptions } from "../access.js";
import { CliError } from "../error.js";
import { codeOf, writeWhole } from "../file.js";
import { checkNote } from "../note-check.js";
import type { Output } from "../output.js";
import { trustedIssuers } from "../policy-issuers.js";
import { policiesOfService, readPolicy } from "../policy-place.js";
import { isSameKey } from "../receipt-keys.js";
import type { Session } from "../session.js";
import { factsBeyond, pinnedOf, trustFacts } from "../trust-facts.js";
import { readTrust } from "../trustfile.js";

interface TrustExportOptions extends AccessOptions {
  readonly service: string;
  readonly out: string;
}

export function addTrustExport(trust: Command, session: Session): void {
  const command = trust
    .command("export")
    .description("pin the keys that a service has now, and whom its policy admits, on first use")
    .requiredOption("--service <url>", "transparency service")
    .requiredOption("--out <trust.json>", "trust file to write")
    .option("--json", "print the result as one JSON object");
  withAccess(command).action(async ({ service, out, ...options }: TrustExportOptions) => {
    const access = await readAccess(service, options);
    const client = new ServiceClient(service, access);
    const pin = await makePin(client);
    const { text, trust: pinned } = pin;
    for (const pinnedService of pinned.services) await checkNote(client, pinnedService);
    await checkReceipt({ url: service, access }, pin, session.output);
    const kept = await requireUnchanged(out, pin, session.output);
    if (kept === undefined) await writeWhole(out, text);
    const done = kept === undefined ? `wrote ${out}` : `kept ${out}, which ${kept}`;
    if (session.isJson) session.output.printJson({ file: out, ...pinnedOf(pinned) });
    describePins(pinned, { out, done }, session);
  });
}

interface Pin {
  readonly text: string;
  readonly trust: TrustStore;
  /** The entry that put the policy in force. */
  readonly entryId: string;
  readonly index: number;
  /** The receipt keys that the policy names; none where it leaves that to the log's first. */
  readonly named: readonly PublicKey[];
}

async function makePin(client: ServiceClient): Promise<Pin> {
  const { issuer, origin, note } = await client.version();
  const { entryId, index } = await client.policy();
  const { policy } = await readPolicy(policiesOfService(client), entryId);
  const { receiptKeys: named = [] } = policy;
  const keys = (await client.keys()).map((key) => pinOf(key, named, index));
  const service = { issuer, origin, keys, ...(note === undefined ? {} : { note }) };
  const issuers = trustedIssuers(policy.document, { origin, index });
  const text = `${JSON.stringify({ services: [service], ...issuers, requireReceipts: 1 }, null, 2)}\n`;
  try {
    return { text, trust: TrustStore.parse(text), entryId, index, named };
  } catch (cause) {
    if (!(cause instanceof VerifierError)) throw cause;
    const message = `the keys of the service cannot be pinned: ${cause.message}`;
    throw new CliError("CLI_SERVICE_INCONSISTENT", message, { cause });
  }
}

// T23: what the policy drops has signed no tree with its entry in it, and whoever gets hold of it later
// must not sign others for whoever pins it.
function pinOf(key: PublicKey, named: readonly PublicKey[], index: number): object {
  const jwk = key.toJwk();
  if (named.length === 0 || isAmong(key, named)) return jwk;
  return { ...jwk, until: { size: Math.max(index, 1), reason: "replaced" } };
}

function isAmong(key: PublicKey, keys: readonly PublicKey[]): boolean {
  return keys.some((one) => isSameKey(one, key));
}

// A receipt has to hold under what is about to be pinned, or the pins would be of no use; and it has
// to be of the entry that the issuers were read from.
async function checkReceipt(
  { url, access }: { readonly url: string; readonly access: Access },
  { trust, entryId, index }: Pin,
  output: Output,
): Promise<void> {
  // A log of one entry, the first policy, has no receipt; waiting for one would be in vain.
  const isFirst = index === 0;
  const client = new ServiceClient(url, {
    ...access,
    trust,
    ...(isFirst ? { patienceMs: 0 } : {}),
  });
  try {
    await client.receipt(entryId);
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    if (error.code === "CLIENT_RECEIPT_INVALID") {
      const message = `a receipt of the service does not hold under its own keys: ${error.message}`;
      throw new CliError("CLI_SERVICE_INCONSISTENT", message, { cause: error });
    }
    if (!isFirst || error.code !== "CLIENT_UNAVAILABLE") throw error;
    output.note("warning: the log has a single entry and no receipt yet, the keys are unproven");
  }
}

// Yields why what is there is to be kept. Pins are made to last: other keys under the same file name are a matter for a person.
async function requireUnchanged(
  out: string,
  { trust: pinned, named }: Pin,
  output: Output,
): Promise<string | undefined> {
  const existing = await readExisting(out);
  if (existing === undefined) return undefined;
  const known = cutoffsOf(existing);
  const retires = known.size > 0;
  const carry = retires ? `. It retires a key: carry its "until" over` : "";
  // What a policy has announced signs nothing yet, and is in no key set.
  const isExtra = (key: PublicKey): boolean => isAmong(key, named) && !isAmong(key, keysOf(pinned));
  const isOther = pinsOf(existing, isExtra) !== pinsOf(pinned);
  const hasOthers =
    JSON.stringify(existing.issuersDocument) !== JSON.stringify(pinned.issuersDocument);
  if (isOther || hasOthers) {
    const [there, here] = [trustFacts(existing), trustFacts(pinned)];
    for (const line of factsBeyond(there, here)) output.note(`  only in ${out}: ${line}`);
    for (const line of factsBeyond(here, there)) output.note(`  only at the service: ${line}`);
  }
  if (isOther) {
    throw new CliError(
      "CLI_TRUST_CHANGED",
      `${out} pins something else; compare, and remove it first to pin these keys${carry}`,
    );
  }
  if (hasOthers) {
    throw new CliError(
      "CLI_TRUST_CHANGED",
      `${out} has other issuers than the policy in force; compare, and remove it first to have these${carry}`,
    );
  }
  // A cutoff is the file's own: the service says nothing of it.
  if (retires) return "retires a key";
  return keysOf(existing).some(isExtra) ? "pins a key that is announced too" : undefined;
}

function keysOf({ services }: TrustStore): readonly PublicKey[] {
  return services.flatMap(({ keys }) => keys);
}

function cutoffsOf({ services }: TrustStore): ReadonlyMap<PublicKey, Cutoff> {
  const all = services.flatMap(({ keys, cutoffs }) =>
    keys.map((key, at) => [key, cutoffs[at]] as const),
  );
  return new Map(all.flatMap(([key, cutoff]) => (cutoff === undefined ? [] : [[key, cutoff]])));
}

async function readExisting(path: string): Promise<TrustStore | undefined> {
  try {
    return await readTrust(path);
  } catch (error) {
    if (error instanceof CliError && codeOf(error.cause) === "ENOENT") return undefined;
    throw error;
  }
}

function pinsOf(trust: TrustStore, isExtra: (key: PublicKey) => boolean = () => false): string {
  const services = trust.services.map(({ issuer, origin, keys, note }) => ({
    issuer,
    origin,
    note: note?.format(),
    keys: keys
      .filter((key) => !isExtra(key))
      .map((key) => formatThumbprint(key))
      .sort(),
  }));
  return JSON.stringify([services, trust.requireReceipts]);
}

function describePins(
  trust: TrustStore,
  { out, done }: { readonly out: string; readonly done: string },
  { output, isJson }: Session,
): void {
  const { services, issuers, issuersDocument } = trust;
  const cutoffs = cutoffsOf(trust);
  for (const { issuer, origin, keys, note } of services) {
    output.note(`${done}: ${issuer}, log ${origin}`);
    for (const key of keys) {
      const thumbprint = formatThumbprint(key);
      if (!isJson) output.print(`thumbprint: ${thumbprint}`);
      const size = cutoffs.get(key)?.size;
      if (size !== undefined) {
        output.note(`the policy names ${thumbprint} no more: it counts up to size ${size}`);
      }
    }
    if (note !== undefined && !isJson) output.print(`note key: ${note.format()}`);
  }
  if (issuers === undefined) {
    output.note(
      `WARNING: the first policy of the log admits nobody yet, so ${out} names no issuers: ` +
        "whoever signed a statement is not checked under it; export again once issuers are admitted",
    );
  } else {
    const { issuers: named = [], anchors = [], selfContained = [] } = issuersDocument;
    output.note(
      `as the policy in force has them: ${named.length} issuers by key, ` +
        `${anchors.length} certificate authorities, ${selfContained.length} DID methods`,
    );
  }
  output.note("this is trust on first use: compare what is printed with the operator");
}
