import type { Command } from "commander";

import type { Session } from "../session.js";
import { addTrustAdd } from "./trust-add.js";
import { addTrustExport } from "./trust-export.js";

export function addTrust(program: Command, session: Session): void {
  const trust = program
    .command("trust")
    .description("let an issuer register, or pin the keys of a service");
  addTrustAdd(trust, session);
  addTrustExport(trust, session);
}
