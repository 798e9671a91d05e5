import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import { ServiceClient } from "@tallystick/client";
import type { Registered } from "@tallystick/client";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { parseEntryId } from "@tallystick/statement";
import {
  TlogError,
  VerifiedNote,
  formatTlogProof,
  parseNote,
  parseTlogProof,
} from "@tallystick/tlog";
import type { Note, VerifierKey } from "@tallystick/tlog";
import { noteOf, proofOf, receiptOf, verifyWitnesses } from "@tallystick/verifier";
import type { TrustStore } from "@tallystick/verifier";

import { readAccess, refuseAccess, withAccess } from "../access.js";
import type { AccessOptions } from "../access.js";
import { CliError } from "../error.js";
import { readWhole } from "../file.js";
import { filesLog, serviceLog } from "../log-view.js";
import { addressPlace, openPlace } from "../read-path.js";
import type { ReadSource } from "../read-source.js";
import { Watch, withSeen } from "../seen.js";
import type { SeenOptions } from "../seen.js";
import { writeProduct } from "../product.js";
import type { Session } from "../session.js";
import { receiptFromTiles } from "../tile-receipt.js";
import { readTrust } from "../trustfile.js";
import { parseSeconds, parseWhole } from "../whole.js";
import { demandedBy, withDemand } from "../witness-policy.js";
import type { DemandOptions } from "../witness-policy.js";
import { readNoted } from "../witnessed.js";
import { TIMEOUT_SECONDS, tellRegistered, waiting } from "./register.js";

/** What a receipt is written as. */
type ReceiptForm = "receipt" | "tlog-proof";

interface ReceiptOptions extends AccessOptions, SeenOptions, DemandOptions {
  readonly service?: string;
  readonly out: string;
  readonly timeout: number;
  readonly fromTiles?: string;
  readonly fromProof?: string;
  readonly as: ReceiptForm;
  readonly index?: number;
  readonly size?: number;
}

export function addReceipt(program: Command, session: Session): void {
  const command = program
    .command("receipt")
    .description("fetch a fresh receipt of an entry, or assemble one from tiles")
    .argument("<entryid>", "64 lower-case hexadecimal digits", requireEntryId)
    .option("--service <url>", "transparency service")
    .option("--from-tiles <url|dir>", "a service, or its export, to assemble the receipt from")
    .option("--from-proof <file>", "a tlog-proof that --as tlog-proof has written")
    .addOption(
      new Option("--as <form>", "what to write")
        .choices(["receipt", "tlog-proof"])
        .default("receipt"),
    )
    .option("--trust <trust.json>", "pinned keys that the receipt has to hold under")
    .option("--index <n>", "where the entry stands; else it is looked for from 0 on", parseWhole)
    .option(
      "--size <n>",
      "tree size of the checkpoint, else the newest; with --from-tiles",
      parseWhole,
    )
    .requiredOption("--out <file.receipt>", "receipt to write")
    .option("--json", "print the result as one JSON object")
    .option("--timeout <s>", "longest time to wait for the service", parseSeconds, TIMEOUT_SECONDS);
  withAccess(withSeen(withDemand(command))).action(
    async (entryId: string, options: ReceiptOptions) => {
      const { fromTiles, fromProof } = options;
      if (fromProof !== undefined) await readProof(entryId, { ...options, fromProof }, session);
      else if (fromTiles === undefined) await fetchReceipt(entryId, options, session);
      else await assemble(entryId, { ...options, fromTiles }, session);
    },
  );
}

async function fetchReceipt(
  entryId: string,
  options: ReceiptOptions,
  session: Session,
): Promise<void> {
  const { service, out, timeout, index, size } = options;
  if (service === undefined) throw new CliError("CLI_USAGE", "want --service or --from-tiles");
  if (index !== undefined || size !== undefined) {
    throw new CliError("CLI_USAGE", "--index and --size go with --from-tiles");
  }
  const watch = await Watch.open(options);
  const access = await readAccess(service, options);
  const client = new ServiceClient(service, { ...access, ...waiting(timeout, watch.trust) });
  const registered = await client.receipt(entryId);
  const { path, source } = addressPlace(service, { ...access, timeoutMs: timeout * 1000 });
  const view = serviceLog(client, path);
  await watch.follow(view, session, (follower) => follower.take(registered.inclusion));
  await requireWitnessed(registered.inclusion, options);
  const { trust } = watch;
  await writeProduct(out, await formed({ ...registered, trust }, options, source), session);
  tellRegistered(registered, out, session);
}

async function assemble(
  entryId: string,
  options: ReceiptOptions & { readonly fromTiles: string },
  session: Session,
): Promise<void> {
  const { fromTiles, service, seen, out, index, size } = options;
  if (service !== undefined) throw new CliError("CLI_USAGE", "--service or --from-tiles, not both");
  const watch = await Watch.open(options);
  const { trust } = watch;
  if (trust === undefined) throw new CliError("CLI_USAGE", "--from-tiles wants --trust");
  const reading = { ...options, timeoutMs: options.timeout * 1000 };
  const place = await openPlace(fromTiles, reading);
  const { source } = place;
  const entry = entryOf(entryId);
  const made = await receiptFromTiles(source, {
    ...{ trust, entry },
    ...(index !== undefined && { index }),
    ...(size !== undefined && { size }),
  });
  const inclusion = await verifyReceipt(made.receipt, entry, trust);
  const tell = (line: string): void => {
    session.output.note(line);
  };
  const shown = { newest: made.newest, trust, ignoresCutoffs: true } as const;
  if (seen !== undefined) {
    await watch.follow(filesLog(place.path), session, async (follower) => {
      // First, for its tiles are there, and the receipt may be under a smaller tree.
      await follower.newest();
      return follower.take(inclusion);
    });
  }
  // After what was seen: a note that is broken must not keep a fork from being told.
  await watch.keeping(session, () => readNoted(place, shown, tell));
  await requireWitnessed(inclusion, options);
  const found = { receipt: made.receipt, inclusion, trust };
  await writeProduct(out, await formed(found, options, source), session);
  tellRegistered({ entryId, inclusion: made }, out, session);
}

async function readProof(
  entryId: string,
  options: ReceiptOptions & { readonly fromProof: string },
  session: Session,
): Promise<void> {
  const { fromProof, fromTiles, service, trust, seen, out, index, size } = options;
  const others = [fromTiles, service, seen, index, size];
  if (others.some((other) => other !== undefined) || options.as !== "receipt") {
    throw new CliError("CLI_USAGE", "--from-proof goes with --trust and --out alone");
  }
  if (trust === undefined) throw new CliError("CLI_USAGE", "--from-proof wants --trust");
  refuseAccess(options);
  const pinned = await readTrust(trust);
  const receipt = await receiptOf(parseTlogProof(await readWhole(fromProof)), pinned);
  const inclusion = await verifyReceipt(receipt, entryOf(entryId), pinned);
  await requireWitnessed(inclusion, options);
  await writeProduct(out, receipt, session);
  tellRegistered({ entryId, inclusion }, out, session);
}

// What is written has been cosigned, by every line of a witness that is known.
async function requireWitnessed(
  inclusion: VerifiedInclusion,
  demand: DemandOptions,
): Promise<void> {
  const witnesses = await demandedBy(demand);
  if (witnesses !== undefined) await verifyWitnesses(inclusion, witnesses);
}

interface Found extends Pick<Registered, "receipt" | "inclusion"> {
  readonly trust: TrustStore | undefined;
}

/** Yields what is to be written of a receipt; its note comes from the service where it carries none. */
async function formed(
  { receipt, inclusion, trust }: Found,
  { as }: ReceiptOptions,
  source: ReadSource,
): Promise<Uint8Array> {
  if (as === "receipt") return receipt;
  const { text, signatures } = noteOf(inclusion);
  const note =
    signatures.length > 0
      ? { text, signatures }
      : parseNote(await source.read(`notes/${String(inclusion.receipt.signedSize)}`));
  if (note.text !== text) {
    throw new CliError("CLI_SERVICE_INCONSISTENT", "note and receipt of one size are of two trees");
  }
  const { issuer, kid } = inclusion.receipt;
  const key = trust?.resolve(issuer, kid)?.service.note;
  if (key !== undefined) await requireSigned(note, key);
  return formatTlogProof(proofOf(inclusion, note.signatures));
}

// The receipt key has signed something else: whoever verifies the proof has the note alone.
async function requireSigned(note: Note, key: VerifierKey): Promise<void> {
  try {
    await VerifiedNote.verify(note, [key]);
  } catch (cause) {
    if (!(cause instanceof TlogError)) throw cause;
    const message = `the note does not hold under the pinned note key: ${cause.message}`;
    throw new CliError("CLI_SERVICE_INCONSISTENT", message, { cause });
  }
}

async function verifyReceipt(
  bytes: Uint8Array,
  entry: Uint8Array,
  trust: TrustStore,
): Promise<VerifiedInclusion> {
  const receipt = Receipt.decode(bytes);
  const found = trust.resolve(receipt.issuer, receipt.kid);
  if (found === undefined) {
    throw new CliError("CLI_SERVICE_INCONSISTENT", "the receipt is of no service that is pinned");
  }
  return VerifiedInclusion.verify(receipt, { entry, key: found.key, vds: found.service.vds });
}

function entryOf(entryId: string): Uint8Array {
  return parseEntryId(entryId) ?? new Uint8Array();
}

function requireEntryId(text: string): string {
  if (parseEntryId(text) !== undefined) return text;
  throw new InvalidArgumentError("want 64 lower-case hexadecimal digits.");
}
