import { join } from "node:path";

import type { AuditTrust, LogSource } from "@tallystick/auditor";
import { ClientError, ServiceClient } from "@tallystick/client";
import type { ServiceVersion } from "@tallystick/client";
import { formatThumbprint } from "@tallystick/cose";
import type { ReadPath } from "@tallystick/mirror";
import { ReceiptError, SignedCheckpoint, VDS, decodeChainLink } from "@tallystick/receipt";
import type { TrustStore } from "@tallystick/verifier";

import { readAccess, refuseAccess } from "./access.js";
import type { AccessOptions } from "./access.js";
import { ServiceDirectory } from "./directory.js";
import { CliError } from "./error.js";
import { isThere } from "./file.js";
import { openStore } from "./opening.js";
import { addressPath, folderPath } from "./read-path.js";
import { verifyingKeys } from "./receipt-keys.js";
import { readTrust } from "./trustfile.js";
import { demandedBy } from "./witness-policy.js";
import type { DemandOptions } from "./witness-policy.js";
import { readWitnessed } from "./witnessed.js";

/** Longest time to wait for a file of the read path. */
const TIMEOUT_MS = 30_000;

/** A log to be audited, with what is known of it beforehand. */
export interface Auditee {
  readonly source: LogSource;
  readonly trust: AuditTrust;
  /** Which keys checkpoints are held against. */
  readonly keys: readonly AuditedKey[];
  /** Checks what is there beside the log itself, of entries from an index on; MirrorError. */
  readonly check: (from: number) => Promise<void>;
  /** Size of the note that has the quorum of a policy; `undefined` where none was demanded. */
  readonly witnessed?: number | undefined;
  readonly close: () => Promise<void>;
}

/** A key that checkpoints of a log are held against. */
export interface AuditedKey {
  readonly thumbprint: string;
  /** The trust file that pins it; nothing vouches for a directory's own. */
  readonly pinnedIn: string | undefined;
}

/** Where a log is, and what pins its keys. */
export interface AuditeeOptions extends AccessOptions, DemandOptions {
  readonly dir?: string | undefined;
  readonly service?: string | undefined;
  readonly trust?: string | undefined;
}

/**
 * Opens a log to be audited.
 *
 * @throws {@link CliError} `CLI_USAGE`, `CLI_DIRECTORY_INVALID`, `CLI_DIRECTORY_IN_USE`,
 * `CLI_FILE_FAILED`; VerifierError, ClientError, LogError, MirrorError
 */
export async function openAuditee(options: AuditeeOptions): Promise<Auditee> {
  const { dir, service, trust, witnessPolicy } = options;
  if (witnessPolicy !== undefined && dir !== undefined && !(await isReadPath(dir))) {
    throw new CliError("CLI_USAGE", "--witness-policy goes with --service, an export or a mirror");
  }
  if (dir !== undefined && service === undefined) {
    refuseAccess(options);
    return openDirectory(dir, options);
  }
  if (dir !== undefined || service === undefined) {
    throw new CliError("CLI_USAGE", "want either a directory or --service");
  }
  if (trust === undefined) {
    throw new CliError("CLI_USAGE", "want --trust: a service does not vouch for its own keys");
  }
  return openAddress(service, trust, options);
}

async function openAddress(
  service: string,
  trust: string,
  options: AuditeeOptions,
): Promise<Auditee> {
  const access = await readAccess(service, options);
  const client = new ServiceClient(service, access);
  const path = addressPath(service, { ...access, timeoutMs: TIMEOUT_MS });
  const pins = await readTrust(trust);
  const named = await replayable(client);
  if (named === undefined) return openFiles(path, trust, options);
  const pinned = pinnedFor(pins, trust, named);
  const witnesses = await demandedBy(options);
  const source = sourceOf(client, pinned.trust);
  const auditee = { ...pinned, check: nothing, close: nothing };
  if (witnesses === undefined) return { ...auditee, source };
  const heads = await readWitnessed(path, { trust: pins, witnesses });
  const { record, signed } = heads.newest;
  // It extends what witnesses cosigned, and the audit holds the whole log against it.
  const newest = { size: signed.checkpoint.size, record };
  return {
    ...{ ...auditee, witnessed: heads.published.signed.checkpoint.size },
    source: { ...source, newest: () => Promise.resolve(newest) },
  };
}

const nothing = (): Promise<void> => Promise.resolve();

/** Yields whose log a service says that it can be asked to replay; `undefined` where files are all there is. */
async function replayable(client: ServiceClient): Promise<ServiceVersion | undefined> {
  try {
    const version = await client.version();
    const entries = client.replayEntries(0);
    await entries.next();
    // The rest of the bundle is not asked for.
    await entries.return();
    return version;
  } catch (error) {
    if (error instanceof ClientError && isOfFiles(error)) return undefined;
    throw error;
  }
}

// A web server has no bundles of a replay, and may not know of what type the files are.
function isOfFiles({ code, refusal }: ClientError): boolean {
  if (code === "CLIENT_PROTOCOL") return true;
  return code === "CLIENT_REFUSED" && (refusal?.status === 404 || refusal?.status === 410);
}

function sourceOf(client: ServiceClient, { receiptKeys }: AuditTrust): LogSource {
  return {
    newest: async () => {
      const record = await client.latestCheckpoint();
      return { size: await sizeIn(record, receiptKeys), record };
    },
    entries: (bundle) => client.replayEntries(bundle),
    checkpoints: (bundle) => client.replayCheckpoints(bundle),
  };
}

// The size is what the checkpoint says, once one of the pinned keys has signed it.
async function sizeIn(record: Uint8Array, keys: AuditTrust["receiptKeys"]): Promise<number> {
  const { checkpoint } = decodeChainLink(record);
  for (const key of keys) {
    try {
      return (await SignedCheckpoint.verify(checkpoint, key)).checkpoint.size;
    } catch (error) {
      if (!(error instanceof ReceiptError)) throw error;
    }
  }
  // The audit says so with its own words, whatever the size.
  return 0;
}

/** Yields whether a folder is an export or a mirror. */
// A service directory has no checkpoint on its top, and nothing else that is served has a config.json.
export async function isReadPath(dir: string): Promise<boolean> {
  return (await isThere(join(dir, "checkpoint"))) && !(await isThere(join(dir, "config.json")));
}

function openFolder(dir: string, options: AuditeeOptions): Promise<Auditee> {
  const { trust } = options;
  if (trust === undefined) {
    throw new CliError("CLI_USAGE", "want --trust: a copy does not vouch for its own keys");
  }
  return openFiles(folderPath(dir), trust, options);
}

async function openFiles(path: ReadPath, trust: string, demand: DemandOptions): Promise<Auditee> {
  const { checkFolder, folderToAudit } = await import("./folder-source.js");
  const pins = { trust: await readTrust(trust), witnesses: await demandedBy(demand) };
  const { source, issuer, origin, published } = await folderToAudit(path, pins);
  const pinned = pinnedFor(pins.trust, trust, { issuer, origin });
  const witnessed = pins.witnesses === undefined ? undefined : published;
  const check = (from: number): Promise<void> => checkFolder(path, from, pins);
  return { source, ...pinned, witnessed, check, close: nothing };
}

async function openDirectory(dir: string, options: AuditeeOptions): Promise<Auditee> {
  if (await isReadPath(dir)) return openFolder(dir, options);
  const { trust } = options;
  const { replayLog } = await import("@tallystick/log");
  const directory = await ServiceDirectory.open(dir);
  const { issuer, origin } = directory.config;
  const pinned =
    trust === undefined
      ? await ownKey(directory)
      : pinnedFor(await readTrust(trust), trust, { issuer, origin });
  const store = await openStore(directory, "in use by a running server, use --service");
  try {
    const source = await replayLog(store);
    return { source, ...pinned, check: nothing, close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}

type Pinned = Pick<Auditee, "trust" | "keys">;

async function ownKey(directory: ServiceDirectory): Promise<Pinned> {
  const { issuer, origin } = directory.config;
  const receiptKeys = await verifyingKeys(directory);
  return {
    trust: { receiptKeys, issuer, origin },
    keys: receiptKeys.map((key) => ({ thumbprint: formatThumbprint(key), pinnedIn: undefined })),
  };
}

function pinnedFor(
  store: TrustStore,
  path: string,
  { issuer, origin }: { readonly issuer: string; readonly origin: string },
): Pinned {
  const found = store.services.find(
    (one) => one.issuer === issuer && one.origin === origin && one.vds === VDS.rfc9162Sha256,
  );
  if (found === undefined) {
    const message = `${path} pins no keys of ${issuer}, log ${origin}`;
    throw new CliError("CLI_SERVICE_INCONSISTENT", message);
  }
  return {
    trust: {
      ...{ receiptKeys: found.keys, issuer, origin },
      // Smaller checkpoints than the newest are chained to it: an audit sees that for itself.
      requireWithin: (key, checkpoint) => {
        const cutoff = found.cutoffs[found.keys.indexOf(key)];
        if (cutoff === undefined || checkpoint.size < cutoff.size) return;
        store.requireWithin(issuer, key, checkpoint);
      },
      // Nothing vouches for the newest but its key: a thief has that, and a rollback needs no more.
      requireNewest: (key, checkpoint) => {
        store.requireWithin(issuer, key, checkpoint);
      },
    },
    keys: found.keys.map((key) => ({ thumbprint: formatThumbprint(key), pinnedIn: path })),
  };
}
