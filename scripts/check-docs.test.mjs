// Plants each fault that check-docs exists for in a small tree and expects it to be named.
import assert from "node:assert/strict";
import { test } from "node:test";
import { anchorsOf, checkDocs } from "./check-docs.mjs";
import { problemsOf } from "./testing/fixture.mjs";

const HOST = ["registry", "example", "org"].join(".");
const HOME = ["", "home", "somebody", "x"].join("/");

function tree(readme, changes = {}) {
  return {
    "README.md": readme,
    "docs/design.md": "# Design\n\n## The `log` & its store\n\n[up](../README.md)\n",
    ...changes,
  };
}

const SOUND = `# Read me

[design](docs/design.md), [store](docs/design.md#the-log--its-store), [here](#read-me),
[elsewhere](https://example.org/x#y), [folder](docs), \`[not](a-link.md)\`

\`\`\`
[nor](this.md)
\`\`\`

| a | b          |
| - | ---------- |
| 1 | \`x \\| y\` |

\`\`\`
| a | b |
| - | - |
| 1 |
\`\`\`

[ref]: docs/design.md
`;

const violations = {
  "a link to a missing file": [
    tree("[x](docs/gone.md)"),
    /README.md:1: docs\/gone.md names no file/,
  ],
  "a link to a missing heading": [
    tree("[x](docs/design.md#store)"),
    /docs\/design.md#store names no heading/,
  ],
  "a missing heading on the page itself": [tree("[x](#nope)"), /#nope names no heading/],
  "a reference link to a missing file": [tree("[x]: gone.md"), /gone.md names no file/],
  "an absolute link": [tree("[x](/docs/design.md)"), /is absolute/],
  "a link out of the repository": [tree("[x](../shared/a.md)"), /leaves the repository/],
  "a row with more cells than its header": [
    tree("| a | b |\n| - | - |\n| `x|y` | z |\n"),
    /README.md:3: a row of a table has 3 cells, its header 2/,
  ],
  "a row with fewer cells than its header": [
    tree("a | b\n--- | :-:\nx\\|y | z\nx |\n"),
    /README.md:4: a row of a table has 1 cells, its header 2/,
  ],
  "a machine path in source": [
    tree("", { "packages/a/src/a.ts": `// see ${HOME}` }),
    /packages\/a\/src\/a.ts:1: machine path/,
  ],
  "a package host": [tree(`get it from https://${HOST}/x`), /README.md:1: package host/],
  "a foreign host in the lock file": [
    tree("", {
      "package-lock.json": {
        packages: { "node_modules/x": { resolved: `https://${HOST}/x.tgz` } },
      },
    }),
    /package-lock.json: node_modules\/x is resolved from/,
  ],
};

test("a sound tree has no problems", async () => {
  const lock = { packages: { "node_modules/@tallystick/a": { resolved: "packages/a" } } };
  assert.deepEqual(await problemsOf(checkDocs, tree(SOUND, { "package-lock.json": lock })), []);
});

for (const [name, [files, expected]] of Object.entries(violations)) {
  test(`names ${name}`, async () => {
    const problems = await problemsOf(checkDocs, files);
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `want ${String(expected)}, got:\n${problems.join("\n")}`,
    );
  });
}

test("gives headings the anchors that GitHub gives them", () => {
  const text = "# A, b: `c_d`\n## Twice\n## Twice\n## 1. In short\n```\n# no\n```\n## [x](y) §3\n";
  assert.deepEqual([...anchorsOf(text)], ["a-b-c_d", "twice", "twice-1", "1-in-short", "x-3"]);
});
