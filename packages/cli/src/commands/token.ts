import { Option } from "commander";
import type { Command } from "commander";
import type { Scope } from "@tallystick/server";

import type { Session } from "../session.js";
import { createToken } from "../tokenfile.js";

interface CreateOptions {
  readonly name: string;
  readonly scope: Scope;
  readonly tokens: string;
  readonly out: string;
}

export function addTokenCommand(program: Command, session: Session): void {
  const token = program
    .command("token")
    .description("make the bearer tokens that a service lets its clients in with");
  token
    .command("create")
    .description("make a token; the server's file keeps its hash, the client's the token")
    .requiredOption("--name <name>", "whom it is for, as logs will name it")
    .requiredOption("--tokens <tokens.json>", "file that tally serve reads; made if missing")
    .requiredOption("--out <file.token>", "file for the client, which must not exist")
    .addOption(
      new Option("--scope <scope>", "what it is for; admin includes register")
        .choices(["register", "admin"])
        .default("register"),
    )
    .option("--json", "print the result as one JSON object")
    .action(async ({ name, scope, tokens, out }: CreateOptions) => {
      await createToken({ name, scopes: [scope], path: tokens, out });
      if (session.isJson) session.output.printJson({ name, scope, file: out, tokens });
      session.wrote(out, ", for the client alone");
      session.wrote(tokens, ", with the hash of the token");
      session.output.note("a running server reads it on SIGHUP");
    });
}
