import { createHash, randomBytes } from "node:crypto";
import { unlink } from "node:fs/promises";

import { CoseError, decodeHex, encodeBase64url, encodeHex, parseJson } from "@tallystick/cose";
import type { Scope, TokenRecord } from "@tallystick/server";

import { CliError } from "./error.js";
import { codeOf, createFile, readWhole, writeWhole } from "./file.js";

/** Names stand in logs, and before what may limit their client. */
const NAME = /^[A-Za-z0-9._-]{1,64}$/;

/** Each request is held against all of them. */
const MAX_TOKENS = 1000;

const TOKEN_BYTES = 32;

/** Permissions of a token: its owner's alone. */
const PRIVATE_MODE = 0o600;

/** What may be in a token file, as the server's package spells it. */
const SCOPES: readonly Scope[] = ["register", "admin"];

/** A token to be made. */
export interface TokenOrder {
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** File of those that the server knows; made if there is none. */
  readonly path: string;
  /** File for the client, which must not exist. */
  readonly out: string;
}

/**
 * Makes a bearer token that nobody can guess. The client's file gets the token, the server's one its
 * hash.
 *
 * @throws {@link CliError} `CLI_USAGE` for a name that is taken or none, `CLI_TOKENS_INVALID`,
 * `CLI_FILE_EXISTS`, `CLI_FILE_FAILED`
 */
export async function createToken({ name, scopes, path, out }: TokenOrder): Promise<void> {
  if (!NAME.test(name)) {
    throw new CliError("CLI_USAGE", "a name is 1 to 64 letters, digits, dots, dashes, underscores");
  }
  const records = await readIfThere(path);
  if (records.some((record) => record.name === name)) {
    throw new CliError("CLI_USAGE", `${path} has a token with the name ${name} already`);
  }
  if (records.length >= MAX_TOKENS) {
    throw new CliError("CLI_USAGE", `${path} has ${MAX_TOKENS} tokens, which is the limit`);
  }
  const token = `tly_${encodeBase64url(new Uint8Array(randomBytes(TOKEN_BYTES)))}`;
  // First the client's: a hash of a token that nobody has would stay in the other one.
  await createFile(out, `${token}\n`, PRIVATE_MODE);
  const sha256 = new Uint8Array(createHash("sha256").update(token).digest());
  const tokens = [...records, { name, sha256, scopes }].map((record) => ({
    name: record.name,
    scopes: record.scopes,
    sha256: encodeHex(record.sha256),
  }));
  try {
    await writeWhole(path, `${JSON.stringify({ tokens }, null, 2)}\n`);
  } catch (error) {
    await unlink(out).catch(() => undefined);
    throw error;
  }
}

/**
 * Reads the tokens that a server knows.
 *
 * @throws {@link CliError} `CLI_TOKENS_INVALID`, `CLI_FILE_FAILED`
 */
export async function readTokens(path: string): Promise<readonly TokenRecord[]> {
  const bytes = await readWhole(path);
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new CliError("CLI_TOKENS_INVALID", `${path}: ${cause.message}`, { cause });
  }
  const records = membersOf(value)["tokens"];
  if (!Array.isArray(records) || records.length > MAX_TOKENS) {
    throw invalid(path, `want {"tokens": [...]} with at most ${MAX_TOKENS} of them`);
  }
  const tokens = records.map((record, i) => recordOf(record, `${path}: token ${i}`));
  if (new Set(tokens.map(({ name }) => name)).size === tokens.length) return tokens;
  throw invalid(path, "two tokens have the same name");
}

async function readIfThere(path: string): Promise<readonly TokenRecord[]> {
  try {
    return await readTokens(path);
  } catch (error) {
    if (error instanceof CliError && codeOf(error.cause) === "ENOENT") return [];
    throw error;
  }
}

function recordOf(value: unknown, where: string): TokenRecord {
  const { name, sha256, scopes, ...others } = membersOf(value);
  const [other] = Object.keys(others);
  if (other !== undefined) throw invalid(where, `no member ${other} is known`);
  if (typeof name !== "string" || !NAME.test(name)) throw invalid(where, "name is none");
  if (typeof sha256 !== "string" || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw invalid(where, "sha256 is not 64 lower-case hexadecimal digits");
  }
  if (!Array.isArray(scopes) || !scopes.every(isScope)) {
    throw invalid(where, `scopes are a list of ${SCOPES.join(", ")}`);
  }
  return { name, sha256: decodeHex(sha256), scopes };
}

function isScope(value: unknown): value is Scope {
  return SCOPES.some((scope) => scope === value);
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Readonly<Record<string, unknown>>) : {};
}

function invalid(where: string, what: string): CliError {
  return new CliError("CLI_TOKENS_INVALID", `${where}: ${what}`);
}
