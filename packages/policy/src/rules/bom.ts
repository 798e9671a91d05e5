import type { ContentKind } from "@tallystick/content";

import { unreadableRefusal } from "../content-facts.js";
import { Finding } from "../finding.js";
import { concerns } from "./content.js";
import type { ReadyRule } from "./ready.js";

const BOM_KINDS: readonly ContentKind[] = ["cyclonedx", "spdx"];

/**
 * A bill of materials is as the schema of its version has it; what has one of the content types is
 * one.
 */
export const bomSchema: ReadyRule = {
  parameters: ["contentTypes"],
  compile: (parameters) => {
    const types = parameters.contentTypes("contentTypes");
    return {
      asksForSchema: true,
      check: (facts, meter) => {
        const { statement, finding } = facts;
        const found = facts.content(meter);
        const refusal = unreadableRefusal(found, statement, BOM_KINDS);
        if (refusal !== undefined) return refusal;
        const { kind } = found.content ?? {};
        if (!BOM_KINDS.some((one) => one === kind)) {
          const why = found.problem === undefined ? "" : `, for ${found.problem}`;
          return types !== undefined && concerns(types, statement)
            ? `the payload is of kind ${String(kind)}${why}, want a bill of materials`
            : undefined;
        }
        if (finding === undefined || !Finding.is(finding) || finding.schema === undefined) {
          return "cannot be decided: the schema was not looked at under this policy";
        }
        const { problem } = finding.schema;
        return problem === undefined ? undefined : `the bill of materials: ${problem}`;
      },
    };
  },
};
