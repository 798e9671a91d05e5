import { describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import fc from "fast-check";

import { formatCheckpoint } from "./checkpoint.js";
import { parseNote, formatNote, type Note, type NoteSignature } from "./note.js";
import { WitnessedCheckpoint, WitnessPolicy } from "./policy.js";
import { cosign, signNote } from "./signing.js";
import { refusal, rejection } from "./testing/refusal.js";
import { noteSigner, VerifierKey, type NoteSigner } from "./verifier-key.js";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const policyOf = (text: string): WitnessPolicy => WitnessPolicy.parse(bytesOf(text));

const ORIGIN = "log.example/1";
const text = formatCheckpoint({ origin: ORIGIN, size: 3, root: new Uint8Array(32) });
const logKey = noteSigner(ORIGIN, "ed25519", await PrivateKey.generate("EdDSA"));
const otherLog = noteSigner("log.example/2", "ed25519", await PrivateKey.generate("EdDSA"));
const stranger = noteSigner(ORIGIN, "ed25519", await PrivateKey.generate("EdDSA"));
const signers = await Promise.all(
  ["X1", "X2", "X3", "Y1", "Y2", "Y3"].map(async (name, at) =>
    at === 0
      ? noteSigner(name, "ml-dsa-44-cosignature", await PrivateKey.generate("ML-DSA-44"))
      : noteSigner(name, "ed25519-cosignature", await PrivateKey.generate("EdDSA")),
  ),
);
const cosignatures = await Promise.all(signers.map((one) => cosign(text, one, 1_700_000_000)));
const logLine = await signNote(text, logKey);

function vkey(at: number): string {
  return signers[at]?.key.format() ?? "";
}

const WITNESSES = signers.map(({ key }) => `witness ${key.name} ${key.format()}\n`).join("");
const GROUPS = "group X 2 X1 X2 X3\ngroup Y any Y1 Y2 Y3\ngroup X-and-Y all X Y\n";
const LOG = `log ${logKey.key.format()}\n`;

/** The checkpoint with the log's line and the cosignatures at these places. */
function noteWith(places: readonly number[], first: NoteSignature = logLine): Note {
  const chosen = cosignatures.filter((_line, at) => places.includes(at));
  return parseNote(formatNote({ text, signatures: [first, ...chosen] }));
}

describe("WitnessPolicy.parse", () => {
  test("takes comments, empty lines, tabs, URLs and octets that are not UTF-8", () => {
    const head = `# a comment\n\n \t\n\t  # another\nlog\t${logKey.key.format()} https://log.example/\n`;
    const tail = ` witness  a ${vkey(0)}  https://w.example/ \nquorum a\n`;
    const policy = WitnessPolicy.parse(
      Uint8Array.of(...bytesOf(head), 0x23, 0xff, 0xfe, 0x0a, ...bytesOf(tail)),
    );
    expect(policy.logs.map(({ key, url }) => [key.name, url])).toEqual([
      [ORIGIN, "https://log.example/"],
    ]);
    expect(policy.witnesses.map(({ name, url }) => [name, url])).toEqual([
      ["a", "https://w.example/"],
    ]);
  });

  test("tells names apart by their octets", () => {
    const policy = policyOf(`witness K ${vkey(0)}\nwitness \u212a ${vkey(1)}\nquorum K\n`);
    expect(policy.witnesses).toHaveLength(2);
    expect(policy.isQuorum(["K"])).toBe(true);
    expect(policy.isQuorum([policy.witnesses[1]?.name ?? ""])).toBe(false);
  });

  test("takes 128 logs, witnesses and groups, and no more", async () => {
    const keys = await Promise.all(
      Array.from({ length: 129 }, async (_, at) => {
        const signer = await PrivateKey.generate("EdDSA");
        return noteSigner(`k${at}`, "ed25519-cosignature", signer).key;
      }),
    );
    const many = (count: number): string => {
      const some = keys.slice(0, count);
      const lines = [
        ...some.map((key) => `log ${key.format()}`),
        ...some.map((key, at) => `witness w${at} ${key.format()}`),
        ...some.map((_key, at) => `group g${at} all w${at}`),
        "quorum g0",
      ];
      return `${lines.join("\n")}\n`;
    };
    expect(policyOf(many(128)).witnesses).toHaveLength(128);
    expect(refusal(() => policyOf(many(129)))).toBe("TLOG_POLICY_MALFORMED");
  });

  const A = `witness a ${vkey(0)}\nwitness b ${vkey(1)}\n`;
  test.each([
    ["nothing", ""],
    ["no quorum", A],
    ["two quorums", `${A}quorum a\nquorum b\n`],
    ["no end of the last line", `${A}quorum a`],
    ["a carriage return", `${A}quorum a\r\n`],
    ["DEL", `${A}#\u007f\nquorum a\n`],
    ["another keyword", `${A}witnesses c\nquorum a\n`],
    ["a keyword in capitals", `${A}QUORUM a\n`],
    ["an unknown quorum", `${A}quorum c\n`],
    ["a quorum before its definition", `quorum a\n${A}`],
    ["a log without key", `log\nquorum none\n`],
    ["a log with a third item", `log ${logKey.key.format()} u v\nquorum none\n`],
    ["a bad vkey", `log ${logKey.key.format()}A\nquorum none\n`],
    ["a log twice", `${LOG}${LOG}quorum none\n`],
    ["a witness without key", `witness a\nquorum none\n`],
    ["a witness whose key does not cosign", `witness a ${logKey.key.format()}\nquorum a\n`],
    ["a name twice", `${A}witness a ${vkey(2)}\nquorum a\n`],
    ["a witness key twice", `${A}witness c ${vkey(1)}\nquorum a\n`],
    ["a group named as a witness", `${A}group a any b\nquorum a\n`],
    ["a witness called none", `witness none ${vkey(0)}\nquorum none\n`],
    ["a group with none", `${A}group g any none\nquorum g\n`],
    ["a group of nobody", `${A}group g any\nquorum g\n`],
    ["a group of itself", `${A}group g any g\nquorum g\n`],
    ["a group of what comes later", `group g any a\n${A}quorum g\n`],
    ["a member twice in a group", `${A}group g 2 a a\nquorum g\n`],
    ["a member of two groups", `${A}group g any a\ngroup h any a b\nquorum h\n`],
    ["a threshold of 0", `${A}group g 0 a b\nquorum g\n`],
    ["a threshold above the members", `${A}group g 3 a b\nquorum g\n`],
    ["a threshold with a leading zero", `${A}group g 01 a b\nquorum g\n`],
    ["a threshold that is no number", `${A}group g most a b\nquorum g\n`],
    ["one key under two names", `${A}witness c ${renamed(1)}\nquorum a\n`],
  ])("refuses %s", (_name, body) => {
    expect(refusal(() => policyOf(body))).toBe("TLOG_POLICY_MALFORMED");
  });

  test("says in which line", () => {
    expect(() => policyOf(`${A}group g 3 a b\nquorum g\n`)).toThrow("line 3");
  });
});

function renamed(at: number): string {
  const { key } = signers[at] ?? logKey;
  return VerifierKey.of("another.example", key.type, key.publicKey).format();
}

describe("WitnessedCheckpoint.verify", () => {
  test.each([
    ["two of X and one of Y", [0, 1, 3], true],
    ["all", [0, 1, 2, 3, 4, 5], true],
    ["one of X and all of Y", [2, 3, 4, 5], false],
    ["all of X alone", [0, 1, 2], false],
    ["nobody", [], false],
  ] as const)("groups of groups: %s", async (_name, places, isEnough) => {
    const policy = policyOf(`${LOG}${WITNESSES}${GROUPS}quorum X-and-Y\n`);
    const verdict = WitnessedCheckpoint.verify(noteWith(places), policy);
    if (!isEnough) {
      expect(await rejection(verdict)).toBe("TLOG_QUORUM_MISSING");
      return;
    }
    const { witnesses, checkpoint } = await verdict;
    expect(witnesses.map(({ witness }) => witness.name)).toEqual(
      places.map((at) => signers[at]?.key.name),
    );
    expect(checkpoint.size).toBe(3);
  });

  test("agrees with a count by hand for each set of witnesses", () => {
    const policy = policyOf(`${WITNESSES}${GROUPS}quorum X-and-Y\n`);
    const names = signers.map(({ key }) => key.name);
    fc.assert(
      fc.property(fc.subarray(names), (some) => {
        const count = (start: string): number => some.filter((n) => n.startsWith(start)).length;
        expect(policy.isQuorum(some)).toBe(count("X") >= 2 && count("Y") >= 1);
      }),
    );
  });

  test("quorum none asks for the log alone", async () => {
    const policy = policyOf(`${LOG}quorum none\n`);
    const verified = await WitnessedCheckpoint.verify(noteWith([]), policy);
    expect(verified.witnesses).toEqual([]);
    expect(WitnessedCheckpoint.is(verified)).toBe(true);
  });

  test("takes logs beside the policy", async () => {
    const policy = policyOf(`witness a ${vkey(1)}\nquorum a\n`);
    const verified = await WitnessedCheckpoint.verify(noteWith([1]), policy, [logKey.key]);
    expect(verified.witnesses.map(({ time }) => time)).toEqual([1_700_000_000]);
  });

  const foreign: readonly (readonly [string, NoteSigner])[] = [
    ["a log with another name", otherLog],
    ["nobody that is known", stranger],
  ];
  test.each(foreign)("refuses what %s signed, however many cosigned", async (_name, signer) => {
    const policy = policyOf(`${LOG}log ${otherLog.key.format()}\n${WITNESSES}quorum X1\n`);
    const note = noteWith([0, 1, 2, 3], await signNote(text, signer));
    expect(await rejection(WitnessedCheckpoint.verify(note, policy))).toBe(
      "TLOG_SIGNATURE_MISSING",
    );
  });

  test("refuses the whole note for one bad cosignature that the quorum does not need", async () => {
    const policy = policyOf(`${LOG}${WITNESSES}quorum X1\n`);
    const bad = { ...(cosignatures[3] ?? logLine), signature: new Uint8Array(72) };
    const signatures = [logLine, ...cosignatures.slice(0, 1), bad];
    expect(await rejection(WitnessedCheckpoint.verify({ text, signatures }, policy))).toBe(
      "TLOG_SIGNATURE_INVALID",
    );
  });
});
