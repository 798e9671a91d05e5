import { beforeAll, describe, expect, test } from "@jest/globals";
import { encodeCbor, PrivateKey } from "@tallystick/cose";
import { leafHash } from "@tallystick/merkle";
import { Receipt, ReceiptError, VerifiedInclusion } from "@tallystick/receipt";
import {
  cosign,
  formatTlogProof,
  noteSigner,
  parseTlogProof,
  signNote,
  TlogError,
  verifyTlogProof,
  WitnessPolicy,
  withNoteSignatures,
} from "@tallystick/tlog";
import type { NoteSigner, TlogProof } from "@tallystick/tlog";
import fc from "fast-check";

import { VerifierError } from "./error.js";
import { proofOf, receiptOf } from "./proof.js";
import { makeService, receiptFor, TIME, trustIn } from "./testing/service.js";
import type { TestService } from "./testing/service.js";
import type { TrustStore } from "./trust.js";
import { noteOf } from "./witnesses.js";

const ENTRY = new Uint8Array(32).fill(7);
const NONE = WitnessPolicy.parse(new TextEncoder().encode("quorum none\n"));
let service: TestService;
let trust: TrustStore;
let log: NoteSigner;
let witness: NoteSigner;

beforeAll(async () => {
  service = await makeService("alpha");
  trust = trustIn([service]);
  log = noteSigner(service.origin, "ed25519", await PrivateKey.generate("EdDSA"));
  const key = await PrivateKey.generate("EdDSA");
  witness = noteSigner("witness.example/1", "ed25519-cosignature", key);
});

async function inclusionOf(bytes: Uint8Array): Promise<VerifiedInclusion> {
  const { publicKey: key } = service.key;
  return VerifiedInclusion.verify(Receipt.decode(bytes), { entry: ENTRY, key });
}

/** A receipt that carries the signatures of log and witness. */
async function cosigned(place: { index: number; size: number }): Promise<Uint8Array> {
  const bare = await receiptFor(service, ENTRY, place);
  const { text } = noteOf(await inclusionOf(bare));
  return withNoteSignatures(bare, [await signNote(text, log), await cosign(text, witness, TIME)]);
}

async function sample(): Promise<TlogProof> {
  return proofOf(await inclusionOf(await cosigned({ index: 3, size: 6 })));
}

describe("a receipt as a tlog-proof", () => {
  test("proves the same to a reader of proofs, and comes back byte for byte", async () => {
    const places = fc
      .integer({ min: 2, max: 70 })
      .chain((size) => fc.record({ size: fc.constant(size), index: fc.nat(size - 1) }));
    await fc.assert(
      fc.asyncProperty(places, fc.boolean(), async (place, isCarrying) => {
        const bare = await receiptFor(service, ENTRY, place);
        const receipt = isCarrying ? await cosigned(place) : bare;
        const inclusion = await inclusionOf(receipt);
        const { text, signatures } = noteOf(inclusion);
        const own = isCarrying ? signatures : [await signNote(text, log)];
        const bytes = formatTlogProof(proofOf(inclusion, own));
        const proof = parseTlogProof(bytes);
        const held = { leafHash: leafHash(ENTRY), policy: NONE, logs: [log.key] };
        const { checkpoint } = await verifyTlogProof(proof, held);
        expect(checkpoint).toMatchObject({ origin: service.origin, size: place.size });
        expect(checkpoint.root).toEqual(inclusion.root);
        expect(await receiptOf(proof, trust)).toEqual(receipt);
      }),
      { numRuns: 25 },
    );
  });

  test("takes the signatures that are given in place of those carried", async () => {
    const bare = await inclusionOf(await receiptFor(service, ENTRY));
    expect(await codeOf(() => proofOf(bare))).toBe("TLOG_SIGNATURE_MISSING");
    const own = await signNote(noteOf(bare).text, log);
    expect(proofOf(bare, [own]).note.signatures).toEqual([own]);
  });
});

async function codeOf(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    const isRefusal = [TlogError, ReceiptError, VerifierError].some(
      (type) => error instanceof type,
    );
    if (isRefusal) return (error as TlogError).code;
    throw error;
  }
  throw new Error("was not refused");
}

describe("no receipt follows from a proof", () => {
  test.each<[string, (proof: TlogProof) => TlogProof | Promise<TlogProof>, string]>([
    ["without extra", ({ index, path, note }) => ({ index, path, note }), "TLOG_PROOF_MALFORMED"],
    ["with other data", (proof) => ({ ...proof, extra: Uint8Array.of(1) }), "TLOG_PROOF_MALFORMED"],
    ["with no CBOR", (proof) => ({ ...proof, extra: Uint8Array.of(0xff) }), "TLOG_PROOF_MALFORMED"],
    [
      "with a third part that is true",
      (proof) => ({ ...proof, extra: extraWith(true) }),
      "TLOG_PROOF_MALFORMED",
    ],
    [
      "with a fourth part",
      (proof) => ({ ...proof, extra: extraWith(false, false) }),
      "TLOG_PROOF_MALFORMED",
    ],
    ["with a third part", (proof) => ({ ...proof, extra: extraWith(1) }), "TLOG_PROOF_MALFORMED"],
    ["of another root", (proof) => edited(proof, rootLine, zeroes), "VERIFIER_CHECKPOINT_REFUSED"],
    ["of another size", (proof) => edited(proof, /\n6\n/, "\n7\n"), "TLOG_PROOF_MALFORMED"],
    ["of another log", (proof) => edited(proof, /alpha/, "beta"), "TLOG_PROOF_MALFORMED"],
    [
      "that is no checkpoint",
      (proof) => edited(proof, /\n6\n/, "\n\n"),
      "TLOG_CHECKPOINT_MALFORMED",
    ],
    ["without a path", (proof) => ({ ...proof, path: [] }), "RECEIPT_MALFORMED"],
  ])("%s", async (_name, change, code) => {
    const proof = await change(await sample());
    expect(await codeOf(() => receiptOf(proof, trust))).toBe(code);
  });

  const rootLine = /[^\n]{43}=\n/;
  const zeroes = `${"A".repeat(43)}=\n`;

  function extraWith(...more: readonly (boolean | number)[]): Uint8Array {
    return encodeCbor([new Uint8Array(1), new Uint8Array(1), ...more]);
  }

  function edited(proof: TlogProof, from: RegExp, to: string): TlogProof {
    const { text, signatures } = proof.note;
    return { ...proof, note: { text: text.replace(from, to), signatures } };
  }

  test("of a service that is not pinned", async () => {
    const strangers = trustIn([await makeService("alpha")]);
    const proof = await sample();
    expect(await codeOf(() => receiptOf(proof, strangers))).toBe("VERIFIER_CHECKPOINT_REFUSED");
  });

  test("that holds for another place: whoever verifies it sees that", async () => {
    const moved = { ...(await sample()), index: 2 };
    const receipt = await receiptOf(moved, trust);
    await expect(inclusionOf(receipt)).rejects.toThrow();
  });
});
