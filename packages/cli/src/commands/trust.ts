import type { Command } from "commander";

import type { Session } from "../session.js";
import { addTrustAdd } from "./trust-add.js";
import { addTrustExport } from "./trust-export.js";
import { addTrustFollow } from "./trust-follow.js";
import { addTrustRetire } from "./trust-retire.js";

export function addTrust(program: Command, session: Session): void {
  const trust = program
    .command("trust")
    .description("let an issuer register, pin the keys of a service, or retire one");
  addTrustAdd(trust, session);
  addTrustExport(trust, session);
  addTrustFollow(trust, session);
  addTrustRetire(trust, session);
}
