import { parse } from "@bufbuild/cel";

import { INTERNAL, OVERLOADS, takes } from "./functions.js";
import { malformed, quote } from "./malformed.js";
import {
  ANY,
  callShape,
  either,
  indexShape,
  listOf,
  memberShape,
  requireBool,
  shapeOf,
  stepShape,
} from "./shape.js";
import type { Shape } from "./shape.js";

/** Longest expression, in bytes of UTF-8. */
export const MAX_EXPRESSION_BYTES = 8192;
/** Most nodes of an expression once macros are expanded. */
const MAX_NODES = 4096;
/** Deepest nesting of nodes, and of brackets and conditions in the text. */
const MAX_DEPTH = 128;
const MAX_BRACKETS = 48;

/** A parsed expression of the library. */
export type Expression = ReturnType<typeof parse>["expr"];
type Kind<Name extends string> = Extract<Expression["exprKind"], { case: Name }>["value"];
/** Names, with what is known of their values. */
type Shapes = ReadonlyMap<string, Shape>;

/** Names that stand for types. */
const TYPES: ReadonlySet<string> = new Set([
  ...["bool", "int", "uint", "double", "string", "bytes"],
  ...["list", "map", "null_type", "type"],
]);
const MESSAGE_TYPES: ReadonlySet<string> = new Set([
  "google.protobuf.Timestamp",
  "google.protobuf.Duration",
]);

/** What the planner answers itself, with the number of operands. */
const OPERATORS: ReadonlyMap<string, number> = new Map([
  ["_?_:_", 3],
  ["_&&_", 2],
  ["_||_", 2],
  ["_[_]", 2],
  ["@not_strictly_false", 1],
]);

/**
 * Parses an expression over the variables, checks its types as far as they are known, and rewrites
 * it so that every step of a loop and every index is charged.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function parseExpression(text: string, variables: Shapes): Expression {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MAX_EXPRESSION_BYTES) {
    throw malformed(`${bytes} bytes, want ${MAX_EXPRESSION_BYTES} at most`);
  }
  requireShallow(text);
  const expression = parseText(text);
  requireBool(new Walk(variables).visit(expression, 1, new Map()), "it");
  return expression;
}

function parseText(text: string): Expression {
  try {
    return parse(text).expr;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : "";
    throw malformed(message === "" ? "it does not parse" : message, { cause });
  }
}

/** Strings and comments, whose brackets nest nothing. */
const OPAQUE =
  /\/\/[^\n]*|[rR][bB]?"""[\s\S]*?"""|[bB]?[rR]'''[\s\S]*?'''|"""(?:\\[\s\S]|[^\\])*?"""|'''(?:\\[\s\S]|[^\\])*?'''|(?:[rR][bB]?|[bB][rR])(?:"[^"\n]*"|'[^'\n]*')|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;

// The parser recurses, and how deep it can depends on the machine; whether a rule is one must not.
function requireShallow(text: string): void {
  const code = text.replace(OPAQUE, "");
  let depth = 0;
  let deepest = 0;
  for (const char of code) {
    if ("([{".includes(char)) deepest = Math.max(deepest, ++depth);
    else if (")]}".includes(char)) depth--;
  }
  const conditions = code.split("?").length - 1;
  if (deepest > MAX_BRACKETS)
    throw malformed(`brackets nest ${deepest} deep, want ${MAX_BRACKETS} at most`);
  if (conditions > MAX_BRACKETS)
    throw malformed(`${conditions} conditions, want ${MAX_BRACKETS} at most`);
}

/** One pass over an expression: counts, checks names and types, rewrites loops and indexes. */
class Walk {
  readonly #variables: Shapes;
  #nodes = 0;

  constructor(variables: Shapes) {
    this.#variables = variables;
  }

  /** Yields the shape of what the node yields. */
  visit(node: Expression | undefined, depth: number, bound: Shapes): Shape {
    if (node === undefined) throw malformed("it has a part that is missing");
    this.#nodes++;
    if (this.#nodes > MAX_NODES) throw malformed(`more than ${MAX_NODES} parts`);
    if (depth > MAX_DEPTH) throw malformed(`parts nest more than ${MAX_DEPTH} deep`);
    const { exprKind } = node;
    switch (exprKind.case) {
      case "constExpr":
        requireInRange(exprKind.value);
        return constantShape(exprKind.value);
      case "identExpr":
        return this.#shapeOfName(exprKind.value.name, bound);
      case "selectExpr":
        return isMessageType(node)
          ? shapeOf("type")
          : this.#visitSelect(exprKind.value, depth, bound);
      case "listExpr": {
        const [first, ...rest] = exprKind.value.elements.map((item) =>
          this.visit(item, depth + 1, bound),
        );
        return listOf(rest.reduce(either, first ?? ANY));
      }
      case "structExpr":
        return this.#visitMap(exprKind.value, depth, bound);
      case "callExpr":
        return this.#visitCall(exprKind.value, depth, bound);
      case "comprehensionExpr":
        return this.#visitLoop(exprKind.value, depth, bound);
      default:
        throw malformed("it has a part of an unknown kind");
    }
  }

  #shapeOfName(name: string, bound: Shapes): Shape {
    const shape = bound.get(name) ?? this.#variables.get(name);
    if (shape !== undefined) return shape;
    if (TYPES.has(name)) return shapeOf("type");
    const known = [...this.#variables.keys()].join(", ");
    throw malformed(`unknown name ${quote(name)}, want one of ${known}`);
  }

  #visitSelect(select: Kind<"selectExpr">, depth: number, bound: Shapes): Shape {
    const operand = this.visit(select.operand, depth + 1, bound);
    // Also for has, where a misspelt name would be an absence and no error.
    const member = memberShape(operand, select.field);
    return select.testOnly ? shapeOf("bool") : member;
  }

  #visitMap(map: Kind<"structExpr">, depth: number, bound: Shapes): Shape {
    if (map.messageName !== "")
      throw malformed(`messages such as ${quote(map.messageName)} are not known`);
    for (const { keyKind, value, optionalEntry } of map.entries) {
      if (keyKind.case !== "mapKey" || optionalEntry) throw malformed("a map entry without a key");
      this.visit(keyKind.value, depth + 1, bound);
      this.visit(value, depth + 1, bound);
    }
    return shapeOf("map");
  }

  #visitCall(call: Kind<"callExpr">, depth: number, bound: Shapes): Shape {
    requireFunction(call);
    const target =
      call.target === undefined ? undefined : this.visit(call.target, depth + 1, bound);
    const args = call.args.map((arg) => this.visit(arg, depth + 1, bound));
    const [first = ANY, second = ANY] = args;
    if (call.function === "@in" && second.members !== undefined) {
      const name = literalOf(call.args[0]);
      if (name !== undefined) memberShape(second, name);
    }
    if (call.function !== "_[_]") return callShape(call.function, target, args);
    call.function = INTERNAL.index;
    return indexShape(first, literalOf(call.args[1]));
  }

  #visitLoop(loop: Kind<"comprehensionExpr">, depth: number, bound: Shapes): Shape {
    const step = stepShape(this.visit(loop.iterRange, depth + 1, bound));
    const { kinds } = this.visit(loop.accuInit, depth + 1, bound);
    // No macro changes the kind of what it gathers, only what a list of it has in it.
    const gathered: Shape = kinds === undefined ? ANY : { kinds };
    const inside = new Map<string, Shape>([
      ...bound,
      [loop.iterVar, step],
      [loop.accuVar, gathered],
    ]);
    const before = this.#nodes;
    this.visit(loop.loopCondition, depth + 1, inside);
    this.visit(loop.loopStep, depth + 1, inside);
    const body = this.#nodes - before;
    const shape = this.visit(loop.result, depth + 1, inside);
    const { iterRange, loopCondition, loopStep } = loop;
    if (iterRange === undefined || loopCondition === undefined || loopStep === undefined)
      return shape;
    renameAppend(loopStep, loop.accuVar);
    // The condition, for it is evaluated at every step and never an error; a step that is an error
    // would reach no function.
    loop.loopCondition = callOf(INTERNAL.tick, loopCondition, body);
    loop.iterRange = callOf(INTERNAL.range, iterRange);
    return shape;
  }
}

/** Shapes of constants, by the library's names for their kinds. */
const CONSTANTS: Readonly<Record<string, Shape>> = {
  boolValue: shapeOf("bool"),
  int64Value: shapeOf("int"),
  uint64Value: shapeOf("uint"),
  doubleValue: shapeOf("double"),
  stringValue: shapeOf("string"),
  bytesValue: shapeOf("bytes"),
  nullValue: shapeOf("null_type"),
};

function constantShape({ constantKind }: Kind<"constExpr">): Shape {
  return CONSTANTS[constantKind.case ?? ""] ?? ANY;
}

/** Yields the text that a node is, `undefined` for every other node. */
function literalOf(node: Expression | undefined): string | undefined {
  if (node?.exprKind.case !== "constExpr") return undefined;
  const { constantKind } = node.exprKind.value;
  return constantKind.case === "stringValue" ? constantKind.value : undefined;
}

function requireInRange({ constantKind }: Kind<"constExpr">): void {
  const isInRange =
    constantKind.case === "int64Value"
      ? BigInt.asIntN(64, constantKind.value) === constantKind.value
      : constantKind.case !== "uint64Value" ||
        BigInt.asUintN(64, constantKind.value) === constantKind.value;
  if (!isInRange) throw malformed("an integer beyond 64 bits");
}

function requireFunction({ function: name, target, args }: Kind<"callExpr">): void {
  const operands = OPERATORS.get(name);
  if (operands !== undefined && target === undefined) {
    if (name === "_&&_" || name === "_||_" ? args.length >= operands : args.length === operands)
      return;
  }
  const known = OVERLOADS.get(name);
  if (known === undefined) throw malformed(`unknown function ${quote(name)}`);
  if (known.some((overload) => takes(overload, target !== undefined, args.length))) return;
  const found = `${args.length} argument(s) ${target === undefined ? "and no receiver" : "and a receiver"}`;
  throw malformed(`function ${quote(name)} does not take ${found}`);
}

function isMessageType(node: Expression): boolean {
  const parts: string[] = [];
  let rest: Expression | undefined = node;
  while (rest?.exprKind.case === "selectExpr" && parts.length < 3) {
    if (rest.exprKind.value.testOnly) return false;
    parts.unshift(rest.exprKind.value.field);
    rest = rest.exprKind.value.operand;
  }
  if (rest?.exprKind.case !== "identExpr") return false;
  return MESSAGE_TYPES.has([rest.exprKind.value.name, ...parts].join("."));
}

/** Renames the addition by which the macros map and filter gather their list. */
function renameAppend({ exprKind }: Expression, accuVar: string): void {
  if (exprKind.case !== "callExpr") return;
  const call = exprKind.value;
  const [first, second] = call.args;
  if (call.function === "_?_:_") {
    if (second !== undefined) renameAppend(second, accuVar);
    return;
  }
  const isGathering =
    call.function === "_+_" &&
    first?.exprKind.case === "identExpr" &&
    first.exprKind.value.name === accuVar &&
    second?.exprKind.case === "listExpr";
  if (isGathering) call.function = INTERNAL.append;
}

/** Yields a call of an internal function around a part of the expression. */
function callOf(name: string, part: Expression, units?: number): Expression {
  const args = units === undefined ? [part] : [part, integer(part, units)];
  return {
    ...part,
    exprKind: {
      case: "callExpr",
      value: { $typeName: "cel.expr.Expr.Call", function: name, args },
    },
  };
}

function integer(like: Expression, value: number): Expression {
  const constantKind = { case: "int64Value", value: BigInt(value) } as const;
  const constant: Kind<"constExpr"> = { $typeName: "cel.expr.Constant", constantKind };
  return { ...like, exprKind: { case: "constExpr", value: constant } };
}
