import {
  CelScalar,
  celEnv,
  celError,
  celFunc,
  celList,
  isCelList,
  isCelMap,
  isCelUint,
} from "@bufbuild/cel";
import type { CelEnv, CelResult, CelUint, CelValue } from "@bufbuild/cel";

import { lengthOf } from "./meter.js";
import type { Meter } from "./meter.js";
import { Pattern } from "./pattern.js";
import { TIME_FUNCTIONS } from "./time.js";

/** Names that only rewritten expressions have; no expression can be written with them. */
export const INTERNAL = {
  tick: "@tick",
  range: "@range",
  append: "@append",
  index: "@index",
} as const;

const { DYN, INT } = CelScalar;

/** What every expression may call, before the costs are counted. */
const BASE: CelEnv = celEnv({
  funcs: [
    ...TIME_FUNCTIONS,
    celFunc(INTERNAL.tick, [DYN, INT], DYN, (value) => value),
    celFunc(INTERNAL.range, [DYN], DYN, (value) => value),
    // The call is answered by appending, in {@link meteredEnv}.
    celFunc(INTERNAL.append, [DYN, DYN], DYN, (list) => list),
    // Answered by {@link pick}.
    celFunc(INTERNAL.index, [DYN, DYN], DYN, (container) => container),
  ],
});

/** What one form of a function takes and yields, by the names of the types; `dyn` is any. */
export interface Overload {
  readonly target: string | undefined;
  readonly args: readonly string[];
  readonly result: string;
}

/** The forms of each function by name: a call that fits none is an error. */
export const OVERLOADS: ReadonlyMap<string, readonly Overload[]> = overloadsOf(BASE);

function overloadsOf(env: CelEnv): ReadonlyMap<string, readonly Overload[]> {
  const byName = new Map<string, Overload[]>();
  for (const { name, target, arguments: args, result } of env.funcs) {
    const overload = {
      target: target?.name,
      args: args.map((type) => type.name),
      result: result.name,
    };
    byName.set(name, [...(byName.get(name) ?? []), overload]);
  }
  return byName;
}

/** Yields whether a form of a function is for so many arguments, and for a receiver or none. */
export function takes({ target, args }: Overload, hasTarget: boolean, count: number): boolean {
  return (target !== undefined) === hasTarget && args.length === count;
}

/** Units for each part of the body of a loop, at each step. */
const STEP_WEIGHT = 3;

/** A call as the library makes it. */
interface Call {
  readonly id: number;
  readonly target: CelValue | undefined;
  readonly args: CelValue[];
}

type Answer = (call: Call, meter: Meter) => CelResult | undefined;
type Group = NonNullable<ReturnType<CelEnv["funcs"]["find"]>>;

/**
 * Yields an environment whose every function charges the meter that `meter` yields, before it does
 * its work. A spent meter throws through the library: `&&` and `||` absorb errors of CEL, but no
 * exceptions.
 */
export function meteredEnv(meter: () => Meter): CelEnv {
  const builders = new WeakMap<object, CelValue[]>();
  const find = (name: string): Group | undefined => {
    const group = BASE.funcs.find(name);
    if (group === undefined) return undefined;
    const answer = ANSWERS.get(name) ?? answerWith(group);
    const call: Group["call"] = (id, target, args) =>
      name === INTERNAL.append
        ? append(args, builders, meter())
        : answer({ id, target, args }, meter());
    return Object.create(group, { call: { value: call } }) as Group;
  };
  const funcs = Object.create(BASE.funcs, { find: { value: find } }) as CelEnv["funcs"];
  return Object.create(BASE, { funcs: { value: funcs } }) as CelEnv;
}

/**
 * Adds to the list that a macro gathers in place: nothing else can see it before it is complete. The
 * library nests one list in the other instead, which takes quadratic time and deep recursion to read.
 */
function append(
  [list, one]: CelValue[],
  builders: WeakMap<object, CelValue[]>,
  meter: Meter,
): CelResult | undefined {
  meter.charge(1);
  if (!isCelList(list) || !isCelList(one)) return undefined;
  const items = builders.get(list);
  if (items !== undefined) {
    items.push(...one);
    return list;
  }
  const fresh = [...list, ...one];
  const gathered = celList(fresh);
  builders.set(gathered, fresh);
  return gathered;
}

/** Texts of numbers; the library takes what JavaScript takes: `""` for 0, `"0x10"` for 16. */
const NUMERALS: Readonly<Record<string, RegExp>> = {
  int: /^[+-]?\d+$/,
  uint: /^\d+$/,
  double: /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[+-]?Infinity|NaN)$/,
};

/** Longest text that a conversion takes; none that it could make sense of is longer. */
const MAX_CONVERTED = 128;

/** Functions that cost something else than a pass over the outermost layer of their arguments. */
const ANSWERS: ReadonlyMap<string, Answer> = new Map<string, Answer>([
  [INTERNAL.tick, tick],
  [INTERNAL.index, pick],
  ["_==_", deep("_==_")],
  ["_!=_", deep("_!=_")],
  ["@in", isIn],
  ["_+_", add],
  ["contains", contains],
  ["matches", matches],
  ...["int", "uint", "double", "bool", "timestamp", "duration"].map((name): [string, Answer] => [
    name,
    conversion(name),
  ]),
]);

function library(name: string): Group {
  const group = BASE.funcs.find(name);
  if (group === undefined) throw new TypeError(`CEL has no function ${name}`);
  return group;
}

function answerWith(group: Group): Answer {
  return ({ id, target, args }, meter) => {
    meter.charge(args.reduce((sum: number, arg) => sum + lengthOf(arg), 1 + lengthOf(target)));
    return group.call(id, target, args);
  };
}

// The library charges nothing for a step of a comprehension; the number is the size of its body. A
// part that yields an error calls no function, and costs several times what another part does.
function tick({ args: [value, units] }: Call, meter: Meter): CelResult | undefined {
  meter.charge(STEP_WEIGHT * Number(units));
  return value;
}

function deep(name: string): Answer {
  const group = library(name);
  return ({ id, target, args }, meter) => {
    for (const arg of args) meter.chargeDeep(arg);
    return group.call(id, target, args);
  };
}

function isIn({ id, target, args }: Call, meter: Meter): CelResult | undefined {
  const [value, container] = args;
  if (isCelList(container)) {
    for (const arg of args) meter.chargeDeep(arg);
  } else {
    meter.charge(1 + lengthOf(value) + scanOf(container, value));
  }
  return library("@in").call(id, target, args);
}

// The library looks at all keys of a map for a number that is not among them.
function scanOf(container: CelValue | undefined, key: CelValue | undefined): number {
  const isHashed = typeof key === "string" || typeof key === "boolean";
  return isHashed || !isCelMap(container) ? 0 : container.size;
}

/** Picks what an index stands for, as the planner would, which charges for nothing. */
function pick({ id, args: [container, key] }: Call, meter: Meter): CelResult | undefined {
  meter.charge(1 + lengthOf(key) + scanOf(container, key));
  const found = memberOf(container, key);
  if (found !== undefined) return found;
  if (isCelList(container) && typeof key !== "string") {
    return celError(`index ${shown(key)} out of bounds [0, ${container.size})`, id);
  }
  return celError(`field not found: ${shown(key)}`, id);
}

function memberOf(
  container: CelValue | undefined,
  key: CelValue | undefined,
): CelResult | undefined {
  if (isCelMap(container)) return isMapKey(key) ? container.get(key) : undefined;
  if (!isCelList(container)) return undefined;
  const place = isCelUint(key) ? key.value : key;
  if (typeof place !== "bigint" && typeof place !== "number") return undefined;
  return container.get(Number(place));
}

function isMapKey(key: CelValue | undefined): key is string | boolean | bigint | number | CelUint {
  return ["string", "boolean", "bigint", "number"].includes(typeof key) || isCelUint(key);
}

function shown(key: CelValue | undefined): string {
  const value = isCelUint(key) ? key.value : key;
  if (typeof value === "object" || value === undefined) return "no key";
  return String(value).slice(0, 100);
}

function add({ id, target, args }: Call, meter: Meter): CelResult | undefined {
  const [left, right] = args;
  meter.charge(1 + lengthOf(left) + lengthOf(right));
  if (isCelList(left) && isCelList(right)) return celList([...left, ...right] as never[]);
  return library("_+_").call(id, target, args);
}

// A search may look at the whole needle at every place.
function contains({ id, target, args }: Call, meter: Meter): CelResult | undefined {
  meter.charge(1 + lengthOf(target) * Math.max(1, lengthOf(args[0])));
  return library("contains").call(id, target, args);
}

/** Units for the parse of a pattern, also of a broken one. */
const PATTERN_COST = 100;

function matches({ id, target, args }: Call, meter: Meter): CelResult | undefined {
  const [source] = args;
  if (typeof target !== "string" || typeof source !== "string" || args.length !== 1) {
    return undefined;
  }
  meter.charge(PATTERN_COST + lengthOf(source));
  try {
    const pattern = Pattern.parse(source);
    meter.charge(pattern.costOn(target));
    return pattern.test(target);
  } catch (error) {
    if (meter.isSpent) throw error;
    return celError(error, id);
  }
}

function conversion(name: string): Answer {
  const group = library(name);
  const numeral = NUMERALS[name];
  return ({ id, target, args }, meter) => {
    meter.charge(10);
    const [text] = args;
    if (typeof text === "string") {
      if (text.length > MAX_CONVERTED || numeral?.test(text) === false) {
        return celError(`${name}: the text does not stand for one`, id);
      }
    }
    return group.call(id, target, args);
  };
}
