import { parse } from "@bufbuild/cel";

import { PolicyError } from "../error.js";
import { INTERNAL, SIGNATURES, signature } from "./functions.js";

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
 * Parses an expression over the named variables and rewrites it so that every step of a loop is
 * charged.
 *
 * @throws {@link PolicyError} `POLICY_MALFORMED`
 */
export function parseExpression(text: string, variables: ReadonlySet<string>): Expression {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MAX_EXPRESSION_BYTES) {
    throw malformed(`${bytes} bytes, want ${MAX_EXPRESSION_BYTES} at most`);
  }
  requireShallow(text);
  const expression = parseText(text);
  new Walk(variables).visit(expression, 1, new Set());
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

/** One pass over an expression: counts, checks names, rewrites loops. */
class Walk {
  readonly #variables: ReadonlySet<string>;
  #nodes = 0;

  constructor(variables: ReadonlySet<string>) {
    this.#variables = variables;
  }

  visit(node: Expression | undefined, depth: number, bound: ReadonlySet<string>): void {
    if (node === undefined) throw malformed("it has a part that is missing");
    this.#nodes++;
    if (this.#nodes > MAX_NODES) throw malformed(`more than ${MAX_NODES} parts`);
    if (depth > MAX_DEPTH) throw malformed(`parts nest more than ${MAX_DEPTH} deep`);
    const { exprKind } = node;
    switch (exprKind.case) {
      case "constExpr":
        requireInRange(exprKind.value);
        return;
      case "identExpr":
        this.#requireName(exprKind.value.name, bound);
        return;
      case "selectExpr":
        if (isMessageType(node)) return;
        this.visit(exprKind.value.operand, depth + 1, bound);
        return;
      case "listExpr":
        for (const item of exprKind.value.elements) this.visit(item, depth + 1, bound);
        return;
      case "structExpr":
        this.#visitMap(exprKind.value, depth, bound);
        return;
      case "callExpr":
        this.#visitCall(exprKind.value, depth, bound);
        return;
      case "comprehensionExpr":
        this.#visitLoop(exprKind.value, depth, bound);
        return;
      default:
        throw malformed("it has a part of an unknown kind");
    }
  }

  #requireName(name: string, bound: ReadonlySet<string>): void {
    if (bound.has(name) || this.#variables.has(name) || TYPES.has(name)) return;
    const known = [...this.#variables].join(", ");
    throw malformed(`unknown name ${quote(name)}, want one of ${known}`);
  }

  #visitMap(map: Kind<"structExpr">, depth: number, bound: ReadonlySet<string>): void {
    if (map.messageName !== "")
      throw malformed(`messages such as ${quote(map.messageName)} are not known`);
    for (const { keyKind, value, optionalEntry } of map.entries) {
      if (keyKind.case !== "mapKey" || optionalEntry) throw malformed("a map entry without a key");
      this.visit(keyKind.value, depth + 1, bound);
      this.visit(value, depth + 1, bound);
    }
  }

  #visitCall(call: Kind<"callExpr">, depth: number, bound: ReadonlySet<string>): void {
    requireFunction(call);
    if (call.target !== undefined) this.visit(call.target, depth + 1, bound);
    for (const arg of call.args) this.visit(arg, depth + 1, bound);
  }

  #visitLoop(loop: Kind<"comprehensionExpr">, depth: number, bound: ReadonlySet<string>): void {
    const inside = new Set([...bound, loop.iterVar, loop.accuVar]);
    this.visit(loop.iterRange, depth + 1, bound);
    this.visit(loop.accuInit, depth + 1, bound);
    const before = this.#nodes;
    this.visit(loop.loopCondition, depth + 1, inside);
    this.visit(loop.loopStep, depth + 1, inside);
    const body = this.#nodes - before;
    this.visit(loop.result, depth + 1, inside);
    const { iterRange, loopCondition, loopStep } = loop;
    if (iterRange === undefined || loopCondition === undefined || loopStep === undefined) return;
    renameAppend(loopStep, loop.accuVar);
    // The condition, for it is evaluated at every step and never an error; a step that is an error
    // would reach no function.
    loop.loopCondition = callOf(INTERNAL.tick, loopCondition, body);
    loop.iterRange = callOf(INTERNAL.range, iterRange);
  }
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
  const known = SIGNATURES.get(name);
  if (known === undefined) throw malformed(`unknown function ${quote(name)}`);
  if (known.has(signature(target !== undefined, args.length))) return;
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

function quote(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}

function malformed(message: string, options?: ErrorOptions): PolicyError {
  return new PolicyError("POLICY_MALFORMED", [message.slice(0, 500)], options);
}
