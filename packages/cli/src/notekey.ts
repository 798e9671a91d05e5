import { access } from "node:fs/promises";
import { dirname } from "node:path";

import { PrivateKey, formatThumbprint } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import { VerifierKey, isKeyName, noteSigner } from "@tallystick/tlog";
import type { NoteSigner } from "@tallystick/tlog";

import type { ServiceDirectory } from "./directory.js";
import { CliError } from "./error.js";
import { codeOf, syncDirectory } from "./file.js";
import { publicPathOf, readPrivateKey, readPublicKey, writeKeyPair } from "./keyfile.js";

/** W13: every log signs its notes with Ed25519, whatever it signs receipts with. */
const TYPE = "ed25519";

/**
 * Makes the note key of a service that has none.
 *
 * @throws {@link CliError} `CLI_FILE_EXISTS`, `CLI_FILE_FAILED`
 */
export async function createNoteKey({ noteKeyPath }: ServiceDirectory): Promise<PrivateKey> {
  const key = await PrivateKey.generate("EdDSA");
  await writeKeyPair(noteKeyPath, key);
  await syncDirectory(dirname(noteKeyPath));
  return key;
}

/**
 * Yields the public note key of a service as a vkey (W4).
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_KEY_INVALID`; TlogError for a log whose name cannot
 * be that of a key
 */
export async function readNoteKey({ config, noteKeyPath }: ServiceDirectory): Promise<string> {
  const key = await readPublicKey(publicPathOf(noteKeyPath));
  return VerifierKey.of(config.origin, TYPE, key).format();
}

/**
 * Yields what signs the notes of a service; makes the key of a directory that is older than notes.
 * `undefined`, and `tell` is told why, where there can be no notes: the log cannot do without its
 * receipt key, but it can without them. A lost key is never replaced: others may have pinned it.
 *
 * Only while nobody else has the service open.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_KEY_INVALID`
 */
export async function openNoteKey(
  directory: ServiceDirectory,
  tell: (line: string) => void,
): Promise<NoteSigner | undefined> {
  const { config, noteKeyPath } = directory;
  const { origin } = config;
  if (!isKeyName(origin)) {
    tell(`tally: no notes are signed: the log's name, ${origin}, cannot name a key`);
    return undefined;
  }
  const publicPath = publicPathOf(noteKeyPath);
  const [isThere, isKnown] = await Promise.all([noteKeyPath, publicPath].map(exists));
  if (isThere === true) {
    const key = await readPrivateKey(noteKeyPath);
    if (isKnown === true) requirePair(key, await readPublicKey(publicPath), noteKeyPath);
    return signerOf(origin, key, noteKeyPath);
  }
  if (isKnown === true) {
    tell(`tally: no notes are signed until the note key is put back at ${noteKeyPath}`);
    return undefined;
  }
  const signer = noteSigner(origin, TYPE, await createNoteKey(directory));
  tell(`tally: made the note key ${noteKeyPath}, which the service did not have yet`);
  tell(`tally: its vkey, for witnesses and monitors: ${signer.key.format()}`);
  return signer;
}

function signerOf(origin: string, key: PrivateKey, path: string): NoteSigner {
  if (key.algorithm.name !== "EdDSA") {
    throw new CliError("CLI_KEY_INVALID", `${path} is a key of ${key.algorithm.name}, want EdDSA`);
  }
  return noteSigner(origin, TYPE, key);
}

function requirePair(key: PrivateKey, publicKey: PublicKey, path: string): void {
  const [own, known] = [key.publicKey, publicKey].map((each) => formatThumbprint(each));
  if (own === known) return;
  throw new CliError("CLI_KEY_INVALID", `${publicPathOf(path)} is not the public key of ${path}`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    // What cannot be looked at may be there, and whoever reads it says what is wrong.
    return codeOf(error) !== "ENOENT";
  }
}
