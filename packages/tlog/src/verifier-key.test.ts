import { describe, expect, test } from "@jest/globals";
import { PrivateKey, type AlgorithmName } from "@tallystick/cose";

import { SIGNED_NOTE, SUMDB } from "./testing/published.js";
import { ed25519, keyId, vkey } from "./testing/reference.js";
import { refusal } from "./testing/refusal.js";
import { VerifierKey, type SignatureType } from "./verifier-key.js";

const { raw } = ed25519();
// An id of digits alone has no capitals.
const lettered =
  Array.from("abcdefghijklmnopqrstuvwxyz", (name) => vkey(name, 1, raw)).find((text) =>
    /\+[0-9]*[a-f][0-9a-f]*\+/.test(text),
  ) ?? "";

describe("VerifierKey", () => {
  test.each([
    ["sumdb", SUMDB.vkey, ["PeterNeumann", 0xc74f20a3]],
    ["C2SP", SIGNED_NOTE.vkey, ["example.com/foo", 0x530d903a]],
  ])("reads the published key of %s and writes it back", (_name, text, wanted) => {
    const key = VerifierKey.parse(text);
    expect([key.name, key.keyId, key.type]).toEqual([...wanted, "ed25519"]);
    expect(key.format()).toBe(text);
  });

  test.each<[SignatureType, number, AlgorithmName]>([
    ["ed25519", 1, "EdDSA"],
    ["ed25519-cosignature", 4, "EdDSA"],
    ["ed25519-cosignature", 4, "Ed25519"],
    ["ml-dsa-44-cosignature", 6, "ML-DSA-44"],
  ])("has the id and text of the specification: %s, type %i, %s", async (type, id, algorithm) => {
    const { publicKey } = await PrivateKey.generate(algorithm);
    const { x, pub } = publicKey.toJwk();
    const bytes = Buffer.from(x ?? pub ?? "", "base64url");
    const key = VerifierKey.of("example.com/é", type, publicKey);
    expect(key.format()).toBe(vkey("example.com/é", id, bytes));
    expect(key.keyId).toBe(keyId("example.com/é", id, bytes).readUInt32BE());
    expect(VerifierKey.parse(key.format()).equals(key)).toBe(true);
    expect(VerifierKey.parse(key.format()).type).toBe(type);
  });

  test.each([
    ["nothing", ""],
    ["two parts", "a+01020304"],
    ["another key's id", vkey("a", 1, raw).replace(/\+[0-9a-f]{8}\+/, "+00000000+")],
    ["the id of another name", vkey("a", 1, raw).replace("a+", "b+")],
    ["an id in capitals", lettered.replace(/\+([0-9a-f]{8})\+/, (id) => id.toUpperCase())],
    ["no name", vkey("", 1, raw)],
    ["a space in the name", vkey("a b", 1, raw)],
    ["a newline in the name", vkey("a\nb", 1, raw)],
    ["a short key", vkey("a", 1, raw.subarray(1))],
    ["a long key", vkey("a", 1, Buffer.concat([raw, raw]))],
    ["an Ed25519 key as ML-DSA-44", vkey("a", 6, raw)],
    ["a point of small order", vkey("a", 1, Buffer.alloc(32))],
    ["a name too long to be cosigned under", vkey("a".repeat(256), 6, Buffer.alloc(1312, 1))],
    ["a text that is too long", vkey("a".repeat(5000), 1, raw)],
    ["white space around it", ` ${vkey("a", 1, raw)}`],
  ])("refuses %s", (_name, text) => {
    expect(refusal(() => VerifierKey.parse(text))).toBe("TLOG_KEY_MALFORMED");
  });

  test.each([2, 3, 5, 0xff])("does not support signature type %i", (type) => {
    expect(refusal(() => VerifierKey.parse(vkey("a", type, raw)))).toBe("TLOG_KEY_UNSUPPORTED");
  });

  test("refuses a key that cannot sign in the type", async () => {
    const { publicKey } = await PrivateKey.generate("ES256");
    expect(refusal(() => VerifierKey.of("a", "ed25519", publicKey))).toBe("TLOG_KEY_UNSUPPORTED");
    const other = (await PrivateKey.generate("ML-DSA-65")).publicKey;
    expect(refusal(() => VerifierKey.of("a", "ml-dsa-44-cosignature", other))).toBe(
      "TLOG_KEY_UNSUPPORTED",
    );
  });
});
