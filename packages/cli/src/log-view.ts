import { ClientError } from "@tallystick/client";
import type { LogView, ServiceClient } from "@tallystick/client";
import { CoseError, decodeCbor } from "@tallystick/cose";
import { CheckedReader, MirrorError, VerifiedTree } from "@tallystick/mirror";
import type { ReadPath } from "@tallystick/mirror";
import type { ForkProof, SignedCheckpoint } from "@tallystick/receipt";

/** Far above a chain record under the largest signature. */
const MAX_RECORD_BYTES = 65_536;

/** Yields a service to be followed, by its tiles where it has no receipts of consistency. */
export function serviceLog(client: ServiceClient, path: ReadPath): LogView {
  return {
    latestCheckpoint: () => client.latestCheckpoint(),
    checkpoint: (size) => client.checkpoint(size),
    consistency: (oldSize, newSize) => client.consistency(oldSize, newSize),
    beginning: (size, newer) => beginningOf(path, size, newer),
  };
}

/** Yields the files of a log to be followed: a folder, or what a web server has of one. */
export function filesLog(path: ReadPath): LogView {
  return {
    latestCheckpoint: () => recordAt(path, "checkpoints/latest"),
    checkpoint: (size) => recordAt(path, `checkpoints/${size}`),
    consistency: () =>
      Promise.reject(new ClientError("CLIENT_REFUSED", "files have no receipts of consistency")),
    beginning: (size, newer) => beginningOf(path, size, newer),
  };
}

async function recordAt(path: ReadPath, resource: string): Promise<Uint8Array> {
  const body = await path.find(resource, MAX_RECORD_BYTES);
  // What is not there says nothing of the log.
  if (body === undefined) throw new ClientError("CLIENT_UNREACHABLE", `${resource} is not there`);
  try {
    const record = decodeCbor(body);
    if (record instanceof Uint8Array) return record;
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new ClientError("CLIENT_PROTOCOL", `${resource}: ${cause.message}`, { cause });
  }
  throw new ClientError("CLIENT_PROTOCOL", `${resource} is not a byte string`);
}

async function beginningOf(
  path: ReadPath,
  size: number,
  { checkpoint }: SignedCheckpoint,
): Promise<ForkProof> {
  try {
    const tree = await VerifiedTree.open(new CheckedReader(path), checkpoint);
    return { root: await tree.rootAt(size), path: await tree.consistencyFrom(size) };
  } catch (cause) {
    if (!(cause instanceof MirrorError)) throw cause;
    const isAbsent = cause.code === "MIRROR_INCOMPLETE";
    const code = isAbsent ? "CLIENT_EXTENSION_UNKNOWN" : "CLIENT_PROTOCOL";
    throw new ClientError(code, cause.message, { cause });
  }
}
