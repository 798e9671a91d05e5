import type { Command } from "commander";
import { Receipt, ReceiptError, VerifiedInclusion } from "@tallystick/receipt";
import { SignedStatement, attachReceipts } from "@tallystick/statement";
import type { TrustStore } from "@tallystick/verifier";

import { CliError } from "../error.js";
import { readWhole } from "../file.js";
import { writeProduct } from "../product.js";
import type { Session } from "../session.js";
import { receiptsWith } from "../transparent.js";
import { readTrust } from "../trustfile.js";

interface AttachOptions {
  readonly trust: string;
  readonly out: string;
}

/** A receipt that holds for a statement, with the file that it came in. */
interface Held {
  readonly file: string;
  readonly receipt: Uint8Array;
  readonly inclusion: VerifiedInclusion;
}

export function addAttach(program: Command, session: Session): void {
  program
    .command("attach")
    .description("attach receipts to a statement, each verified, of one service or of several")
    .argument("<statement>", "signed or transparent statement; the receipts that it has stay")
    .argument("<receipts...>", "receipts of inclusion, as tally receipt writes them")
    .requiredOption("--trust <trust.json>", "pinned keys that each receipt has to hold under")
    .requiredOption("--out <file.transparent.scitt>", "transparent statement to write")
    .option("--json", "print what was attached as one JSON object")
    .action(async (file: string, receipts: readonly string[], options: AttachOptions) => {
      const trust = await readTrust(options.trust);
      const statement = SignedStatement.decode(await readWhole(file), { isSubjectOptional: true });
      let attached = statement.receipts;
      let replaced = 0;
      const held: Held[] = [];
      for (const each of receipts) {
        const one = await heldIn(each, statement, trust);
        const added = receiptsWith(attached, one);
        attached = added.receipts;
        if (added.isReplaced) replaced++;
        held.push(one);
      }
      const transparent = attachReceipts(statement, attached);
      // More receipts than readers take would be a statement that nobody reads.
      SignedStatement.decode(transparent, { isSubjectOptional: true });
      await writeProduct(options.out, transparent, session);
      tell({ statement, held, replaced, count: attached.length, out: options.out }, session);
      session.wrote(options.out);
    });
}

/** Reads a receipt that holds for the statement under a pinned key. */
async function heldIn(file: string, { entry }: SignedStatement, trust: TrustStore): Promise<Held> {
  const bytes = await readWhole(file);
  try {
    const receipt = Receipt.decode(bytes);
    const found = trust.resolve(receipt.issuer, receipt.kid);
    if (found === undefined || found.service.origin !== receipt.subject) {
      throw new CliError("CLI_SERVICE_INCONSISTENT", `${file} is of no log that is pinned`);
    }
    const { service, key } = found;
    const inclusion = await VerifiedInclusion.verify(receipt, { entry, key, vds: service.vds });
    const { signedSize: size, issuedAt: time } = receipt;
    trust.requireWithin(service.issuer, key, { size, root: inclusion.root, time });
    return { file, receipt: bytes, inclusion };
  } catch (cause) {
    if (!(cause instanceof ReceiptError)) throw cause;
    throw new ReceiptError(cause.code, `${file}: ${cause.message}`, { cause });
  }
}

interface Attached {
  readonly statement: SignedStatement;
  readonly held: readonly Held[];
  readonly replaced: number;
  readonly count: number;
  readonly out: string;
}

function tell(
  { statement, held, replaced, count, out }: Attached,
  { output, isJson }: Session,
): void {
  const receipts = held.map(({ file, inclusion: { receipt, index, size } }) => ({
    ...{ file, issuer: receipt.issuer ?? null, origin: receipt.subject ?? null },
    ...{ index: index ?? null, size: size ?? null },
  }));
  if (isJson) {
    output.printJson({
      entryId: statement.entryId,
      attached: receipts,
      replaced,
      receiptCount: count,
      file: out,
    });
    return;
  }
  output.print(`entryId: ${statement.entryId}`);
  for (const { file, issuer, origin } of receipts) {
    output.print(`attached: ${file}, log ${origin ?? ""} of ${issuer ?? ""}`);
  }
  output.print(`receipts: ${count}, ${replaced} of them in place of an older one`);
}
