// Plants each fault that check-specs exists for in a small map and expects it to be named.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSpecs, citedIds, REQUIRED } from "./check-specs.mjs";
import { problemsOf } from "./testing/fixture.mjs";

const MET =
  "| T22 | 6.3 | MUST | empty map \\| none | `packages/a/src/entry.ts` `normalise` " +
  '| `packages/a/src/entry.test.ts` "empties it" |';

function page(rows = {}, further = "| W1 | The form. |") {
  const lines = REQUIRED.map((id) => rows[id] ?? `| ${id} | 1 | MUST | x | not yet: later. | – |`);
  return [...lines, further].join("\n");
}

function tree(map, changes = {}) {
  return {
    "docs/spec-map.md": map,
    "packages/a/src/entry.ts": "// T22, W1: empty\nexport function normalise(): void {}\n",
    "packages/a/src/entry.test.ts": 'test("empties it", () => {});\n',
    ...changes,
  };
}

const violations = {
  "a requirement without a row": [page().replace("| T5 |", "| t5 |"), /no row for T5/],
  "a requirement with two rows": [
    `${page()}\n| T5 | 1 | MUST | x | not yet: later. | – |`,
    /T5 has several rows/,
  ],
  "a file that does not exist": [
    page({ T22: MET.replace("src/entry.ts", "src/gone.ts") }),
    /T22: no file packages\/a\/src\/gone.ts/,
  ],
  "a symbol that is not in the file": [
    page({ T22: MET.replace("`normalise`", "`normal`") }),
    /T22: packages\/a\/src\/entry.ts has no normal$/,
  ],
  "a test title that is not in the file": [
    page({ T22: MET.replace("empties it", "empties") }),
    /entry.test.ts has no test "empties"/,
  ],
  "a test file given as the place": [
    page({ T22: MET.replace("src/entry.ts", "src/entry.test.ts") }),
    /is a test, not the place/,
  ],
  "source given as the test": [
    page({ T22: MET.replace("src/entry.test.ts", "src/entry.ts") }),
    /entry.ts is not a test file/,
  ],
  "an open row without a reason": [
    page({ T22: "| T22 | 1 | MUST | x | not yet | – |" }),
    /T22: where is neither/,
  ],
  "a met row without a test": [
    page({ T22: MET.replace(/\| [^|]*\|$/, "| – |") }),
    /T22: test is not/,
  ],
  "a row with a cell too few": [page({ T22: "| T22 | 1 | MUST | x | – |" }), /5 cells, want 6/],
  "an unknown requirement": [page({}, "| T99 | 1 |\n| W1 | The form. |"), /T99: no such/],
  "a further rule without a text": [page({}, "| W1 |  |"), /W1: want an id and the rule/],
};

test("a sound map has no problems", async () => {
  assert.deepEqual(await problemsOf(checkSpecs, tree(page({ T22: MET }))), []);
});

for (const [name, [map, expected]] of Object.entries(violations)) {
  test(`names ${name}`, async () => {
    const problems = await problemsOf(checkSpecs, tree(map));
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `want ${String(expected)}, got:\n${problems.join("\n")}`,
    );
  });
}

test("names a citation that the page does not explain", async () => {
  const source = "export const normalise = 1; // W2: spliced\n";
  const problems = await problemsOf(
    checkSpecs,
    tree(page(), { "packages/a/src/entry.ts": source }),
  );
  assert.deepEqual(problems, [
    "packages/a/src/entry.ts:1: cites W2, which has no row in docs/spec-map.md",
  ]);
});

test("reads citations from line comments and from parentheses in comments", () => {
  const text =
    "f(); // T22, N1: x\n// H1; H4: y\ng(); // N4\n/** Serves (I5) it. */\nh(S1);\n// V8 is fast\n";
  assert.deepEqual(
    citedIds(text).map((entry) => entry.id),
    ["T22", "N1", "H1", "H4", "N4", "I5"],
  );
});
