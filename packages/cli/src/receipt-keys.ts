import { copyFile, link, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { encodeHex, formatThumbprint } from "@tallystick/cose";
import type { PrivateKey, PublicKey } from "@tallystick/cose";

import type { ServiceDirectory } from "./directory.js";
import { CliError } from "./error.js";
import {
  codeOf,
  createFile,
  failed,
  isThere,
  makeDirectory,
  syncDirectory,
  writeWhole,
} from "./file.js";
import { formatJwk, publicPathOf, readPrivateKey, readPublicKey } from "./keyfile.js";

const PRIVATE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** Name of the public half of a key that signs no more, in the folder of those. */
const RETIRED_NAME = /^[A-Za-z0-9_-]{43}\.pub\.jwk$/;

/** Paths of a service's receipt keys. */
export interface ReceiptKeyPaths {
  /** The one that signs. */
  readonly current: string;
  /** The one that a rotation goes to, until it signs. */
  readonly next: string;
  /** The one that a rotation came from, until a policy has dropped it. */
  readonly old: string;
  /** Folder of the public halves of those that signed before. */
  readonly retired: string;
}

/** Yields where a service has its receipt keys. */
export function receiptKeyPaths({ path, receiptKeyPath }: ServiceDirectory): ReceiptKeyPaths {
  const keys = join(path, "keys");
  return {
    current: receiptKeyPath,
    next: join(keys, "receipt.next.jwk"),
    old: join(keys, "receipt.old.jwk"),
    retired: join(keys, "retired"),
  };
}

/** Yields the names of the files of keys that signed before, under the service directory. */
export async function retiredKeyNames(directory: ServiceDirectory): Promise<readonly string[]> {
  const { retired } = receiptKeyPaths(directory);
  try {
    const names = (await readdir(retired)).filter((name) => RETIRED_NAME.test(name)).sort();
    return names.map((name) => `keys/retired/${name}`);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw failed(`cannot read ${retired}`, error);
  }
}

/** Yields whether a path in a service directory is that of a key that signed before. */
export function isRetiredKeyName(name: string): boolean {
  const [folder, below, file = "", ...rest] = name.split("/");
  return folder === "keys" && below === "retired" && rest.length === 0 && RETIRED_NAME.test(file);
}

/**
 * Yields the keys that receipts of a service were signed with before its current one; between two steps
 * of a rotation the public file may still be that of the key before.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_KEY_INVALID`
 */
export async function formerKeys(
  directory: ServiceDirectory,
  current: PublicKey,
): Promise<readonly PublicKey[]> {
  // That of the current key, which a switch that was cut short leaves there, need not be whole.
  const own = retiredNameOf(current);
  const names = (await retiredKeyNames(directory)).filter((name) => !name.endsWith(`/${own}`));
  const keys = await Promise.all(names.map((name) => readRetired(join(directory.path, name))));
  const publicPath = publicPathOf(directory.receiptKeyPath);
  if (await isThere(publicPath)) keys.unshift(await readPublicKey(publicPath));
  return distinct(keys).filter((key) => !isSameKey(key, current));
}

/** Yields the name of the file of a key once it signs no more. */
export function retiredNameOf(key: PublicKey): string {
  return `${formatThumbprint(key)}.pub.jwk`;
}

async function readRetired(path: string): Promise<PublicKey> {
  try {
    return await readPublicKey(path);
  } catch (cause) {
    if (!(cause instanceof CliError) || cause.code !== "CLI_KEY_INVALID") throw cause;
    const message =
      `${cause.message}. The log needs the keys that it signed with before: put the file back from a ` +
      "backup, or from the key set of the service, where it is named by its thumbprint";
    throw new CliError("CLI_KEY_INVALID", message, { cause });
  }
}

/**
 * Yields the public keys that checkpoints of a service may be signed with, for checks without the
 * private one: that of `receipt.pub.jwk` first, then those before it and the one to come.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_KEY_INVALID`
 */
export async function verifyingKeys(
  directory: ServiceDirectory,
): Promise<readonly [PublicKey, ...PublicKey[]]> {
  const first = await directory.receiptPublicKey();
  const next = publicPathOf(receiptKeyPaths(directory).next);
  const coming = (await isThere(next)) ? [await readPublicKey(next)] : [];
  const others = [...(await formerKeys(directory, first)), ...coming];
  return [first, ...distinct(others).filter((key) => !isSameKey(key, first))];
}

/**
 * Puts the next key in the place of the current one, whose public half stays among those that signed
 * before. What a crash has left half done is done to its end; nothing is lost at any step, and each of
 * them leaves a key that opens the log.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_KEY_INVALID`
 */
export async function switchReceiptKey(
  directory: ServiceDirectory,
  onStep?: (step: number) => void,
): Promise<void> {
  const { current, next, old, retired } = receiptKeyPaths(directory);
  const keys = join(directory.path, "keys");
  try {
    if (await isThere(next)) {
      const before = await readPrivateKey(current);
      await keepRetired(retired, before.publicKey);
      onStep?.(1);
      // A second name, or a copy where there are none: at no time the key is at neither place.
      await rm(old, { force: true });
      await link(current, old).catch(() => copyFile(current, old));
      await syncDirectory(keys);
      onStep?.(2);
      await rename(next, current);
      await syncDirectory(keys);
      onStep?.(3);
    }
    await finishSwitch(directory);
    onStep?.(4);
  } catch (error) {
    throw failed(`cannot switch the receipt key in ${keys}`, error);
  }
}

/**
 * Puts the public half of a key that signs already beside it, where a crash has left that out.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_KEY_INVALID`
 */
export async function finishSwitch(directory: ServiceDirectory): Promise<void> {
  const { current, next } = receiptKeyPaths(directory);
  const left = publicPathOf(next);
  if ((await isThere(next)) || !(await isThere(left))) return;
  const { publicKey } = await readPrivateKey(current);
  if (!isSameKey(await readPublicKey(left), publicKey)) return;
  try {
    await rename(left, publicPathOf(current));
  } catch (error) {
    throw failed(`cannot rename ${left}`, error);
  }
  await syncDirectory(join(directory.path, "keys"));
}

async function keepRetired(folder: string, key: PublicKey): Promise<void> {
  if (!(await isThere(folder))) await makeDirectory(folder, FOLDER_MODE);
  const path = join(folder, retiredNameOf(key));
  if (!(await isWhole(path, key))) await writeWhole(path, formatJwk(key.toJwk()));
}

// What is not whole is written again.
async function isWhole(path: string, key: PublicKey): Promise<boolean> {
  if (!(await isThere(path))) return false;
  return readPublicKey(path).then(
    (found) => isSameKey(found, key),
    () => false,
  );
}

/**
 * Yields the next key, made if it is not there yet; its public half is put beside it where a crash has
 * left it out.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_KEY_INVALID`
 */
export async function nextReceiptKey(
  directory: ServiceDirectory,
  make: () => Promise<PrivateKey>,
): Promise<PrivateKey> {
  const { next } = receiptKeyPaths(directory);
  const isKnown = await isThere(next);
  const key = isKnown ? await readPrivateKey(next) : await make();
  if (!isKnown) await placePrivate(next, key);
  const publicPath = publicPathOf(next);
  if (!(await isWhole(publicPath, key.publicKey))) {
    await writeWhole(publicPath, formatJwk(key.publicKey.toJwk()));
  }
  await syncDirectory(join(directory.path, "keys"));
  return key;
}

// Under its name it is whole. A draft that a crash left holds a key that nobody knows of, and goes.
async function placePrivate(path: string, key: PrivateKey): Promise<void> {
  const draft = `${path}.draft`;
  try {
    await rm(draft, { force: true });
    await createFile(draft, formatJwk(key.toJwk()), PRIVATE_MODE);
    await rename(draft, path);
  } catch (error) {
    throw failed(`cannot write ${path}`, error);
  }
}

/** Yields whether two keys are the same, whatever they are called. */
export function isSameKey(one: PublicKey, other: PublicKey): boolean {
  return encodeHex(one.thumbprint()) === encodeHex(other.thumbprint());
}

function distinct(keys: readonly PublicKey[]): PublicKey[] {
  return [...new Map(keys.map((key) => [encodeHex(key.thumbprint()), key])).values()];
}
