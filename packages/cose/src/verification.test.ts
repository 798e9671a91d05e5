import { verify as nodeVerify, sign as nodeSign } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ALGORITHMS, algorithmByName } from "./algorithm.js";
import { encodeCbor } from "./encode.js";
import { PrivateKey, type Signer } from "./private-key.js";
import { decodeSign1, encodeSign1, encodeSigStructure, type Sign1 } from "./sign1.js";
import { signSign1 } from "./signing.js";
import { makeTestKey } from "./testing/keys.js";
import { rejection } from "./testing/refusal.js";
import type { CborMap, CborValue } from "./value.js";
import { protectedAlgorithm, verifySign1 } from "./verification.js";

const PAYLOAD = new TextEncoder().encode("This is the content.");
const AAD = Uint8Array.of(0x11, 0xaa, 0x22);
const KID = Uint8Array.of(1, 2, 3);
const none = new Uint8Array(0);
const empty: CborMap = new Map();

const signers = new Map(
  await Promise.all(
    ALGORITHMS.map(async (row) => {
      if (row.kty === "AKP") return [row.name, await PrivateKey.generate(row.name)] as const;
      const jwk = makeTestKey(row.name).privateKey.export({ format: "jwk" });
      return [row.name, PrivateKey.fromJwk({ ...jwk, alg: row.name })] as const;
    }),
  ),
);

function signerOf(name: string): PrivateKey {
  const signer = signers.get(algorithmByName(name).name);
  if (signer === undefined) throw new Error(`no signer for ${name}`);
  return signer;
}

/** A message signed as given, with whatever headers; for what signSign1 would refuse to make. */
async function forge(
  protectedHeader: CborMap,
  unprotectedHeader: CborMap,
  signer: Signer,
): Promise<Sign1> {
  const protectedBytes = protectedHeader.size === 0 ? none : encodeCbor(protectedHeader);
  const signature = await signer.sign(encodeSigStructure(protectedBytes, none, PAYLOAD));
  return decodeSign1(
    encodeSign1({ protectedBytes, unprotectedHeader, payload: PAYLOAD, signature }),
  );
}

describe.each(ALGORITHMS)("$name", ({ name, id }) => {
  const signer = signerOf(name);
  const key = signer.publicKey;
  const content = { protectedHeader: new Map([[4, KID]]), payload: PAYLOAD };

  test("attached", async () => {
    const message = decodeSign1(await signSign1(content, signer));
    expect(message.protectedHeader).toEqual(
      new Map<number, CborValue>([
        [1, id],
        [4, KID],
      ]),
    );
    expect(protectedAlgorithm(message).name).toBe(name);
    expect(await verifySign1(message, key)).toEqual(PAYLOAD);
    expect(await rejection(verifySign1(message, key, { payload: PAYLOAD }))).toBe(
      "COSE_PAYLOAD_CONFLICT",
    );
  });

  test("detached", async () => {
    const message = decodeSign1(await signSign1({ ...content, detached: true }, signer));
    expect(message.payload).toBeNull();
    expect(await verifySign1(message, key, { payload: PAYLOAD })).toEqual(PAYLOAD);
    expect(await rejection(verifySign1(message, key))).toBe("COSE_PAYLOAD_MISSING");
    expect(await rejection(verifySign1(message, key, { payload: KID }))).toBe(
      "COSE_SIGNATURE_INVALID",
    );
  });

  test("external AAD", async () => {
    const message = decodeSign1(await signSign1({ ...content, externalAad: AAD }, signer));
    expect(await verifySign1(message, key, { externalAad: AAD })).toEqual(PAYLOAD);
    expect(await rejection(verifySign1(message, key))).toBe("COSE_SIGNATURE_INVALID");
    expect(await rejection(verifySign1(message, key, { externalAad: KID }))).toBe(
      "COSE_SIGNATURE_INVALID",
    );
  });

  test("a flipped bit in any byte of protected header, payload or signature is refused", async () => {
    const bytes = await signSign1(content, signer);
    const message = decodeSign1(bytes);
    for (const part of ["protectedBytes", "payload", "signature"] as const) {
      const original = message[part] ?? none;
      // Every 31st byte of signatures that are thousands long.
      const step = original.length > 1000 ? 31 : 1;
      for (let at = 0; at < original.length; at += step) {
        const changed = original.with(at, (original[at] ?? 0) ^ (1 << (at % 8)));
        const damaged = { ...message, [part]: changed };
        expect(await rejection(verifySign1(damaged, key))).toBe("COSE_SIGNATURE_INVALID");
      }
    }
  });
});

describe("one key under both numbers of its operation", () => {
  test.each([
    ["ES256", "ESP256"],
    ["ES384", "ESP384"],
    ["ES512", "ESP512"],
    ["EdDSA", "Ed25519"],
  ])("%s and %s", async (polymorphic, specified) => {
    const { publicKey } = signerOf(polymorphic);
    const jwk = signerOf(polymorphic).toJwk();
    const other = PrivateKey.fromJwk({ ...jwk, alg: specified });
    const message = decodeSign1(
      await signSign1({ protectedHeader: empty, payload: PAYLOAD }, other),
    );
    expect(message.protectedHeader.get(1)).toBe(algorithmByName(specified).id);
    expect(await verifySign1(message, publicKey)).toEqual(PAYLOAD);
  });
});

describe("against node:crypto", () => {
  const { privateKey, publicKey, material } = makeTestKey("ES384");
  const signer = PrivateKey.fromJwk(privateKey.export({ format: "jwk" }));
  const options = { dsaEncoding: "ieee-p1363" } as const;

  test("it verifies what signSign1 makes", async () => {
    const bytes = await signSign1({ protectedHeader: empty, payload: PAYLOAD }, signer);
    const signature = bytes.subarray(-96);
    const covered = encodeCbor(["Signature1", encodeCbor(new Map([[1, -35]])), none, PAYLOAD]);
    expect(nodeVerify("sha384", covered, { key: publicKey, ...options }, signature)).toBe(true);
  });

  test("verifySign1 takes what it signs", async () => {
    expect(material.kty).toBe("EC2");
    const protectedBytes = encodeCbor(new Map([[1, -35]]));
    const covered = encodeCbor(["Signature1", protectedBytes, none, PAYLOAD]);
    const signature = new Uint8Array(nodeSign("sha384", covered, { key: privateKey, ...options }));
    const parts = { protectedBytes, unprotectedHeader: empty, payload: PAYLOAD, signature };
    const message = decodeSign1(encodeSign1(parts));
    expect(await verifySign1(message, signer.publicKey)).toEqual(PAYLOAD);
  });
});

describe("algorithm", () => {
  const signer = signerOf("ES256");
  const key = signer.publicKey;

  test.each<[string, [CborMap, CborMap], string]>([
    ["only unprotected", [empty, new Map([[1, -7]])], "COSE_ALG_UNPROTECTED"],
    ["nowhere", [empty, empty], "COSE_ALG_MISSING"],
    ["as text", [new Map([[1, "ES256"]]), empty], "COSE_ALG_UNSUPPORTED"],
    ["RS256", [new Map([[1, -257]]), empty], "COSE_ALG_UNSUPPORTED"],
    ["of another curve", [new Map([[1, -35]]), empty], "COSE_ALG_KEY_MISMATCH"],
    ["of another key type", [new Map([[1, -8]]), empty], "COSE_ALG_KEY_MISMATCH"],
    ["RSA for an EC key", [new Map([[1, -37]]), empty], "COSE_ALG_KEY_MISMATCH"],
  ])("%s is refused", async (_name, [protectedHeader, unprotectedHeader], code) => {
    const message = await forge(protectedHeader, unprotectedHeader, signer);
    expect(await rejection(verifySign1(message, key))).toBe(code);
  });

  test("another than the key names is refused", async () => {
    const rsa = signerOf("PS256");
    const other = PrivateKey.fromJwk({ ...rsa.toJwk(), alg: "PS384" });
    const message = await forge(new Map([[1, -38]]), empty, other);
    expect(await verifySign1(message, other.publicKey)).toEqual(PAYLOAD);
    expect(await rejection(verifySign1(message, rsa.publicKey))).toBe("COSE_ALG_KEY_MISMATCH");
  });

  test("a signature of another key is refused", async () => {
    const message = await forge(new Map([[1, -7]]), empty, signer);
    const other = await PrivateKey.generate("ES256");
    expect(await rejection(verifySign1(message, other.publicKey))).toBe("COSE_SIGNATURE_INVALID");
  });
});

describe("crit", () => {
  const signer = signerOf("EdDSA");
  const header = new Map<number, CborValue>([
    [1, -8],
    [2, [-65537]],
    [-65537, true],
  ]);

  test("is honoured though the signature holds", async () => {
    const message = await forge(header, empty, signer);
    expect(await rejection(verifySign1(message, signer.publicKey))).toBe("COSE_CRIT_UNKNOWN");
    const understood = new Set([-65537]);
    expect(await verifySign1(message, signer.publicKey, { understood })).toEqual(PAYLOAD);
  });

  test("malformed is refused though the signature holds", async () => {
    const message = await forge(new Map([...header, [2, []]]), empty, signer);
    expect(await rejection(verifySign1(message, signer.publicKey))).toBe("COSE_CRIT_MALFORMED");
  });
});

describe("a detached payload", () => {
  test("that changes during verification is not what is returned", async () => {
    const signer = signerOf("ES256");
    const content = { protectedHeader: empty, payload: PAYLOAD, detached: true };
    const message = decodeSign1(await signSign1(content, signer));
    const payload = new Uint8Array(PAYLOAD);
    const verified = verifySign1(message, signer.publicKey, { payload });
    payload.fill(0);
    expect(await verified).toEqual(PAYLOAD);
  });

  test("given as a Buffer is returned as plain bytes of their own", async () => {
    const signer = signerOf("EdDSA");
    const content = { protectedHeader: empty, payload: Buffer.from(PAYLOAD), detached: true };
    const message = decodeSign1(Buffer.from(await signSign1(content, signer)));
    const payload = Buffer.from(PAYLOAD);
    const verified = await verifySign1(message, signer.publicKey, { payload });
    expect(verified.constructor).toBe(Uint8Array);
    expect(verified.buffer).not.toBe(payload.buffer);
  });
});

describe("signSign1", () => {
  const signer = signerOf("ES256");
  const sign = (content: object): Promise<Uint8Array> =>
    signSign1({ protectedHeader: empty, payload: PAYLOAD, ...content }, signer);

  test("the protected header is deterministic and comes back with the unprotected one", async () => {
    const header = new Map<number, CborValue>([
      [4, KID],
      [3, "text/plain"],
    ]);
    const bytes = await sign({ protectedHeader: header, unprotectedHeader: new Map([[394, []]]) });
    const message = decodeSign1(bytes);
    expect([...message.protectedHeader.keys()]).toEqual([1, 3, 4]);
    expect(message.unprotectedHeader).toEqual(new Map([[394, []]]));
    expect(header.has(1)).toBe(false);
  });

  test("its own alg may be given, another may not", async () => {
    expect(await sign({ protectedHeader: new Map([[1, -7]]) })).toBeInstanceOf(Uint8Array);
    await expect(sign({ protectedHeader: new Map([[1, -9]]) })).rejects.toThrow(TypeError);
    await expect(sign({ protectedHeader: new Map([[1, "ES256"]]) })).rejects.toThrow(TypeError);
  });

  test.each<[string, CborMap, CborMap]>([
    ["alg unprotected", empty, new Map([[1, -7]])],
    ["crit unprotected", empty, new Map([[2, [3]]])],
    ["one label in both headers", new Map([[4, KID]]), new Map([[4, KID]])],
  ])("does not make a message with %s", async (_name, protectedHeader, unprotectedHeader) => {
    await expect(sign({ protectedHeader, unprotectedHeader })).rejects.toThrow(TypeError);
  });

  test("does not make a message with malformed crit", async () => {
    expect(await rejection(sign({ protectedHeader: new Map([[2, [99]]]) }))).toBe(
      "COSE_CRIT_MALFORMED",
    );
  });

  test("does not take a DER signature from a signer", async () => {
    const { algorithm, publicKey } = signer;
    const sign = (): Promise<Uint8Array> => Promise.resolve(new Uint8Array(71));
    const broken: Signer = { algorithm, publicKey, sign };
    const content = { protectedHeader: empty, payload: PAYLOAD };
    expect(await rejection(signSign1(content, broken))).toBe("COSE_SIGNATURE_INVALID");
  });

  test("a payload that changes while a signer waits is not what is sent", async () => {
    const payload = new Uint8Array(PAYLOAD);
    const pending = sign({ payload });
    payload.fill(0);
    expect(await verifySign1(decodeSign1(await pending), signer.publicKey)).toEqual(PAYLOAD);
  });
});

describe("property", () => {
  test("what is signed verifies; with one bit flipped anywhere it is refused or not decoded", async () => {
    const signer = signerOf("Ed25519");
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), fc.nat(), async (payload, bit) => {
        const bytes = await signSign1({ protectedHeader: new Map([[4, KID]]), payload }, signer);
        expect(await verifySign1(decodeSign1(bytes), signer.publicKey)).toEqual(payload);
        const at = Math.floor(bit / 8) % bytes.length;
        const damaged = bytes.with(at, (bytes[at] ?? 0) ^ (1 << (bit % 8)));
        const verified = (async () => verifySign1(decodeSign1(damaged), signer.publicKey))();
        expect(await rejection(verified)).toMatch(/^COSE_/);
      }),
      { numRuns: 200 },
    );
  });
});
