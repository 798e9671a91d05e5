import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { main } from "@tallystick/cli";
import { LABEL, PrivateKey } from "@tallystick/cose";
import { POLICY_MEDIA_TYPE } from "@tallystick/policy";
import type { RuleDocument } from "@tallystick/policy";

import { VENDOR, signed } from "../testing/vendor.js";
import { Engine, ISSUER } from "./engine.js";
import { post, refusal } from "./tally-service.js";

let engine: Engine;
let vendor: PrivateKey;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tally-policies-"));
  vendor = await PrivateKey.generate("EdDSA");
  engine = await Engine.start({
    issuers: [{ iss: VENDOR, keys: [vendor.publicKey.toJwk()] }],
  });
});

afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

/** Signs JSON as a proposal, whatever it says: no library would. */
function proposalOf(json: string, signer = engine.operator): Promise<Uint8Array> {
  return signed(signer, {
    iss: ISSUER,
    payload: json,
    contentType: POLICY_MEDIA_TYPE,
    set: [[LABEL.kid, signer.publicKey.kid]],
  });
}

/** Runs `tally policy check` in this process, and yields its exit code and what it prints. */
async function checked(file: string): Promise<{ code: number; lines: readonly string[] }> {
  const said: string[] = [];
  const stream = (): Writable =>
    new Writable({
      write: (chunk: Uint8Array, _encoding, done) => {
        said.push(new TextDecoder().decode(chunk));
        done();
      },
    });
  const code = await main(["policy", "check", file], { stdout: stream(), stderr: stream() });
  return { code, lines: said.join("").trimEnd().split("\n") };
}

async function documentWith(change: object): Promise<Record<string, unknown>> {
  const { entryId, policy } = await engine.policy();
  return { ...policy, previous: entryId, ...change };
}

const rule = (cel: string): object => ({ rules: [{ name: "bad", cel, reason: "no" }] });

const ROWS: readonly (readonly [string, object, readonly string[]])[] = [
  ["an unknown member", { rule: [] }, ['policy has the unknown member "rule"']],
  [
    "an unknown member of a key",
    { issuers: [{ iss: VENDOR, keys: [{ kty: "OKP", expires: 1 }] }] },
    ['issuers[0].keys[0] has the unknown member "expires"'],
  ],
  [
    "an anchor that is no certificate",
    { anchors: [{ certificate: "AAAA" }] },
    ["anchors[0].certificate: "],
  ],
  [
    "several members that are wrong",
    { maxStatementBytes: 0, algorithms: ["HS256"], approvals: "two", note: "" },
    ['"note"', "approvals is not", "algorithms[0] is not", "maxStatementBytes is not"],
  ],
  [
    "a rule with an unknown member",
    { rules: [{ name: "bad", cel: "true", reason: "no", if: 1 }] },
    ['rules[0]: rule bad: unknown member "if"'],
  ],
  ["a rule that does not parse", rule("statement."), ["rules[0]: rule bad: cel: "]],
  [
    "a rule of an unknown variable",
    rule("unprotected[33] != null"),
    ["rule bad: cel: ", '"unprotected"'],
  ],
  [
    "a rule of an unknown function",
    rule("fetch('https://a.example')"),
    ["rule bad: cel: ", '"fetch"'],
  ],
  ["a rule that is too long", rule(`true${" || true".repeat(2000)}`), ["rule bad: cel: "]],
  [
    "a rule that is too deep",
    rule(`${"(".repeat(200)}true${")".repeat(200)}`),
    ["rule bad: cel: "],
  ],
  [
    "a rule that yields no boolean",
    rule("statement.bytes"),
    ["rules[0]: rule bad: cel: it is int, want bool"],
  ],
  [
    "a rule of a misspelt member",
    rule('!has(identity.isser) || identity.iss == "https://v.example"'),
    ["rule bad: cel: ", 'unknown member "isser", want one of kind, iss'],
  ],
  [
    "a ready rule with a parameter that it does not have",
    { rules: [{ name: "bad", use: "maxBytes", with: { bytes: 1, megabytes: 1 } }] },
    ['rules[0]: rule bad: unknown parameter "megabytes"'],
  ],
  [
    "a schema with an unknown keyword",
    {
      rules: [
        {
          name: "bad",
          use: "payloadSchema",
          with: { contentTypes: ["application/json"], schema: { typ: "object" } },
        },
      ],
    },
    ["rules[0]: rule bad: schema", "typ"],
  ],
  [
    "a schema that contains itself, and would never end",
    {
      rules: [
        {
          name: "bad",
          use: "payloadSchema",
          with: {
            contentTypes: ["application/json"],
            schema: { $ref: "#/$defs/a", $defs: { a: { items: { $ref: "#/$defs/a" } } } },
          },
        },
      ],
    },
    ["rules[0]: rule bad: schema"],
  ],
  [
    "a pattern that RE2 does not have",
    { rules: [{ name: "bad", use: "subject", with: { pattern: "(a+)+\\1" } }] },
    ["rules[0]: rule bad: pattern is "],
  ],
];

describe("a policy that is malformed is refused when it is proposed, and says where:", () => {
  test.each(ROWS)("%s", async (_name, change, details) => {
    const document = await documentWith(change);
    const { size } = engine;
    const refused = await refusal(engine.url, await proposalOf(JSON.stringify(document)));
    expect(refused).toMatchObject({ status: 400, title: "Rejected" });
    for (const detail of details) expect(refused.detail).toContain(detail);
    expect(refused.detail).toContain("Mend the proposed policy.");
    expect(engine.size).toBe(size);

    // The command says the same before anything is signed, each problem on its own line.
    const file = join(folder, "policy.json");
    await writeFile(file, JSON.stringify(document));
    const { code, lines } = await checked(file);
    expect(code).toBe(1);
    expect(lines.every((line) => line.startsWith("problem: "))).toBe(true);
    for (const detail of details) expect(lines.join("\n")).toContain(detail);
  });

  test("a member twice", async () => {
    const text = JSON.stringify(await documentWith({}));
    const twice = text.replace(/^\{/, '{"approvals":1,"approvals":2,');
    const refused = await refusal(engine.url, await proposalOf(twice));
    expect(refused).toMatchObject({ status: 400, title: "Rejected" });
    expect(refused.detail).toContain(
      "one member twice, for the second time at line 1, character 16",
    );
  });

  test("by nobody who may propose, before it is looked into", async () => {
    const refused = await refusal(engine.url, await proposalOf("{", vendor));
    expect(refused).toMatchObject({ status: 400, title: "Rejected" });
    expect(refused.detail).toContain("no key for this iss and kid");
  });
});

const SIXTY = `[${Array.from({ length: 60 }, (_, n) => n).join(",")}]`;
const endless = [1, 2, 3, 4].reduce(
  (inner, level) => `${SIXTY}.all(x${level}, ${inner})`,
  "size(payload.items) < 0 || true",
);

describe("a rule that fails when it is asked refuses, and is named:", () => {
  test.each([
    [
      "as it does not terminate in any useful time",
      endless,
      /the rules cost more than \d+ units to evaluate/,
    ],
    ["as it throws", "1 / (size(payload.items) - 2) > 0", /divide by zero/],
    ["as a member is not there", "payload.svn >= 3", /svn/],
    ["as the types do not fit", 'payload.items + "x" == "y"', /overload/],
    ["as it yields no boolean", "payload.items", /neither true nor false/],
    ["as an index is out of range", "payload.items[7] == 1", /index/],
  ])("%s", async (_name, cel, why) => {
    const failing = await Engine.start({
      issuers: [{ iss: VENDOR, keys: [vendor.publicKey.toJwk()] }],
      rules: [
        { name: "sound", cel: "true", reason: "never" },
        { name: "failing", cel, reason: "for another reason" },
        { name: "strict", cel: "false", reason: "nothing passes" },
      ] satisfies readonly RuleDocument[],
    });
    const bytes = await signed(vendor, {
      payload: '{"items":[1,2]}',
      contentType: "application/json",
      set: [[LABEL.kid, vendor.publicKey.kid]],
    });
    const refused = await refusal(failing.url, bytes);
    expect(refused).toMatchObject({ status: 400, title: "Rejected" });
    const detail = typeof refused.detail === "string" ? refused.detail : "";
    const [, found, next] =
      /current Registration Policy: rule failing: cannot be decided: (.*); rule strict: (.*)$/.exec(
        detail,
      ) ?? [];
    expect(found).toMatch(why);
    // What one rule has spent, no other has.
    expect(next).toBe(cel === endless ? `cannot be decided: ${found ?? ""}` : "nothing passes");
    // An operator can take the rule back, for policies are not judged by rules.
    expect(await post(failing.url, await failing.propose({ rules: [] }))).toMatchObject({
      status: 201,
    });
    expect(await post(failing.url, bytes)).toMatchObject({ status: 201 });
    await failing.close();
  });
});
