import { unlink } from "node:fs/promises";

import { CoseError, PrivateKey, PublicKey, parseJson } from "@tallystick/cose";

import { CliError } from "./error.js";
import { createFile, isThere, readWhole } from "./file.js";

/** Permissions of a private key: its owner's alone. */
const PRIVATE_MODE = 0o600;
const PUBLIC_MODE = 0o644;

/** Yields the name of the public key beside a private one: `NAME.pub.jwk` beside `NAME.jwk`. */
export function publicPathOf(path: string): string {
  return path.replace(/\.jwk$/, ".pub.jwk");
}

/**
 * Writes a private key, readable by its owner alone, and the public one beside it. Neither may
 * exist; on failure neither is left behind.
 *
 * @throws {@link CliError} `CLI_FILE_EXISTS`, `CLI_FILE_FAILED`
 */
export async function writeKeyPair(path: string, key: PrivateKey): Promise<void> {
  const publicPath = publicPathOf(path);
  if (await isThere(publicPath)) {
    throw new CliError("CLI_FILE_EXISTS", `${publicPath} exists and is not overwritten`);
  }
  await createFile(path, formatJwk(key.toJwk()), PRIVATE_MODE);
  try {
    await createFile(publicPath, formatJwk(key.publicKey.toJwk()), PUBLIC_MODE);
  } catch (error) {
    await unlink(path).catch(() => undefined);
    throw error;
  }
}

/**
 * Reads a private key.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_KEY_INVALID`
 */
export function readPrivateKey(path: string): Promise<PrivateKey> {
  return readKey(path, (jwk) => PrivateKey.fromJwk(jwk));
}

/**
 * Reads a public key; a private one in its place is refused.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_KEY_INVALID`
 */
export function readPublicKey(path: string): Promise<PublicKey> {
  return readKey(path, (jwk) => PublicKey.fromJwk(jwk));
}

async function readKey<Key>(path: string, parse: (jwk: unknown) => Key): Promise<Key> {
  const bytes = await readWhole(path);
  try {
    return parse(parseJson(bytes));
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    if (cause.code === "COSE_JSON_MALFORMED") {
      const message = `${path} is not a JSON Web Key: ${cause.message}`;
      throw new CliError("CLI_KEY_INVALID", message, { cause });
    }
    throw new CliError("CLI_KEY_INVALID", `${path}: ${cause.message}`, { cause });
  }
}

/** Formats a key as the text of a key file. */
export function formatJwk(jwk: object): string {
  return `${JSON.stringify(jwk, null, 2)}\n`;
}
