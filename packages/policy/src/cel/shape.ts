import { OVERLOADS, takes } from "./functions.js";
import type { Overload } from "./functions.js";
import { malformed, quote } from "./malformed.js";

/** Kinds of values, by the names that expressions have for their types. */
export type Kind =
  | "bool"
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bytes"
  | "list"
  | "map"
  | "null_type"
  | "type"
  | "google.protobuf.Timestamp"
  | "google.protobuf.Duration";

/** What is known of a value before any statement comes. */
export interface Shape {
  /** What it can be; left out when it can be anything. */
  readonly kinds?: ReadonlySet<string>;
  /** The members of a map that can have no others. */
  readonly members?: ReadonlyMap<string, Shape>;
  /** What the elements of a list are. */
  readonly item?: Shape;
}

/** A value of which nothing is known. */
export const ANY: Shape = Object.freeze({});

const NUMBERS: readonly string[] = ["int", "uint", "double"];
const CONTAINERS: readonly string[] = ["list", "map"];
/** What has members; a time has some as well, which nobody needs. */
const WITH_MEMBERS: readonly string[] = [
  "map",
  "google.protobuf.Timestamp",
  "google.protobuf.Duration",
];
/** Yields the shape of values of these kinds. */
export function shapeOf(...kinds: readonly Kind[]): Shape {
  return { kinds: new Set(kinds) };
}

/** Yields the shape of a map that has these members and no others. */
export function mapOf(members: Readonly<Record<string, Shape>>): Shape {
  return { ...shapeOf("map"), members: new Map(Object.entries(members)) };
}

/** Yields the shape of a list of such elements. */
export function listOf(item: Shape): Shape {
  return { ...shapeOf("list"), item };
}

/** Yields the shape of what is either of the two. */
export function either(left: Shape, right: Shape): Shape {
  if (left === right) return left;
  if (left.kinds === undefined || right.kinds === undefined) return ANY;
  return { kinds: new Set([...left.kinds, ...right.kinds]) };
}

/** Yields whether some value of the shape can be of one of the kinds. */
function canBe({ kinds }: Shape, wanted: readonly string[]): boolean {
  return kinds === undefined || wanted.some((kind) => kinds.has(kind));
}

/** @throws {@link PolicyError} `POLICY_MALFORMED` when it is certainly no boolean */
export function requireBool(shape: Shape, what: string): void {
  if (!canBe(shape, ["bool"])) throw malformed(`${what} is ${named(shape)}, want bool`);
}

/**
 * Yields the shape of what a call yields.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED` when it can only fail, or compares what never is equal
 */
export function callShape(name: string, target: Shape | undefined, args: readonly Shape[]): Shape {
  const [first = ANY, second = ANY, third = ANY] = args;
  switch (name) {
    case "_&&_":
    case "_||_":
      for (const arg of args) requireBool(arg, `an operand of ${name.slice(1, -1)}`);
      return shapeOf("bool");
    case "_?_:_":
      requireBool(first, "the condition of ?:");
      return either(second, third);
    case "@not_strictly_false":
      return shapeOf("bool");
    case "_==_":
    case "_!=_":
      requireComparable(first, second);
      return shapeOf("bool");
    default:
      return overloadShape(name, target, args);
  }
}

function overloadShape(name: string, target: Shape | undefined, args: readonly Shape[]): Shape {
  const fitting = (OVERLOADS.get(name) ?? []).filter((overload) => fits(overload, target, args));
  if (fitting.length === 0) {
    const shown = [...(target === undefined ? [] : [target]), ...args].map(named);
    throw malformed(`${quote(name.replace(/^@|_/g, ""))} does not take ${shown.join(" and ")}`);
  }
  const results = fitting.map(({ result }) => result);
  return results.includes("dyn") ? ANY : { kinds: new Set(results) };
}

function fits(overload: Overload, target: Shape | undefined, args: readonly Shape[]): boolean {
  if (!takes(overload, target !== undefined, args.length)) return false;
  const isTaken = (shape: Shape, kind = "dyn"): boolean => kind === "dyn" || canBe(shape, [kind]);
  return (
    isTaken(target ?? ANY, overload.target) &&
    args.every((arg, position) => isTaken(arg, overload.args[position]))
  );
}

// Equality of different types is false and no error, so that a misspelt rule would pass unnoticed.
function requireComparable(left: Shape, right: Shape): void {
  if (left.kinds === undefined) return;
  const isNumber = NUMBERS.some((kind) => left.kinds?.has(kind));
  if (canBe(right, [...left.kinds, ...(isNumber ? NUMBERS : [])])) return;
  throw malformed(`${named(left)} is compared with ${named(right)}, and never equal to it`);
}

/**
 * Yields the shape of a member.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED` when there can be no such member
 */
export function memberShape(operand: Shape, name: string): Shape {
  if (!canBe(operand, WITH_MEMBERS)) {
    throw malformed(`member ${quote(name)} of ${named(operand)}, which has none`);
  }
  if (operand.members === undefined) return ANY;
  const member = operand.members.get(name);
  if (member !== undefined) return member;
  const known = [...operand.members.keys()].join(", ");
  throw malformed(`unknown member ${quote(name)}, want one of ${known}`);
}

/**
 * Yields the shape of what an index picks.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED` when it can pick nothing
 */
export function indexShape(operand: Shape, literal: string | undefined): Shape {
  if (!canBe(operand, CONTAINERS)) {
    throw malformed(`an index into ${named(operand)}, want a list or a map`);
  }
  if (operand.members !== undefined && literal !== undefined) return memberShape(operand, literal);
  return operand.item ?? ANY;
}

/**
 * Yields the shape of what a macro goes over.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED` when there is nothing to go over
 */
export function stepShape(range: Shape): Shape {
  if (canBe(range, CONTAINERS)) return range.item ?? ANY;
  throw malformed(`a macro over ${named(range)}, want a list or a map`);
}

function named({ kinds }: Shape): string {
  return kinds === undefined ? "dyn" : [...kinds].join(" or ");
}
