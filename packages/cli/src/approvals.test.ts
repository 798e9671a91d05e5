import { expect, test } from "@jest/globals";

import { outcomeOf } from "./approvals.js";

const made = { entryId: "approval", proposal: "proposal", previous: "before" };
const waiting = { entryId: "proposal", approvers: ["a"] };
const other = { entryId: "newer", approvers: ["a"] };

test.each([
  ["in force", { entryId: "approval", proposals: [] }, "in force"],
  ["waiting", { entryId: "before", proposals: [other, waiting] }, waiting],
  ["replaced by a newer one", { entryId: "before", proposals: [other] }, "replaced"],
  ["overtaken by another policy", { entryId: "after", proposals: [other] }, "overtaken"],
])("what became of a proposal: %s", (_name, standing, outcome) => {
  expect(outcomeOf(standing, made)).toEqual(outcome);
});
