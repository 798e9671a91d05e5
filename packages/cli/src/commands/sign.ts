import { Option } from "commander";
import type { Command } from "commander";
import type { HashName, PrivateKey } from "@tallystick/cose";
import {
  SignedStatement,
  StatementError,
  signHashEnvelope,
  signStatement,
} from "@tallystick/statement";
import type { SignerChain } from "@tallystick/statement";

import { readChain } from "../chainfile.js";
import { CliError } from "../error.js";
import { readWhole, writeWhole } from "../file.js";
import { readPrivateKey } from "../keyfile.js";
import { requireIssuer } from "../naming.js";
import type { Session } from "../session.js";

interface SignOptions {
  readonly key: string;
  readonly iss: string;
  readonly sub: string;
  readonly type: string;
  readonly hash?: HashName;
  readonly location?: string;
  readonly chain?: string;
  readonly x5t?: true;
  readonly out: string;
}

export function addSign(program: Command, session: Session): void {
  program
    .command("sign")
    .description("sign a statement about a file: the file inside, or its hash with --hash")
    .argument("<payload>", "the file")
    .requiredOption("--key <name.jwk>", "private key")
    .requiredOption("--iss <iss>", "issuer: who says it")
    .requiredOption("--sub <sub>", "subject: what it is about")
    .requiredOption("--type <media>", "media type of the file")
    .addOption(
      new Option("--hash <alg>", "sign a hash envelope (RFC 9995)").choices([
        "sha-256",
        "sha-384",
        "sha-512",
      ]),
    )
    .option("--location <url>", "where the file is to be found; with --hash")
    .option("--chain <chain.pem>", "certificates of the key, leaf first, to be known by")
    .option("--x5t", "protect the leaf's thumbprint alone; with --chain")
    .requiredOption("--out <file.scitt>", "signed statement to write")
    .action(async (payload: string, options: SignOptions) => {
      requireSense(options);
      const key = await readPrivateKey(options.key);
      const artifact = await readWhole(payload);
      const certificates = await certificatesIn(options);
      const claims = { ...options, ...certificates, issuedAt: session.now() };
      const bytes = await signArtifact(artifact, claims, key);
      const { entryId } = SignedStatement.decode(bytes);
      await writeWhole(options.out, bytes);
      session.output.note(`wrote ${options.out}`);
      session.output.note(`entryId: ${entryId}`);
    });
}

function requireSense(options: SignOptions): void {
  requireIssuer("--iss", options.iss);
  for (const name of ["sub", "type"] as const) {
    if (options[name] === "") throw new CliError("CLI_USAGE", `--${name} is empty`);
  }
  if (options.location !== undefined && options.hash === undefined) {
    throw new CliError("CLI_USAGE", "--location only goes with --hash");
  }
  if (options.x5t !== undefined && options.chain === undefined) {
    throw new CliError("CLI_USAGE", "--x5t only goes with --chain");
  }
}

interface Certificates {
  readonly signerChain?: SignerChain;
}

async function certificatesIn({ chain, x5t }: SignOptions): Promise<Certificates> {
  if (chain === undefined) return {};
  const certificates = await readChain(chain);
  return { signerChain: { certificates, protects: x5t === undefined ? "x5chain" : "x5t" } };
}

async function signArtifact(
  artifact: Uint8Array,
  options: SignOptions & Certificates & { readonly issuedAt: number },
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
