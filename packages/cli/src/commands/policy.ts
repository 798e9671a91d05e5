import type { Command } from "commander";

import type { Session } from "../session.js";
import { addPolicyChange } from "./policy-change.js";
import { addPolicyCheck } from "./policy-check.js";
import { addPolicyShow } from "./policy-show.js";
import { addPolicyTest } from "./policy-test.js";

export function addPolicy(program: Command, session: Session): void {
  const policy = program
    .command("policy")
    .description("show, check, try out and change the registration policy");
  addPolicyShow(policy, session);
  addPolicyCheck(policy, session);
  addPolicyTest(policy, session);
  addPolicyChange(policy, session);
}
