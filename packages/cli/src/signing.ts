import { Option } from "commander";
import type { Command } from "commander";
import type { HashName, PrivateKey } from "@tallystick/cose";
import { StatementError, signHashEnvelope, signStatement } from "@tallystick/statement";
import type { SignerChain } from "@tallystick/statement";

import { readChain } from "./chainfile.js";
import { CliError } from "./error.js";
import { readWhole } from "./file.js";
import { readPrivateKey } from "./keyfile.js";
import { requireIssuer } from "./naming.js";

/** What a statement is signed with: options of the command line. */
export interface SigningOptions {
  readonly key?: string;
  readonly iss?: string;
  readonly sub?: string;
  readonly type?: string;
  readonly hash?: HashName;
  readonly location?: string;
  readonly chain?: string;
  readonly x5t?: true;
}

/** The same, with what no statement is without. */
export interface Signing extends SigningOptions {
  readonly key: string;
  readonly iss: string;
  readonly sub: string;
  readonly type: string;
}

const NEEDED = [
  ["--key <name.jwk>", "private key of the issuer"],
  ["--iss <iss>", "issuer: who says it"],
  ["--sub <sub>", "subject: what it is about"],
  ["--type <media>", "media type of the file"],
] as const;

const HASHES = ["sha-256", "sha-384", "sha-512"];

/** Adds {@link SigningOptions} to a command that signs, or, unless they are required, may. */
export function withSigning(command: Command, isRequired: boolean): Command {
  const group = "Options to sign with:";
  for (const [flags, description] of NEEDED) {
    const option = new Option(flags, description).helpGroup(group);
    command.addOption(option.makeOptionMandatory(isRequired));
  }
  const others = [
    new Option("--hash <alg>", "sign a hash envelope (RFC 9995)").choices(HASHES),
    new Option("--location <url>", "where the file is to be found; with --hash"),
    new Option("--chain <chain.pem>", "certificates of the key, leaf first, to be known by"),
    new Option("--x5t", "protect the leaf's thumbprint alone; with --chain"),
  ];
  for (const option of others) command.addOption(option.helpGroup(group));
  return command;
}

/**
 * Yields what a statement is to be signed with, `undefined` where nothing is to be signed.
 *
 * @throws {@link CliError} `CLI_USAGE`
 */
export function signingOf(options: SigningOptions): Signing | undefined {
  const { key, iss, sub, type, hash, location, chain, x5t } = options;
  const given = [key, iss, sub, type, hash, location, chain, x5t];
  return given.every((one) => one === undefined) ? undefined : requireSigning(options);
}

/**
 * Yields what a statement is to be signed with.
 *
 * @throws {@link CliError} `CLI_USAGE`
 */
export function requireSigning(options: SigningOptions): Signing {
  const { key, iss, sub, type, hash, location, chain, x5t } = options;
  if (key === undefined || iss === undefined || sub === undefined || type === undefined) {
    throw new CliError("CLI_USAGE", "to sign takes all of --key, --iss, --sub and --type");
  }
  requireIssuer("--iss", iss);
  if (location !== undefined && hash === undefined) {
    throw new CliError("CLI_USAGE", "--location only goes with --hash");
  }
  if (x5t !== undefined && chain === undefined) {
    throw new CliError("CLI_USAGE", "--x5t only goes with --chain");
  }
  return { ...options, key, iss, sub, type };
}

/**
 * Signs a statement about a file: the file inside, or its hash. `issuedAt` is in seconds since the
 * epoch.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_KEY_INVALID`, `CLI_CHAIN_INVALID`, `CLI_USAGE` for what
 * no service would accept
 */
export async function signFile(
  file: string,
  signing: Signing,
  issuedAt: number,
): Promise<Uint8Array> {
  const key = await readPrivateKey(signing.key);
  const artifact = await readWhole(file);
  const certificates = await certificatesIn(signing);
  return signArtifact(artifact, { ...signing, ...certificates, issuedAt }, key);
}

interface Certificates {
  readonly signerChain?: SignerChain;
}

async function certificatesIn({ chain, x5t }: Signing): Promise<Certificates> {
  if (chain === undefined) return {};
  const certificates = await readChain(chain);
  return { signerChain: { certificates, protects: x5t === undefined ? "x5chain" : "x5t" } };
}

async function signArtifact(
  artifact: Uint8Array,
  options: Signing & Certificates & { readonly issuedAt: number },
  key: PrivateKey,
): Promise<Uint8Array> {
  const { iss, sub, type, hash, location, issuedAt, signerChain } = options;
  const certified = signerChain === undefined ? {} : { chain: signerChain };
  // S30: the time of signing is stated, as iat.
  const claims = { issuer: iss, subject: sub, issuedAt, contentType: type, ...certified };
  try {
    if (hash === undefined) return await signStatement({ ...claims, payload: artifact }, key);
    const place = location === undefined ? {} : { location };
    return await signHashEnvelope({ ...claims, ...place, hash, preimage: artifact }, key);
  } catch (error) {
    throw fromSigning(error, options.chain);
  }
}

// What no service would accept is refused as misuse; here it comes from the arguments.
function fromSigning(error: unknown, chain = "--chain"): unknown {
  if (error instanceof StatementError) {
    const { code, message } = error;
    // The one refusal of a chain that the name of the issuer is to blame for.
    if (code === "STATEMENT_DID_INVALID") {
      return new CliError("CLI_USAGE", `--iss: ${message}`, { cause: error });
    }
    return new CliError("CLI_CHAIN_INVALID", `${chain}: ${message}`, { cause: error });
  }
  const cause = error instanceof TypeError ? error.cause : undefined;
  if (!(cause instanceof StatementError)) return error;
  const advice = cause.code === "STATEMENT_TOO_LARGE" ? "; sign it with --hash" : "";
  return new CliError("CLI_USAGE", `${cause.message}${advice}`, { cause });
}
