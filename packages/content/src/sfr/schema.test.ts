import { describe, expect, test } from "@jest/globals";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";

import type { Json } from "../json.js";
import { refusal } from "../testing/refusal.js";
import { issueWith, REPORT, reportWith } from "../testing/sample.js";
import { sharedFolder } from "../testing/shared.js";
import { Findings } from "../warning.js";
import { readReport } from "./read.js";

// Through text, as a payload comes: members that are undefined are not there.
const plain = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json;
const read = (value: object): unknown => readReport(plain(value), new Findings());

const device = (members: object): object => reportWith("device", members);
const audit = (members: object): object => reportWith("audit", members);
const hex = (digit: string, bytes: number): string => digit.repeat(2 * bytes);

const folder = sharedFolder("the schema of short-form reports", "docs");
const describeIt = folder === undefined ? describe.skip : describe;

describeIt("the schema of published reports", () => {
  const page = readFileSync(join(folder ?? "", "hardware-formats.md"), "utf8");
  const [, schema = "{}"] = /### 1\.4 [\s\S]*?```json\n([\s\S]*?)```/.exec(page) ?? [];
  const check = new Ajv2020({ allowUnionTypes: true }).compile(JSON.parse(schema) as object);

  test("takes the sample, and not everything", () => {
    expect(check(REPORT)).toBe(true);
    expect(check({})).toBe(false);
  });

  test("takes what is read, and refuses what is refused", () => {
    const odd = fc.oneof(
      fc.constantFrom<unknown>(undefined, null, true, 0, 1.5, 1e300, "", "0x", [], {}, [{}]),
      fc.constantFrom(hex("a", 32), hex("B", 48), `0x${hex("c", 64)}`, hex("d", 20)),
      fc.jsonValue({ maxDepth: 2 }),
    );
    const names = {
      device: [...Object.keys(REPORT.device), "class_id", "manifest"],
      audit: [...Object.keys(REPORT.audit), "scope", "solid_ver"],
      issue: Object.keys(REPORT.audit.issues[0] ?? {}),
      entry: ["file_name", "file_hash"],
      root: ["review_framework_version", "iat", "device", "audit"],
    };
    const place = fc
      .constantFrom("device", "audit", "issue", "entry", "root")
      .chain((part) =>
        fc.record({ part: fc.constant(part), name: fc.constantFrom(...names[part]), value: odd }),
      );
    const entry = { file_name: "a", file_hash: hex("a", 32) };
    let refused = 0;
    fc.assert(
      fc.property(place, ({ part, name, value }) => {
        const member = { [name]: value };
        const changed = {
          device: () => device(member),
          audit: () => audit(member),
          issue: () => issueWith(member),
          entry: () => device({ manifest: [{ ...entry, ...member }] }),
          root: () => ({ ...REPORT, ...member }),
        }[part]();
        const isTaken = check(plain(changed));
        if (isTaken) read(changed);
        else expect(refusal(() => read(changed))).toBe("CONTENT_STRUCTURE_INVALID");
        if (!isTaken) refused++;
      }),
      { numRuns: 2000 },
    );
    expect(refused).toBeGreaterThan(100);
  });
});
