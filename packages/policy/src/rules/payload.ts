import type { FactValue } from "../facts.js";
import { quote } from "./parameters.js";
import type { ContentType } from "../content-type.js";
import type { ReadyRule } from "./ready.js";

/** A number in the payload, such as a security version, is at least so high. */
export const minimumSvn: ReadyRule = {
  parameters: ["path", "atLeast"],
  compile: (parameters) => {
    const path = parameters.labels("path");
    const atLeast = parameters.integer("atLeast");
    const where = `payload member ${path.map((step) => (typeof step === "string" ? quote(step) : step)).join(" / ")}`;
    return ({ payload }) => {
      if (payload.problem !== undefined) return `the payload cannot be read: ${payload.problem}`;
      const found = path.reduce<FactValue | undefined>(memberOf, payload.value);
      if (found === undefined) return `${where} is missing, want an integer of at least ${atLeast}`;
      if (typeof found === "number" && Number.isInteger(found)) {
        return `${where} is beyond 2^53 - 1, up to which numbers are exact, want an integer of at least ${atLeast}`;
      }
      if (typeof found !== "bigint") {
        return `${where} is no integer of up to 64 bits, want at least ${atLeast}`;
      }
      return found < BigInt(atLeast) ? `${where} is ${found}, want at least ${atLeast}` : undefined;
    };
  },
};

function memberOf(value: FactValue | undefined, step: ContentType): FactValue | undefined {
  if (value instanceof Map) {
    const map: ReadonlyMap<unknown, FactValue> = value;
    return map.get(typeof step === "number" ? BigInt(step) : step);
  }
  if (!Array.isArray(value) || typeof step !== "number") return undefined;
  const items: readonly FactValue[] = value;
  return items[step];
}
