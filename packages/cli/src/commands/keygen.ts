import { Option } from "commander";
import type { Command } from "commander";
import { PrivateKey, encodeBase64url } from "@tallystick/cose";
import type { AlgorithmName } from "@tallystick/cose";

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
    .action(async ({ alg, out }: KeygenOptions) => {
      if (!/[^/\\]\.jwk$/.test(out) || out.endsWith(".pub.jwk")) {
        throw new CliError("CLI_USAGE", "--out is not a name that ends in .jwk");
      }
      const key = await PrivateKey.generate(alg);
      await writeKeyPair(out, key);
      const { output } = session;
      output.note(`wrote ${out} (private, mode 0600) and ${publicPathOf(out)}`);
      output.note(`kid: ${encodeBase64url(key.publicKey.kid)}`);
    });
}
