import { beforeAll, describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { attachReceipts, SignedStatement, signStatement } from "@tallystick/statement";
import {
  cosign,
  formatCheckpoint,
  noteSigner,
  parseCheckpoint,
  signNote,
  WitnessPolicy,
  withNoteSignatures,
} from "@tallystick/tlog";
import type { NoteSignature, NoteSigner } from "@tallystick/tlog";

import { flipBit, rejection } from "./testing/refusal.js";
import { makeService, receiptFor, TIME, trustIn } from "./testing/service.js";
import type { TestService } from "./testing/service.js";
import { VENDOR, VENDOR_ISS } from "./testing/sample.js";
import { verifyTransparentStatement } from "./transparent.js";
import type { VerifiedTransparentStatement } from "./transparent.js";
import { noteOf, verifyWitnesses } from "./witnesses.js";

const AT = TIME + 5;
let service: TestService;
let statement: SignedStatement;
let receipt: Uint8Array;
let text: string;
let log: NoteSigner;
let one: NoteSigner;
let two: NoteSigner;
let policy: WitnessPolicy;

beforeAll(async () => {
  service = await makeService("alpha");
  const keys = await Promise.all([
    PrivateKey.generate("EdDSA"),
    PrivateKey.generate("EdDSA"),
    PrivateKey.generate("ML-DSA-44"),
  ]);
  log = noteSigner(service.origin, "ed25519", keys[0]);
  one = noteSigner("witness.example/1", "ed25519-cosignature", keys[1]);
  two = noteSigner("witness.example/2", "ml-dsa-44-cosignature", keys[2]);
  policy = policyOf("all");
  const payload = new TextEncoder().encode("{}");
  const claims = { issuer: VENDOR_ISS, subject: "board 7", contentType: "application/json" };
  statement = SignedStatement.decode(await signStatement({ ...claims, payload }, VENDOR));
  receipt = await receiptFor(service, statement.entry);
  text = noteOf(await inclusionOf(receipt)).text;
});

function policyOf(quorum: string, logs = ""): WitnessPolicy {
  const lines = `${logs}witness 1 ${one.key.format()}\nwitness 2 ${two.key.format()}\n`;
  return WitnessPolicy.parse(new TextEncoder().encode(`${lines}group g ${quorum} 1 2\nquorum g\n`));
}

function inclusionOf(bytes: Uint8Array): Promise<VerifiedInclusion> {
  const { entry } = statement;
  return VerifiedInclusion.verify(Receipt.decode(bytes), { entry, key: service.key.publicKey });
}

async function both(signed = text): Promise<readonly NoteSignature[]> {
  return [await cosign(signed, one, AT), await cosign(signed, two, AT + 1)];
}

function verify(
  signatures: readonly NoteSignature[],
  witnesses = policy,
): Promise<VerifiedTransparentStatement> {
  const bytes = attachReceipts(statement, [withNoteSignatures(receipt, signatures)]);
  return verifyTransparentStatement(bytes, trustIn([service]), { witnesses });
}

describe("a receipt with cosignatures", () => {
  test("names its checkpoint by what it signs", async () => {
    const inclusion = await inclusionOf(receipt);
    expect(parseCheckpoint(text)).toEqual({
      ...{ origin: service.origin, size: 6, root: inclusion.root, extensions: [] },
    });
  });

  test("holds where they make the quorum, and says whose they are", async () => {
    const verified = await verify(await both());
    const [counted] = verified.receipts;
    expect(counted?.cosigners.map(({ witness, time }) => [witness.name, time])).toEqual([
      ["1", AT],
      ["2", AT + 1],
    ]);
    expect(verified.steps).toContainEqual({
      step: "witnesses",
      outcome: "verified",
      detail: "cosigned by 1 at 2027-01-15T08:00:05.000Z, 2 at 2027-01-15T08:00:06.000Z",
    });
    expect(
      (
        await verify(
          [(await both())[0]].flatMap((each) => each ?? []),
          policyOf("any"),
        )
      ).receipts,
    ).toHaveLength(1);
  });

  test("holds without a policy as it does without them, and carries them along", async () => {
    const bytes = attachReceipts(statement, [withNoteSignatures(receipt, await both())]);
    const verified = await verifyTransparentStatement(bytes, trustIn([service]));
    expect(verified.receipts[0]?.cosigners).toEqual([]);
    expect(verified.steps.some(({ step }) => step === "witnesses")).toBe(false);
  });

  test("needs the log's own signature where the policy names logs", async () => {
    const own = await signNote(text, log);
    const named = policyOf("all", `log ${log.key.format()}\n`);
    expect((await verify([own, ...(await both())], named)).receipts).toHaveLength(1);
    expect(await stepCode(verify(await both(), named))).toBe("TLOG_SIGNATURE_MISSING");
    const other = noteSigner("other.example/1", "ed25519", await PrivateKey.generate("EdDSA"));
    const foreign = policyOf("all", `log ${other.key.format()}\n`);
    expect(await stepCode(verify([own, ...(await both())], foreign))).toBe(
      "TLOG_SIGNATURE_MISSING",
    );
  });
});

/** The code of the step that failed; the receipt must not have counted for any other reason. */
async function stepCode(verifying: Promise<unknown>): Promise<string | undefined> {
  const { code, steps } = await rejection(verifying);
  expect(code).toBe("VERIFIER_RECEIPTS_INSUFFICIENT");
  return steps.find(({ outcome }) => outcome === "failed")?.code;
}

describe("a receipt does not count", () => {
  const size = (from: string): string => from.replace("\n6\n", "\n7\n");

  test.each<[string, () => Promise<readonly NoteSignature[]>, string]>([
    ["without any", () => Promise.resolve([]), "TLOG_QUORUM_MISSING"],
    ["with one of two", async () => (await both()).slice(0, 1), "TLOG_QUORUM_MISSING"],
    ["with the same one twice", async () => twice(await both()), "TLOG_QUORUM_MISSING"],
    ["with those of strangers", () => strangers(), "TLOG_QUORUM_MISSING"],
    ["with the log's own alone", async () => [await signNote(text, log)], "TLOG_QUORUM_MISSING"],
    [
      "with those of another log",
      () => both(text.replace("alpha", "beta")),
      "TLOG_SIGNATURE_INVALID",
    ],
    ["with those of another size", () => both(size(text)), "TLOG_SIGNATURE_INVALID"],
    ["with those of another root", () => both(otherRoot()), "TLOG_SIGNATURE_INVALID"],
  ])("%s", async (_name, signatures, code) => {
    expect(await stepCode(verify(await signatures()))).toBe(code);
  });

  function twice(lines: readonly NoteSignature[]): readonly NoteSignature[] {
    return lines.slice(0, 1).flatMap((line) => [line, line]);
  }

  async function strangers(): Promise<readonly NoteSignature[]> {
    const keys = await Promise.all([PrivateKey.generate("EdDSA"), PrivateKey.generate("EdDSA")]);
    return Promise.all(
      keys.map((key, at) =>
        cosign(
          text,
          noteSigner(`witness.example/${String(at + 1)}`, "ed25519-cosignature", key),
          AT,
        ),
      ),
    );
  }

  function otherRoot(): string {
    const { origin, size: leaves } = parseCheckpoint(text);
    return formatCheckpoint({ origin, size: leaves, root: new Uint8Array(32) });
  }

  test("with any bit of a cosignature changed", async () => {
    const lines = await both();
    for (const [at, line] of lines.entries()) {
      for (const bit of [0, 63, 64, 100, line.signature.length * 8 - 1]) {
        const signature = flipBit(line.signature, bit);
        const bent = lines.map((each, place) => (place === at ? { ...each, signature } : each));
        expect(await stepCode(verify(bent))).toBe("TLOG_SIGNATURE_INVALID");
      }
    }
  });

  test("if it signs no tree size: no checkpoint follows from it", async () => {
    const { root } = await inclusionOf(receipt);
    const bare = { root, receipt: { subject: service.origin, signedSize: undefined } };
    const asked = verifyWitnesses(bare as unknown as VerifiedInclusion, policy);
    await expect(asked).rejects.toMatchObject({ code: "TLOG_CHECKPOINT_MALFORMED" });
  });
});
