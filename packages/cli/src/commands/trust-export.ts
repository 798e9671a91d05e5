import type { Command } from "commander";
import { ClientError, ServiceClient } from "@tallystick/client";
import { encodeBase64url } from "@tallystick/cose";
import { TrustStore, VerifierError } from "@tallystick/verifier";

import { readAccess, withAccess } from "../access.js";
import type { Access, AccessOptions } from "../access.js";
import { CliError } from "../error.js";
import { codeOf, writeWhole } from "../file.js";
import { checkNote } from "../note-check.js";
import type { Output } from "../output.js";
import { trustedIssuers } from "../policy-issuers.js";
import { policiesOfService, readPolicy } from "../policy-place.js";
import type { Session } from "../session.js";
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
    .requiredOption("--out <trust.json>", "trust file to write");
  withAccess(command).action(async ({ service, out, ...options }: TrustExportOptions) => {
    const access = await readAccess(service, options);
    const client = new ServiceClient(service, access);
    const pin = await makePin(client);
    const { text, trust: pinned } = pin;
    for (const pinnedService of pinned.services) await checkNote(client, pinnedService);
    await checkReceipt({ url: service, access }, pin, session.output);
    const isKept = await requireUnchanged(out, pinned);
    // A cutoff is the file's own: the service says nothing of it.
    if (!isKept) await writeWhole(out, text);
    const done = isKept ? `kept ${out}, which retires a key` : `wrote ${out}`;
    describePins(pinned, { out, done }, session.output);
  });
}

interface Pin {
  readonly text: string;
  readonly trust: TrustStore;
  /** The entry that put the policy in force. */
  readonly entryId: string;
  readonly index: number;
}

async function makePin(client: ServiceClient): Promise<Pin> {
  const { issuer, origin, note } = await client.version();
  const keys = await client.keys();
  const jwks = keys.map((key) => key.toJwk());
  const service = { issuer, origin, keys: jwks, ...(note === undefined ? {} : { note }) };
  const { entryId, index } = await client.policy();
  const { policy } = await readPolicy(policiesOfService(client), entryId);
  const issuers = trustedIssuers(policy.document, { origin, index });
  const text = `${JSON.stringify({ services: [service], ...issuers, requireReceipts: 1 }, null, 2)}\n`;
  try {
    return { text, trust: TrustStore.parse(text), entryId, index };
  } catch (cause) {
    if (!(cause instanceof VerifierError)) throw cause;
    const message = `the keys of the service cannot be pinned: ${cause.message}`;
    throw new CliError("CLI_SERVICE_INCONSISTENT", message, { cause });
  }
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

// Yields whether what is there is to be kept. Pins are made to last: other keys under the same file name are a matter for a person.
async function requireUnchanged(out: string, pinned: TrustStore): Promise<boolean> {
  const existing = await readExisting(out);
  if (existing === undefined) return false;
  const retires = existing.services.some(({ cutoffs }) => cutoffs.some((one) => one !== undefined));
  const carry = retires ? `. It retires a key: carry its "until" over` : "";
  if (pinsOf(existing) !== pinsOf(pinned)) {
    throw new CliError(
      "CLI_TRUST_CHANGED",
      `${out} pins something else; compare, and remove it first to pin these keys${carry}`,
    );
  }
  if (JSON.stringify(existing.issuersDocument) === JSON.stringify(pinned.issuersDocument)) {
    return retires;
  }
  throw new CliError(
    "CLI_TRUST_CHANGED",
    `${out} has other issuers than the policy in force; compare, and remove it first to have these${carry}`,
  );
}

async function readExisting(path: string): Promise<TrustStore | undefined> {
  try {
    return await readTrust(path);
  } catch (error) {
    if (error instanceof CliError && codeOf(error.cause) === "ENOENT") return undefined;
    throw error;
  }
}

function pinsOf(trust: TrustStore): string {
  const services = trust.services.map(({ issuer, origin, keys, note }) => ({
    issuer,
    origin,
    note: note?.format(),
    keys: keys.map((key) => encodeBase64url(key.thumbprint())).sort(),
  }));
  return JSON.stringify([services, trust.requireReceipts]);
}

function describePins(
  trust: TrustStore,
  { out, done }: { readonly out: string; readonly done: string },
  output: Output,
): void {
  const { services, issuers, issuersDocument } = trust;
  for (const { issuer, origin, keys, note } of services) {
    output.note(`${done}: ${issuer}, log ${origin}`);
    for (const key of keys) {
      output.print(`thumbprint: ${encodeBase64url(key.thumbprint())}`);
    }
    if (note !== undefined) output.print(`note key: ${note.format()}`);
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
