import { Option } from "commander";
import type { Command } from "commander";
import type { HashName, PrivateKey } from "@tallystick/cose";
import {
  SignedStatement,
  StatementError,
  signHashEnvelope,
  signStatement,
} from "@tallystick/statement";

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
    .requiredOption("--out <file.scitt>", "signed statement to write")
    .action(async (payload: string, options: SignOptions) => {
      requireSense(options);
      const key = await readPrivateKey(options.key);
      const artifact = await readWhole(payload);
      const bytes = await signArtifact(artifact, { ...options, issuedAt: session.now() }, key);
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
}

async function signArtifact(
  artifact: Uint8Array,
  { iss, sub, type, hash, location, issuedAt }: SignOptions & { readonly issuedAt: number },
  key: PrivateKey,
): Promise<Uint8Array> {
  // S30: the time of signing is stated, as iat.
  const claims = { issuer: iss, subject: sub, issuedAt, contentType: type };
  try {
    if (hash === undefined) return await signStatement({ ...claims, payload: artifact }, key);
    const place = location === undefined ? {} : { location };
    return await signHashEnvelope({ ...claims, ...place, hash, preimage: artifact }, key);
  } catch (error) {
    throw fromSigning(error);
  }
}

// What no service would accept is refused as misuse; here it comes from the arguments.
function fromSigning(error: unknown): unknown {
  const cause = error instanceof TypeError ? error.cause : undefined;
  if (!(cause instanceof StatementError)) return error;
  const advice = cause.code === "STATEMENT_TOO_LARGE" ? "; sign it with --hash" : "";
  return new CliError("CLI_USAGE", `${cause.message}${advice}`, { cause });
}
