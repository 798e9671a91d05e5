import { peekItem, Tagged, type Item, type ItemMap } from "../corim/item.js";
import { ContentError } from "../error.js";
import { DEFAULT_CONTENT_LIMITS } from "../limits.js";
import type { CddlMember, CddlRules, CddlType } from "./cddl.js";

type Test = (item: Item) => boolean;

const isInteger: Test = (item) => typeof item === "number" || typeof item === "bigint";

/** The names of the prelude that are used (RFC 8610 Appendix D). */
export const PRELUDE: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["any", () => true],
  ["int", isInteger],
  ["uint", (item) => isInteger(item) && Number(item) >= 0],
  ["nint", (item) => isInteger(item) && Number(item) < 0],
  ["tstr", (item) => typeof item === "string"],
  ["bstr", (item) => item instanceof Uint8Array],
  ["null", (item) => item === null],
]);

/** Yields whether bytes are an item of CBOR that is as the rule has it. */
export function matchesCddl(rules: CddlRules, name: string, bytes: Uint8Array): boolean {
  return new Matcher(rules).takesBytes({ kind: "name", name }, bytes);
}

class Matcher {
  readonly #rules: CddlRules;

  constructor(rules: CddlRules) {
    this.#rules = rules;
  }

  takesBytes(type: CddlType, bytes: Uint8Array): boolean {
    try {
      return this.#takes(type, peekItem(bytes, DEFAULT_CONTENT_LIMITS, "sample"));
    } catch (error) {
      if (error instanceof ContentError && error.code === "CONTENT_MALFORMED") return false;
      throw error;
    }
  }

  #takes(type: CddlType, item: Item): boolean {
    switch (type.kind) {
      case "name":
        return this.#named(type.name, item);
      case "value":
        return isEqual(type.value, item);
      case "range":
        return isWithin(item, type.low, type.high);
      case "tag":
        return (
          item instanceof Tagged &&
          BigInt(item.tag) === type.tag &&
          this.#takes(type.inner, item.value)
        );
      case "choice":
        return type.types.some((one) => this.#takes(one, item));
      case "map":
        return item instanceof Map && this.#takesMap(type.members, item as ItemMap);
      case "array":
        return Array.isArray(item) && this.#takesList(type.members, item as readonly Item[]);
      case "control":
        return this.#takes(type.target, item) && this.#isControlled(type, item);
    }
  }

  #named(name: string, item: Item): boolean {
    const rule = this.#rules.get(name);
    if (rule !== undefined) return this.#takes(rule, item);
    const test = PRELUDE.get(name);
    if (test === undefined) throw new Error(`there is no rule ${name}`);
    return test(item);
  }

  #isControlled(type: CddlType & { kind: "control" }, item: Item): boolean {
    const { name, controller } = type;
    switch (name) {
      case "size":
        return item instanceof Uint8Array && this.#takes(controller, item.length);
      case "cbor":
        return item instanceof Uint8Array && this.takesBytes(controller, item);
      case "ne":
        return !this.#takes(controller, item);
      case "and":
        return this.#takes(controller, item);
      default:
        throw new Error(`the control .${name} is not read here`);
    }
  }

  // An entry belongs to the first member whose key takes its own: every key of one value comes first,
  // and cuts (RFC 8610 §3.5.4).
  #takesMap(members: readonly CddlMember[], map: ItemMap): boolean {
    const counts = new Map<CddlMember, number>();
    for (const [key, value] of map) {
      const member = members.find((one) => one.key !== undefined && this.#takes(one.key, key));
      if (member === undefined || !this.#takes(member.type, value)) return false;
      counts.set(member, (counts.get(member) ?? 0) + 1);
    }
    return members.every((member) => {
      const count = counts.get(member) ?? 0;
      return count >= member.min && count <= member.max;
    });
  }

  #takesList(members: readonly CddlMember[], items: readonly Item[]): boolean {
    const [member, ...rest] = members;
    if (member === undefined) return items.length === 0;
    let count = 0;
    while (count < Math.min(member.max, items.length) && this.#takes(member.type, items[count])) {
      count++;
    }
    for (let taken = count; taken >= member.min; taken--) {
      if (this.#takesList(rest, items.slice(taken))) return true;
    }
    return false;
  }
}

function isEqual(value: bigint | string | Uint8Array, item: Item): boolean {
  if (value instanceof Uint8Array) {
    return item instanceof Uint8Array && Buffer.compare(value, item) === 0;
  }
  return typeof value === "bigint" ? isWithin(item, value, value) : value === item;
}

function isWithin(item: Item, low: bigint, high: bigint): boolean {
  if (typeof item !== "number" && typeof item !== "bigint") return false;
  return BigInt(item) >= low && BigInt(item) <= high;
}
