import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, describe, expect, test } from "@jest/globals";

import type { BombReader } from "./testing/bomb-child.js";

/** Megabytes that live objects may take; Node itself takes some ten. */
const HEAP_MIB = 96;

/** Seconds of processor time, which other processes do not take away; the start of Node is among it. */
const CPU_SECONDS = 15;

/** For a machine on which many processes wait for each processor. */
const LIMIT_MS = 300_000;

const CHILD = join(import.meta.dirname, "testing", "bomb-child.js");
const folder = mkdtempSync(join(tmpdir(), "tally-bombs-"));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Ended {
  readonly said: string;
  /** Exit code, or the signal that ended it. */
  readonly how: number | string | null;
}

/** Has a payload read in a process of its own, and yields what it said and how it ended. */
async function read(reader: BombReader, payload: Uint8Array, type?: string): Promise<Ended> {
  const file = join(folder, `${reader}.bin`);
  writeFileSync(file, payload);
  const node = [process.execPath, `--max-old-space-size=${HEAP_MIB}`, CHILD, reader, file];
  const args = ["-c", `ulimit -t ${CPU_SECONDS}; exec "$@"`, "sh", ...node];
  const child = spawn("/bin/sh", type === undefined ? args : [...args, type], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  return { said: said.trim(), how: code ?? signal };
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const filled = (byte: number, length = 1_000_000): Uint8Array => new Uint8Array(length).fill(byte);

/** Nine times a thousandfold: the classic, which comes to a billion. */
const LAUGHS = `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a0 "ha">${Array.from(
  { length: 9 },
  (_, i) => `<!ENTITY a${i + 1} "${`&a${i};`.repeat(10)}">`,
).join(
  "",
)}]><SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd" name="&a9;" tagId="t"/>`;

const SWID_OF_FILES = `<SoftwareIdentity xmlns="http://standards.iso.org/iso/19770/-2/2015/schema.xsd" name="n" tagId="t"><Payload>${'<File name="f"/>'.repeat(60_000)}</Payload></SoftwareIdentity>`;

const BILL = (components: string): Uint8Array =>
  utf8(`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[${components}]}`);

const deep = (open: string, close: string, times: number): string =>
  open.repeat(times) + close.repeat(times);

/** A list that says how many there are, and has none of them. */
const MANY_TRUE = Uint8Array.of(0x9b, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff);

/** A map of a hundred thousand and more different keys. */
function wideMap(): Uint8Array {
  const keys = 150_000;
  const bytes = Buffer.alloc(5 + keys * 6);
  bytes.writeUInt8(0xba, 0);
  bytes.writeUInt32BE(keys, 1);
  for (let i = 0; i < keys; i++) {
    bytes.writeUInt8(0x1a, 5 + i * 6);
    bytes.writeUInt32BE(0x1_0000 + i, 6 + i * 6);
    bytes.writeUInt8(0xf6, 10 + i * 6);
  }
  return new Uint8Array(bytes);
}

/** A JWS whose header is as long as a payload may be. */
const HEADED = `${Buffer.from(`{"alg":"ES512","kid":"${"k".repeat(700_000)}"}`).toString("base64url")}.e30.AAAA`;

/** A CEL expression that would come to a list of 10^12. */
const LOOPS = `${"[1,2,3,4,5,6,7,8,9,10].map(a, ".repeat(12)}1${")".repeat(12)}.size() > 0`;

const policyWith = (cel: string): Uint8Array =>
  utf8(
    JSON.stringify({
      format: "tallystick-policy/1",
      previous: null,
      operators: [],
      issuers: [],
      algorithms: ["ES256"],
      maxStatementBytes: 1024,
      rules: [{ name: "loops", cel, reason: "r" }],
    }),
  );

const JSON_TYPE = "application/vnd.tallystick.record+json";
const SWID = "application/swid+xml";
const CDX = "application/vnd.cyclonedx+json";

const BOMBS: readonly (readonly [
  name: string,
  reader: BombReader,
  make: () => Uint8Array,
  outcome: RegExp,
  type?: string,
])[] = [
  ["entities of entities", "content", () => utf8(LAUGHS), /^CONTENT_MALFORMED$/, SWID],
  ["elements in elements", "content", () => utf8(deep("<a>", "</a>", 140_000)), /^CONTENT_/, SWID],
  [
    "one long attribute",
    "content",
    () => utf8(`<a b="${"x".repeat(1_000_000)}`),
    /^CONTENT_/,
    SWID,
  ],
  ["sixty thousand files", "content", () => utf8(SWID_OF_FILES), /^(?:swid|CONTENT_\w+)$/, SWID],
  ["lists in lists of JSON", "content", () => filled(0x5b), /^CONTENT_MALFORMED$/, JSON_TYPE],
  [
    "a number of a million digits",
    "content",
    () => filled(0x39),
    /^(?:opaque|CONTENT_\w+)$/,
    JSON_TYPE,
  ],
  [
    "a member twice",
    "content",
    () => utf8(`{"a":1,${'"a":1,'.repeat(150_000)}"a":1}`),
    /^CONTENT_/,
    JSON_TYPE,
  ],
  [
    "the prototype as members",
    "content",
    () => BILL(deep('{"__proto__":', "{}", 1) + "}"),
    /^(?:bom|CONTENT_\w+)$/,
    CDX,
  ],
  [
    "components without end",
    "content",
    () => BILL(Array.from({ length: 80_000 }, () => "{}").join(",")),
    /^(?:bom|CONTENT_\w+)$/,
    CDX,
  ],
  [
    "components in components",
    "content",
    () => BILL(`${'{"components":['.repeat(20_000)}${"]}".repeat(20_000)}`),
    /^CONTENT_MALFORMED$/,
    CDX,
  ],
  [
    "a header of a megabyte",
    "content",
    () => utf8(HEADED),
    /^(?:opaque|CONTENT_\w+)$/,
    "application/jose",
  ],
  ["lists in lists of CBOR", "content", () => filled(0x81), /^CONTENT_/, "application/swid+cbor"],
  ["lists without end", "content", () => filled(0x9f), /^CONTENT_/, "application/swid+cbor"],
  ["tags on tags", "content", () => filled(0xd8), /^CONTENT_/, "application/swid+cbor"],
  ["a list of 2^39 items", "content", () => MANY_TRUE, /^CONTENT_/, "application/swid+cbor"],
  [
    "a hundred and fifty thousand keys",
    "content",
    () => wideMap(),
    /^CONTENT_/,
    "application/swid+cbor",
  ],
  ["a statement of lists in lists", "statement", () => filled(0x81), /^(?:COSE|STATEMENT)_/],
  ["a statement that says that it is long", "statement", () => MANY_TRUE, /^(?:COSE|STATEMENT)_/],
  ["a statement of many keys", "statement", () => wideMap(), /^(?:COSE|STATEMENT)_/],
  ["a receipt of lists in lists", "receipt", () => filled(0x81), /^(?:COSE|RECEIPT)_/],
  ["a receipt of many keys", "receipt", () => wideMap(), /^(?:COSE|RECEIPT)_/],
  ["evidence of blocks without length", "evidence", () => filled(0x00), /^EVIDENCE_/],
  ["evidence that says that it is long", "evidence", () => filled(0xff), /^EVIDENCE_/],
  ["certificates in certificates", "evidence", () => filled(0x30), /^EVIDENCE_/],
  ["a bundle of lists in lists", "bundle", () => filled(0x81), /^APPRAISAL_/],
  ["a bundle of many keys", "bundle", () => wideMap(), /^APPRAISAL_/],
  ["a policy of objects in objects", "policy", () => utf8('{"a":'.repeat(150_000)), /^POLICY_/],
  ["a policy whose rule loops in loops", "policy", () => policyWith(LOOPS), /^POLICY_/],
  [
    "a policy whose rule is all brackets",
    "policy",
    () => policyWith(deep("(", ")", 30_000)),
    /^POLICY_/,
  ],
  [
    "an appraisal policy of lists in lists",
    "appraisal-policy",
    () => utf8(`{"format":"tallystick-appraisal/1","rules":${"[".repeat(200_000)}`),
    /^APPRAISAL_/,
  ],
];

describe(`in ${HEAP_MIB} MiB of heap and ${CPU_SECONDS} s of processor time`, () => {
  test.each(BOMBS)(
    "%s: read or refused (%s)",
    // As a list: where a row has no type, jest takes the last of five parameters for a callback.
    async (_name, ...[reader, make, outcome, type]) => {
      const { said, how } = await read(reader, make(), type);
      expect(how).toBe(0);
      expect(said).toMatch(outcome);
    },
    LIMIT_MS,
  );

  test(
    "what hoards comes to no end of its own",
    async () => {
      const { said, how } = await read("hoard", Uint8Array.of(0));
      expect(said).toBe("");
      expect(how).not.toBe(0);
    },
    LIMIT_MS,
  );

  test(
    "nor does what spins",
    async () => {
      const { said, how } = await read("spin", Uint8Array.of(0));
      expect(said).toBe("");
      expect(["SIGXCPU", "SIGKILL"]).toContain(how);
    },
    LIMIT_MS,
  );
});
