import type { ServiceClient } from "@tallystick/client";
import { encodeHex } from "@tallystick/cose";
import { ReceiptError, SignedCheckpoint, decodeChainLink } from "@tallystick/receipt";
import { TlogError, VerifiedNote, parseCheckpoint, parseNote } from "@tallystick/tlog";
import type { TrustedService } from "@tallystick/verifier";

import { CliError } from "./error.js";

/**
 * Requires that the newest note of a service holds under its note key, and that its receipt key has
 * signed the same tree: two keys that vouch for one log are of one operator. Nothing to check for a
 * service without notes.
 *
 * @throws {@link CliError} `CLI_SERVICE_INCONSISTENT`; ClientError
 */
export async function checkNote(
  client: ServiceClient,
  { origin, keys: pinned, cutoffs, note: key }: TrustedService,
): Promise<void> {
  // The newest tree is no matter of a retired key.
  const keys = pinned.filter((_, at) => cutoffs[at] === undefined);
  const [first] = keys;
  if (key === undefined || first === undefined) return;
  const note = await client.note();
  try {
    const verified = await VerifiedNote.verify(parseNote(note), [key]);
    const head = parseCheckpoint(verified.note.text);
    const { checkpoint: encoded } = decodeChainLink(await client.checkpoint(head.size));
    const kid = encodeHex(SignedCheckpoint.kidOf(encoded));
    const receiptKey = keys.find((one) => encodeHex(one.thumbprint()) === kid) ?? first;
    const { checkpoint } = await SignedCheckpoint.verify(encoded, receiptKey);
    const isSame = checkpoint.size === head.size && checkpoint.origin === head.origin;
    if (head.origin === origin && isSame && encodeHex(checkpoint.root) === encodeHex(head.root)) {
      return;
    }
  } catch (cause) {
    if (!(cause instanceof TlogError) && !(cause instanceof ReceiptError)) throw cause;
    throw inconsistent(`the note of the service does not hold: ${cause.message}`, { cause });
  }
  throw inconsistent("the note of the service and its receipts are of two trees");
}

function inconsistent(message: string, options?: ErrorOptions): CliError {
  return new CliError("CLI_SERVICE_INCONSISTENT", message, options);
}
