import type { Command } from "commander";
import { ClientError, ServiceClient } from "@tallystick/client";
import { formatThumbprint, parseJson } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import { TrustStore, VerifierError } from "@tallystick/verifier";
import type { TrustedService } from "@tallystick/verifier";

import { readAccess, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { CliError } from "../error.js";
import { readWhole, writeWhole } from "../file.js";
import type { Output } from "../output.js";
import { policiesOfService, readPolicy } from "../policy-place.js";
import type { PolicyPlace, ReadPolicy } from "../policy-place.js";
import { isSameKey } from "../receipt-keys.js";
import type { Session } from "../session.js";
import { readTrust } from "../trustfile.js";

interface FollowOptions extends AccessOptions {
  readonly service: string;
}

export function addTrustFollow(trust: Command, session: Session): void {
  const command = trust
    .command("follow")
    .description("pin the receipt keys that a service's policy names, vouched for by a pinned key")
    .argument("<trust.json>", "trust file to change")
    .requiredOption("--service <url>", "transparency service")
    .option("--json", "print the result as one JSON object");
  withAccess(command).action(async (file: string, options: FollowOptions) => {
    const { service: url } = options;
    const access = await readAccess(url, options);
    const pinned = await readTrust(file);
    const client = new ServiceClient(url, { ...access, trust: pinned });
    const { issuer, origin } = await client.version();
    const at = pinned.services.findIndex((one) => one.issuer === issuer && one.origin === origin);
    const service = pinned.services[at];
    if (service === undefined) {
      throw new CliError("CLI_TRUST_CHANGED", `${file} pins no key of ${issuer}, log ${origin}`);
    }
    const isPinned = (key: PublicKey): boolean => service.keys.some((one) => isSameKey(one, key));
    const named = await namedKeys(client, isPinned);
    const added = named.filter((key) => !isPinned(key));
    if (added.length > 0) await writeWhole(file, withKeys(await readWhole(file), at, added));
    const { output, isJson } = session;
    const thumbprints = added.map((key) => formatThumbprint(key));
    if (isJson) output.printJson({ file, issuer, origin, thumbprints });
    else for (const thumbprint of thumbprints) output.print(`pinned: ${thumbprint}`);
    const done = added.length === 0 ? `kept ${file}: it pins` : `wrote ${file}, which now pins`;
    output.note(`${done} every receipt key that the policy of ${origin} names`);
    tellDropped(service, named, { file, output });
  });
}

/** Yields what the policy in force names, by a receipt that holds under a key that is pinned. */
async function namedKeys(
  client: ServiceClient,
  isPinned: (key: PublicKey) => boolean,
): Promise<readonly PublicKey[]> {
  const place = policiesOfService(client);
  const inForce = await readPolicy(place);
  const { receiptKeys = [] } = inForce.policy;
  if (receiptKeys.length === 0) return [];
  if (!receiptKeys.every(isPinned)) await requireSigners(place, inForce);
  try {
    await client.receipt(inForce.entryId);
  } catch (cause) {
    if (!(cause instanceof ClientError) || cause.code !== "CLIENT_RECEIPT_INVALID") throw cause;
    const message = `no pinned key vouches for the policy that names the keys: ${cause.message}`;
    throw new CliError("CLI_TRUST_CHANGED", message, { cause });
  }
  return receiptKeys;
}

// A proposal that waits is on the log as well, and an approval that others have to follow. Their entry
// shows how many operators signed at least: who proposed, and for an approval one other. Where more are
// wanted, that it put the policy in force takes the replay of all policies.
async function requireSigners(place: PolicyPlace, inForce: ReadPolicy): Promise<void> {
  const { previous } = inForce.policy.document;
  if (previous === null) return;
  const shown = inForce.proposal === inForce.entryId ? 1 : 2;
  const { policy } = await readPolicy(place, previous);
  if (policy.approvals <= shown) return;
  if (shown === 1) {
    const message = `the policy ${inForce.entryId} lacks approvals, and is not in force`;
    throw new CliError("CLI_SERVICE_INCONSISTENT", message);
  }
  const message =
    `that ${policy.approvals} operators signed the policy ${inForce.entryId} takes an audit to show: ` +
    "pin its receipt keys by hand after one (tally audit), nothing was changed";
  throw new CliError("CLI_TRUST_CHANGED", message);
}

// Announced and never used, such a key is one that nobody takes back but whoever pins it.
function tellDropped(
  { keys, cutoffs, origin }: TrustedService,
  named: readonly PublicKey[],
  { file, output }: { readonly file: string; readonly output: Output },
): void {
  if (named.length === 0) return;
  for (const [at, key] of keys.entries()) {
    if (cutoffs[at] !== undefined || named.some((one) => isSameKey(one, key))) continue;
    const kid = formatThumbprint(key);
    output.note(
      `warning: ${file} pins ${kid} without "until", which the policy of ${origin} names no more: ` +
        "retire it with tally trust retire, or where it never signed, take it out of keys",
    );
  }
}

// The file was read as a trust file before, so it has this shape; the rest of it stays as it is.
function withKeys(bytes: Uint8Array, at: number, added: readonly PublicKey[]): string {
  const document = parseJson(bytes) as {
    readonly services: readonly { readonly keys: readonly object[] }[];
  };
  const services = document.services.map((one, i) =>
    i === at ? { ...one, keys: [...one.keys, ...added.map((key) => key.toJwk())] } : one,
  );
  const text = `${JSON.stringify({ ...document, services }, null, 2)}\n`;
  try {
    TrustStore.parse(text);
  } catch (cause) {
    if (!(cause instanceof VerifierError)) throw cause;
    const message = `the keys cannot be pinned: ${cause.message}`;
    throw new CliError("CLI_TRUST_CHANGED", message, { cause });
  }
  return text;
}
