// Plants each fault that check-errors exists for in a small tree and expects it to be named.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkErrors } from "./check-errors.mjs";
import { problemsOf } from "./testing/fixture.mjs";

const SOURCE = `
export type MerkleErrorCode = "MERKLE_SIZE_INVALID" | "MERKLE_ROOT_MISMATCH";
export function f(bad: boolean): void {
  if (bad) throw new MerkleError("MERKLE_SIZE_INVALID", "size");
  fail("MERKLE_ROOT_MISMATCH");
}
`;
const TEST = 'expect(code).toBe("MERKLE_SIZE_INVALID");';
const PAGE = "# Errors\n\n## merkle\n\n### `MERKLE_SIZE_INVALID`\n\n### MERKLE_ROOT_MISMATCH\n";
const VECTOR = { description: "", expect: "MERKLE_ROOT_MISMATCH" };

function tree(changes = {}) {
  return {
    "packages/merkle/package.json": { name: "@tallystick/merkle" },
    "packages/merkle/src/error.ts": SOURCE,
    "packages/merkle/src/error.test.ts": TEST,
    "docs/errors.md": PAGE,
    "test-vectors/merkle/inclusion/wrong-root.json": VECTOR,
    ...changes,
  };
}

const violations = {
  "a code without a heading": [
    { "docs/errors.md": "### MERKLE_ROOT_MISMATCH\n" },
    /MERKLE_SIZE_INVALID: no heading/,
  ],
  "a heading without a code": [
    { "docs/errors.md": `${PAGE}\n### MERKLE_GONE\n` },
    /MERKLE_GONE: heading in docs\/errors.md, but/,
  ],
  "a heading that occurs twice": [
    { "docs/errors.md": `${PAGE}\n### MERKLE_SIZE_INVALID\n` },
    /MERKLE_SIZE_INVALID: two headings/,
  ],
  "a missing page": [{ "docs/errors.md": undefined }, /docs\/errors.md: missing/],
  "a code that is never thrown": [
    {
      "packages/merkle/src/error.ts": SOURCE.replace(
        'fail("MERKLE_ROOT_MISMATCH")',
        'if (x.code === "MERKLE_ROOT_MISMATCH") return; const t = { "MERKLE_ROOT_MISMATCH": 1 }',
      ),
    },
    /MERKLE_ROOT_MISMATCH: never thrown/,
  ],
  "a code that no test names": [
    { "packages/merkle/src/error.test.ts": "" },
    /MERKLE_SIZE_INVALID: no vector and no test/,
  ],
  "a code with another package's prefix": [
    { "packages/merkle/src/more.ts": 'export type TileErrorCode = "TILE_BAD";' },
    /TILE_BAD: a code of merkle starts with MERKLE_/,
  ],
  "a code declared twice": [
    { "packages/merkle/src/more.ts": 'export type MoreErrorCode = "MERKLE_SIZE_INVALID";' },
    /MERKLE_SIZE_INVALID: declared twice/,
  ],
  "a vector that expects an unknown code": [
    { "test-vectors/merkle/inclusion/x.json": { expect: "MERKLE_TYPO" } },
    /MERKLE_TYPO: expected by test-vectors\/merkle\/inclusion\/x.json/,
  ],
};

test("a sound tree has no problems", async () => {
  assert.deepEqual(await problemsOf(checkErrors, tree()), []);
});

for (const [name, [changes, expected]] of Object.entries(violations)) {
  test(`names ${name}`, async () => {
    const problems = await problemsOf(checkErrors, tree(changes));
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `want ${String(expected)}, got:\n${problems.join("\n")}`,
    );
  });
}
