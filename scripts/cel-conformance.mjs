// Runs the public conformance data of CEL through both libraries that were looked at and prints how
// many cases of each section pass: the figures behind the choice in docs/decisions.md. Cases with
// protocol buffer messages are left out, for no rule can meet one; their number is printed.
import { parseArgs } from "node:util";
import {
  celEnv,
  celUint,
  isCelError,
  isCelList,
  isCelMap,
  isCelUint,
  parse,
  plan,
} from "@bufbuild/cel";
import { getConformanceSuite } from "@bufbuild/cel-spec/testdata/tests.js";
import { Environment } from "@marcbachmann/cel-js";

const { values } = parseArgs({ options: { failures: { type: "boolean", default: false } } });
const uintOf = (value) => new Environment().evaluate(`${value}u`);
const UNUSED = Symbol("not for rules");

/** What is expected, or bound, in a form that both libraries' values are brought to. */
function expectedOf({ kind }) {
  switch (kind.case) {
    case "nullValue":
      return null;
    case "boolValue":
    case "stringValue":
    case "bytesValue":
      return kind.value;
    case "int64Value":
      return kind.value;
    case "uint64Value":
      return { uint: kind.value };
    case "doubleValue":
      return { double: kind.value };
    case "listValue":
      return kind.value.values.map(expectedOf);
    case "mapValue":
      return new Map(
        kind.value.entries.map(({ key, value }) => [expectedOf(key), expectedOf(value)]),
      );
    default:
      return UNUSED;
  }
}

function isUnused(value) {
  if (value === UNUSED) return true;
  if (Array.isArray(value)) return value.some(isUnused);
  return value instanceof Map && [...value].flat().some(isUnused);
}

function nameOf(value) {
  if (value instanceof Uint8Array) return `b${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return `[${value.map(nameOf).join()}]`;
  if (value instanceof Map)
    return `{${[...value]
      .map((pair) => pair.map(nameOf).join(":"))
      .sort()
      .join()}}`;
  if (typeof value === "bigint") return `${value}i`;
  if (typeof value === "object" && value !== null) {
    return "uint" in value
      ? `${value.uint}u`
      : `${Object.is(value.double, -0) ? 0 : value.double}d`;
  }
  return JSON.stringify(value) ?? "undefined";
}

const LIBRARIES = {
  "@bufbuild/cel": {
    run(expr, bindings, container) {
      const result = plan(celEnv({ namespace: container }), parse(expr))(bindings);
      if (isCelError(result)) throw result;
      return this.normal(result);
    },
    input(value) {
      if (Array.isArray(value)) return value.map((item) => this.input(item));
      if (value instanceof Map)
        return new Map([...value].map(([k, v]) => [this.input(k), this.input(v)]));
      if (typeof value === "object" && value !== null && "uint" in value)
        return celUint(value.uint);
      if (typeof value === "object" && value !== null && "double" in value) return value.double;
      return value;
    },
    normal(value) {
      if (typeof value === "number") return { double: value };
      if (isCelUint(value)) return { uint: value.value };
      if (isCelList(value)) return [...value].map((item) => this.normal(item));
      if (isCelMap(value))
        return new Map([...value.entries()].map(([k, v]) => [this.normal(k), this.normal(v)]));
      return value;
    },
  },
  "@marcbachmann/cel-js": {
    run(expr, bindings) {
      const env = new Environment({ unlistedVariablesAreDyn: true, enableOptionalTypes: true });
      return this.normal(env.evaluate(expr, bindings));
    },
    input(value) {
      if (Array.isArray(value)) return value.map((item) => this.input(item));
      if (value instanceof Map)
        return new Map([...value].map(([k, v]) => [this.input(k), this.input(v)]));
      if (typeof value === "object" && value !== null && "uint" in value) return uintOf(value.uint);
      if (typeof value === "object" && value !== null && "double" in value) return value.double;
      return value;
    },
    normal(value) {
      if (typeof value === "number") return { double: value };
      if (value?.constructor?.name === "UnsignedInt") return { uint: value.valueOf() };
      if (Array.isArray(value)) return value.map((item) => this.normal(item));
      if (value instanceof Map)
        return new Map([...value].map(([k, v]) => [this.normal(k), this.normal(v)]));
      if (
        typeof value === "object" &&
        value !== null &&
        Object.getPrototypeOf(value) === Object.prototype
      ) {
        return new Map(Object.entries(value).map(([k, v]) => [k, this.normal(v)]));
      }
      return value;
    },
  },
};

function* casesOf(suite, path = []) {
  for (const test of suite.tests) yield { path, test };
  for (const inner of suite.suites) yield* casesOf(inner, [...path, inner.name]);
}

function outcome(library, { original }) {
  const { resultMatcher, bindings, container, expr } = original;
  const bound = {};
  for (const [name, { kind }] of Object.entries(bindings)) {
    const value = kind.case === "value" ? expectedOf(kind.value) : UNUSED;
    if (isUnused(value)) return "left out";
    bound[name] = library.input(value);
  }
  const wantsError = resultMatcher.case === "evalError" || resultMatcher.case === "anyEvalErrors";
  let wanted = true;
  if (resultMatcher.case === "value") wanted = expectedOf(resultMatcher.value);
  else if (resultMatcher.case === "typedResult" && resultMatcher.value.result) {
    wanted = expectedOf(resultMatcher.value.result);
  } else if (!wantsError && resultMatcher.case !== undefined) return "left out";
  if (isUnused(wanted) || original.checkOnly) return "left out";
  try {
    const got = library.run(expr, bound, container);
    return !wantsError && nameOf(got) === nameOf(wanted) ? "passed" : "failed";
  } catch {
    return wantsError ? "passed" : "failed";
  }
}

const names = Object.keys(LIBRARIES);
const table = new Map();
for (const { path, test } of casesOf(getConformanceSuite())) {
  const section = path[0] ?? "";
  const row =
    table.get(section) ??
    Object.fromEntries(names.map((name) => [name, { passed: 0, failed: 0, "left out": 0 }]));
  table.set(section, row);
  for (const name of names) {
    const result = outcome(LIBRARIES[name], test);
    row[name][result]++;
    if (values.failures && result === "failed")
      console.log(`${name}: ${path.join("/")}/${test.name}: ${test.original.expr}`);
  }
}
const total = Object.fromEntries(
  names.map((name) => [name, { passed: 0, failed: 0, "left out": 0 }]),
);
console.log("section".padEnd(20), ...names.map((name) => name.padEnd(24)), "left out");
for (const [section, row] of table) {
  const cells = names.map((name) =>
    `${row[name].passed} of ${row[name].passed + row[name].failed}`.padEnd(24),
  );
  console.log(section.padEnd(20), ...cells, row[names[0]]["left out"]);
  for (const name of names)
    for (const key of Object.keys(total[name])) total[name][key] += row[name][key];
}
console.log(
  "all".padEnd(20),
  ...names.map((name) =>
    `${total[name].passed} of ${total[name].passed + total[name].failed}`.padEnd(24),
  ),
  total[names[0]]["left out"],
);
