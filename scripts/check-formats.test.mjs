// Plants each fault that check-formats exists for in a small tree and expects it to be named.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFormats } from "./check-formats.mjs";
import { problemsOf } from "./testing/fixture.mjs";

const FOLDER = "docs/formats/content";
const DIALECT = "https://json-schema.org/draft/2020-12/schema";

function page(kind, types, schema, rest = "") {
  return `# ${kind}

| Kind | \`${kind}\` |
| --- | --- |
| Content types | ${types} |
| Schema | ${schema} |
| Specification | – |

## In the payload

${rest}

## Read as

## Checked at registration

| What is checked | When | Refused with |
| --- | --- | --- |
| the structure | always | \`CONTENT_MALFORMED\` |

## Found by
`;
}

const RECORD = page(
  "record",
  "`application/vnd.tallystick.record+json`",
  "[record.schema.json](record.schema.json)",
  "| `type` | of |\n| --- | --- |\n| `build-log` | a build |",
);
const OPAQUE = page("opaque", "any", "none");
const INDEX = `# Content

| what | page | kind | type | schema |
| --- | --- | --- | --- | --- |
| record | [record](content/record.md) | \`record\` | \`application/vnd.tallystick.record+json\` | [JSON Schema](content/record.schema.json) |
| other | [opaque](content/opaque.md) | \`opaque\` | – | – |

## Warnings

| code | level | what |
| --- | --- | --- |
| \`hash-none\` | warning | no digest |
`;
const SCHEMA = {
  ...{ $schema: DIALECT, $id: "urn:tallystick:content:record", title: "Record" },
  properties: { type: { enum: ["build-log"] } },
};
const CONTENT = "const KINDS: X = {\n  record: true,\n  opaque: true,\n};\n";
const RECORDS = `export const RECORD_MEDIA_TYPE = "application/vnd.tallystick.record+json";
export const RECORD_TYPES: readonly RecordType[] = ["build-log"];
`;

function tree(changes = {}) {
  return {
    "packages/content/src/content.ts": CONTENT,
    "packages/content/src/media-type.ts": "const CLAIMS = new Map([\n]);\n",
    "packages/content/src/release/evidence-record.ts": RECORDS,
    "packages/content/src/warning.ts": 'const L = {\n  "hash-none": "warning",\n};\n',
    "packages/content/src/error.ts": 'type C = "CONTENT_MALFORMED";\n',
    [`${FOLDER}/record.md`]: RECORD,
    [`${FOLDER}/opaque.md`]: OPAQUE,
    [`${FOLDER}/record.schema.json`]: SCHEMA,
    "docs/formats/content.md": INDEX,
    ...changes,
  };
}

const inSource = (name, text) => ({ [`packages/content/src/${name}`]: text });
const inRecord = (from, to) => ({ [`${FOLDER}/record.md`]: RECORD.replace(from, to) });

const violations = {
  "a kind without a page": [
    inSource("content.ts", CONTENT.replace("record: true", 'record: true,\n  "new-kind": true')),
    /new-kind: no page/,
  ],
  "no kinds at all": [inSource("content.ts", ""), /has no KINDS/],
  "a kind that is in no row of the index": [
    { "docs/formats/content.md": INDEX.replace("`opaque`", "opaque") },
    /opaque: no row in/,
  ],
  "a kind without a schema": [
    inRecord("[record.schema.json](record.schema.json)", "none"),
    /record: .* links no schema/,
  ],
  "a kind that is none": [inRecord("`record` |", "`record` and `gone` |"), /there is no kind gone/],
  "a property that is not there": [
    inRecord("| Specification | – |", ""),
    /says nothing of Specification/,
  ],
  "a heading that is not there": [inRecord("## Found by", ""), /wants the headings/],
  "headings in another order": [
    {
      [`${FOLDER}/record.md`]: RECORD.replace("## Read as", "##").replace(
        "## Found by",
        "## Read as",
      ),
    },
    /wants the headings/,
  ],
  "a page without a table of checks": [inRecord("| When |", "| Then |"), /wants one table/],
  "an empty cell": [inRecord("| the structure | always |", "| the structure | |"), /an empty cell/],
  "a media type without a page": [
    inSource(
      "media-type.ts",
      'const CLAIMS = new Map([\n  ["application/new+json", "sfr"],\n]);\n',
    ),
    /application\/new\+json: on no page/,
  ],
  "a media type of its own without a page": [
    inSource("own.ts", 'const TYPE = "application/vnd.tallystick.new+json";\n'),
    /vnd\.tallystick\.new\+json: not in docs/,
  ],
  "a media type that nothing knows": [
    inRecord("`application/vnd", "`application/gone`, `application/vnd"),
    /application\/gone is not known/,
  ],
  "a schema of no page": [
    { [`${FOLDER}/left.cddl`]: "a = int\n" },
    /left\.cddl: the schema of no page/,
  ],
  "a page that is not in the index": [
    { "docs/formats/content.md": INDEX.replace("content/opaque.md", "content/record.md") },
    /opaque\.md: not in/,
  ],
  "a schema of another dialect": [
    { [`${FOLDER}/record.schema.json`]: { ...SCHEMA, $schema: "draft-07" } },
    /is not of the dialect/,
  ],
  "a schema under another name": [
    { [`${FOLDER}/record.schema.json`]: { ...SCHEMA, $id: "urn:x" } },
    /wants the \$id urn:tallystick:content:record/,
  ],
  "a type of record without a row": [
    inSource("release/evidence-record.ts", RECORDS.replace('"build-log"', '"build-log", "poem"')),
    /poem: no row/,
  ],
  "a type of record that the schema does not have": [
    { [`${FOLDER}/record.schema.json`]: { ...SCHEMA, properties: { type: { enum: [] } } } },
    /build-log: not in .*record\.schema\.json/,
  ],
  "a warning without a row": [
    inSource("warning.ts", 'const L = {\n  "hash-none": "warning",\n  "hash-new": "note",\n};\n'),
    /hash-new: no row/,
  ],
  "a warning of another level": [
    inSource("warning.ts", 'const L = {\n  "hash-none": "note",\n};\n'),
    /hash-none: no row with the level note/,
  ],
  "a code that there is not": [
    inRecord("`CONTENT_MALFORMED`", "`CONTENT_GONE`"),
    /no code CONTENT_GONE/,
  ],
};

test("lets a tree pass that has everything", async () => {
  assert.deepEqual(await problemsOf(checkFormats, tree()), []);
});

for (const [name, [changes, expected]] of Object.entries(violations)) {
  test(`names ${name}`, async () => {
    const problems = await problemsOf(checkFormats, tree(changes));
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `no problem matches ${String(expected)}:\n${problems.join("\n")}`,
    );
  });
}
