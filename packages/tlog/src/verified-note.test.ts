import * as crypto from "node:crypto";

import { describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import fc from "fast-check";

import { formatCheckpoint } from "./checkpoint.js";
import { formatNote, parseNote, type Note } from "./note.js";
import { cosign, signNote } from "./signing.js";
import { COSIGNED, SIGNED_NOTE, SUMDB } from "./testing/published.js";
import { ed25519, keyId, signatureLine, vkey } from "./testing/reference.js";
import { rejection } from "./testing/refusal.js";
import { VerifiedNote } from "./verified-note.js";
import { noteSigner, VerifierKey, type NoteSigner } from "./verifier-key.js";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const noteOf = (text: string): Note => parseNote(bytesOf(text));

const root = new Uint8Array(32).fill(7);
const text = formatCheckpoint({ origin: "log.example/1", size: 9, root });
const logKey = noteSigner("log.example/1", "ed25519", await PrivateKey.generate("EdDSA"));
const classical = noteSigner("w1", "ed25519-cosignature", await PrivateKey.generate("EdDSA"));
const quantum = noteSigner("w2", "ml-dsa-44-cosignature", await PrivateKey.generate("ML-DSA-44"));
const stranger = noteSigner("log.example/1", "ed25519", await PrivateKey.generate("EdDSA"));

describe("published notes", () => {
  test.each([
    ["sumdb", SUMDB],
    ["C2SP", SIGNED_NOTE],
  ])("the example of %s verifies", async (_name, { vkey: key, text: body, line }) => {
    const note = noteOf(`${body}\n${line}`);
    const { signatures } = await VerifiedNote.verify(note, [VerifierKey.parse(key)]);
    expect(signatures.map(({ time }) => time)).toEqual([undefined]);
  });

  test("the example of sumdb is signed again, byte for byte", async () => {
    const { publicKey } = VerifierKey.parse(SUMDB.vkey);
    const d = Buffer.from(SUMDB.seed, "base64").toString("base64url");
    const signer = noteSigner(
      "PeterNeumann",
      "ed25519",
      PrivateKey.fromJwk({ ...publicKey.toJwk(), d }),
    );
    const signatures = [await signNote(SUMDB.text, signer)];
    expect(formatNote({ text: SUMDB.text, signatures })).toEqual(
      bytesOf(`${SUMDB.text}\n${SUMDB.line}`),
    );
  });

  test("the example of tlog-cosignature is of nobody here", async () => {
    const keys = [logKey.key, classical.key];
    expect(await rejection(VerifiedNote.verify(noteOf(COSIGNED), keys))).toBe(
      "TLOG_SIGNATURE_MISSING",
    );
  });
});

describe("messages after the specification", () => {
  test("an Ed25519 signature is over the text", async () => {
    const { raw, secret } = ed25519();
    const line = signatureLine("a", keyId("a", 1, raw), crypto.sign(null, bytesOf(text), secret));
    const key = VerifierKey.parse(vkey("a", 1, raw));
    const { signatures } = await VerifiedNote.verify(noteOf(`${text}\n${line}`), [key]);
    expect(signatures).toHaveLength(1);
  });

  test("W8: an Ed25519 cosignature is over header, time and the whole text", async () => {
    const { raw, secret } = ed25519();
    const body = `${text}extension\n`;
    const message = bytesOf(`cosignature/v1\ntime 1679315147\n${body}`);
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(1679315147n);
    const signature = Buffer.concat([time, crypto.sign(null, message, secret)]);
    const line = signatureLine("w", keyId("w", 4, raw), signature);
    const key = VerifierKey.parse(vkey("w", 4, raw));
    const { signatures } = await VerifiedNote.verify(noteOf(`${body}\n${line}`), [key]);
    expect(signatures[0]?.time).toBe(1679315147);
  });

  test("W9: an ML-DSA-44 cosignature is over name, time, origin, range and root", async () => {
    let message: Uint8Array = new Uint8Array(0);
    const recording = {
      ...{ algorithm: quantum.signer.algorithm, publicKey: quantum.signer.publicKey },
      sign: (bytes: Uint8Array) => {
        message = bytes;
        return quantum.signer.sign(bytes);
      },
    };
    const body = `${text}extension\n`;
    await cosign(body, noteSigner("w2", "ml-dsa-44-cosignature", recording), 0x0102030405);
    const wanted = [
      "737562747265652f76310a00", // "subtree/v1\n\0"
      "027732", // name
      "0000000102030405",
      "0d6c6f672e6578616d706c652f31", // origin
      "0000000000000000",
      "0000000000000009",
      "07".repeat(32),
    ];
    expect(Buffer.from(message).toString("hex")).toBe(wanted.join(""));
  });
});

describe("VerifiedNote.verify", () => {
  const lines = Promise.all([
    signNote(text, logKey),
    cosign(text, classical, 1_700_000_000),
    cosign(text, quantum, 1_700_000_001),
  ]);

  test("yields what each known key says, and when", async () => {
    const note = parseNote(formatNote({ text, signatures: await lines }));
    const keys = [quantum.key, logKey.key, classical.key, logKey.key];
    const verified = await VerifiedNote.verify(note, keys);
    expect(verified.signatures.map(({ key, time }) => [key.name, time])).toEqual([
      ["log.example/1", undefined],
      ["w1", 1_700_000_000],
      ["w2", 1_700_000_001],
    ]);
    expect(VerifiedNote.is(verified)).toBe(true);
    const { note: read, signatures } = verified;
    expect(VerifiedNote.is({ note: read, signatures })).toBe(false);
  });

  test("W2: ignores other keys, also with a known name", async () => {
    const signatures = [await signNote(text, stranger), ...(await lines)];
    const verified = await VerifiedNote.verify({ text, signatures }, [logKey.key]);
    expect(verified.signatures.map(({ key }) => key)).toEqual([logKey.key]);
  });

  test("W2: ignores another name with a known id", async () => {
    const [line] = await lines;
    const signatures = [{ ...line, name: "other" }, line];
    const verified = await VerifiedNote.verify({ text, signatures }, [logKey.key]);
    expect(verified.signatures).toHaveLength(1);
  });

  test("W2: one bad signature of a known key refuses the note, also behind a good one", async () => {
    const [good] = await lines;
    const bad = { ...good, signature: new Uint8Array(64) };
    for (const signatures of [
      [good, bad],
      [bad, good],
    ]) {
      expect(await rejection(VerifiedNote.verify({ text, signatures }, [logKey.key]))).toBe(
        "TLOG_SIGNATURE_INVALID",
      );
    }
  });

  test.each([
    ["without any key", []],
    ["with a key that did not sign", [stranger.key]],
  ])("W2: refuses a note %s", async (_name, keys) => {
    const note = { text, signatures: await lines };
    expect(await rejection(VerifiedNote.verify(note, keys))).toBe("TLOG_SIGNATURE_MISSING");
  });

  test.each([
    ["Ed25519", classical],
    ["ML-DSA-44", quantum],
  ])("refuses a cosignature of %s with another time", async (_name, signer) => {
    const line = await cosign(text, signer, 1_700_000_000);
    for (const at of [0, 7]) {
      const signature = new Uint8Array(line.signature);
      signature[at] = (signature[at] ?? 0) ^ 1;
      const note = { text, signatures: [{ ...line, signature }] };
      expect(await rejection(VerifiedNote.verify(note, [signer.key]))).toBe(
        "TLOG_SIGNATURE_INVALID",
      );
    }
  });

  test("refuses a cosignature of one byte less or more", async () => {
    const line = await cosign(text, classical, 1);
    for (const signature of [line.signature.slice(1), Uint8Array.of(...line.signature, 0)]) {
      const note = { text, signatures: [{ ...line, signature }] };
      expect(await rejection(VerifiedNote.verify(note, [classical.key]))).toBe(
        "TLOG_SIGNATURE_INVALID",
      );
    }
  });

  test("a signature of one type counts for no other type of the same key", async () => {
    const twin = noteSigner("w1", "ed25519", classical.signer);
    const line = await cosign(text, classical, 1);
    const signatures = [{ ...line, keyId: twin.key.keyId }];
    expect(await rejection(VerifiedNote.verify({ text, signatures }, [twin.key]))).toBe(
      "TLOG_SIGNATURE_INVALID",
    );
  });

  test("refuses a cosignature over what is no checkpoint", async () => {
    const line = await cosign(text, classical, 1);
    const note = { text: "hello\n", signatures: [line] };
    expect(await rejection(VerifiedNote.verify(note, [classical.key]))).toBe(
      "TLOG_CHECKPOINT_MALFORMED",
    );
  });

  test.each<[string, NoteSigner]>([
    ["Ed25519", logKey],
    ["an Ed25519 cosignature", classical],
    ["an ML-DSA-44 cosignature", quantum],
  ])("no changed byte verifies under %s", async (_name, signer) => {
    const line = await (signer === logKey ? signNote(text, signer) : cosign(text, signer, 77));
    const bytes = formatNote({ text, signatures: [line] });
    await fc.assert(
      fc.asyncProperty(
        fc.nat(bytes.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, mask) => {
          const changed = new Uint8Array(bytes);
          changed[at] = (changed[at] ?? 0) ^ mask;
          const attempt = async (): Promise<VerifiedNote> =>
            VerifiedNote.verify(parseNote(changed), [signer.key]);
          expect(await rejection(attempt())).toMatch(/^TLOG_/);
        },
      ),
      { numRuns: signer === quantum ? 40 : 300 },
    );
  });
});

describe("signing", () => {
  test("a key of the wrong type is misuse", async () => {
    await expect(signNote(text, classical)).rejects.toThrow(TypeError);
    await expect(cosign(text, logKey, 1)).rejects.toThrow(TypeError);
    await expect(cosign(text, classical, -1)).rejects.toThrow(TypeError);
  });

  test("signs no text that is no note, and cosigns nothing but checkpoints", async () => {
    expect(await rejection(signNote("a", logKey))).toBe("TLOG_NOTE_MALFORMED");
    expect(await rejection(cosign("a\n", classical, 1))).toBe("TLOG_CHECKPOINT_MALFORMED");
    const long = formatCheckpoint({ origin: "o".repeat(256), size: 1, root });
    expect(await rejection(cosign(long, quantum, 1))).toBe("TLOG_CHECKPOINT_MALFORMED");
    await expect(cosign(long, classical, 1)).resolves.toBeDefined();
  });
});
