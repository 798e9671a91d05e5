import { Option } from "commander";
import type { Command } from "commander";
import { PrivateKey, formatThumbprint } from "@tallystick/cose";
import type { AlgorithmName, PublicKey } from "@tallystick/cose";

import { CliError } from "../error.js";
import { publicPathOf, writeKeyPair } from "../keyfile.js";
import type { Session } from "../session.js";

/** Algorithms that a key can be made for. */
export const ALGORITHM_NAMES = [
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "PS256",
  "PS384",
  "PS512",
  "ML-DSA-44",
  "ML-DSA-65",
  "ML-DSA-87",
] as const;

interface KeygenOptions {
  readonly alg: AlgorithmName;
  readonly out: string;
}

export function addKeygen(program: Command, session: Session): void {
  program
    .command("keygen")
    .description("make a signing key: NAME.jwk (secret) and NAME.pub.jwk")
    .addOption(
      new Option("--alg <alg>", "signature algorithm")
        .choices([...ALGORITHM_NAMES])
        .makeOptionMandatory(),
    )
    .requiredOption("--out <name.jwk>", "file for the private key; never overwritten")
    .option("--json", "print the result as one JSON object")
    .action(async ({ alg, out }: KeygenOptions) => {
      if (!/[^/\\]\.jwk$/.test(out) || out.endsWith(".pub.jwk")) {
        throw new CliError("CLI_USAGE", "--out is not a name that ends in .jwk");
      }
      const key = await PrivateKey.generate(alg);
      await writeKeyPair(out, key);
      tell({ privateKey: out, publicKey: publicPathOf(out) }, key.publicKey, session);
    });
}

interface KeyFiles {
  readonly privateKey: string;
  readonly publicKey: string;
}

function tell(files: KeyFiles, key: PublicKey, { output, isJson }: Session): void {
  const thumbprint = formatThumbprint(key);
  if (isJson) {
    output.printJson({ ...files, thumbprint });
    return;
  }
  output.print(`private key: ${files.privateKey}, which nobody else may read`);
  output.print(`public key: ${files.publicKey}`);
  output.print(`thumbprint: ${thumbprint}`);
}
