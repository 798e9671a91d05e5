import type { Command } from "commander";

import type { Session } from "../session.js";
import { addTrustAdd } from "./trust-add.js";
import { addTrustExport } from "./trust-export.js";
import { addTrustFollow } from "./trust-follow.js";
import { addTrustRetire } from "./trust-retire.js";
import { addTrustShow } from "./trust-show.js";

export function addTrust(program: Command, session: Session): void {
  const trust = program
    .command("trust")
    .description("pin the keys of a service, show or retire them, or let an issuer register");
  addTrustAdd(trust, session);
  addTrustExport(trust, session);
  addTrustShow(trust, session);
  addTrustFollow(trust, session);
  addTrustRetire(trust, session);
}
