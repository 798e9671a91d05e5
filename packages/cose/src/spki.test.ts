import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { CoseError } from "./error.js";
import { decodeHex, encodeHex } from "./hex.js";
import { parsePem } from "./pem.js";
import { PrivateKey } from "./private-key.js";
import { PublicKey } from "./public-key.js";
import { decodePkcs8, decodeSpki } from "./spki.js";
import { makeTestKey } from "./testing/keys.js";
import { refusal } from "./testing/refusal.js";

const NAMES = ["ES256", "ES384", "ES512", "EdDSA", "PS256"] as const;
const P256 = makeTestKey("ES256");
const SPKI = encodeHex(P256.publicKey.export({ format: "der", type: "spki" }));
const PEM = P256.publicKey.export({ format: "pem", type: "spki" }).toString();
const PKCS8 = encodeHex(P256.privateKey.export({ format: "der", type: "pkcs8" }));
const ED_SPKI = encodeHex(makeTestKey("EdDSA").publicKey.export({ format: "der", type: "spki" }));

const spkiCode = (hex: string): string => refusal(() => PublicKey.fromSpki(decodeHex(hex)));
const pkcs8Code = (hex: string): string => refusal(() => decodePkcs8(decodeHex(hex)));

describe("SPKI", () => {
  test("a compressed point gives the same key", () => {
    const x = SPKI.slice(54, 118);
    const form = Number.parseInt(SPKI.slice(-2), 16) % 2 === 0 ? "02" : "03";
    const compressed = `3039${SPKI.slice(4, 46)}032200${form}${x}`;
    expect(decodeSpki(decodeHex(compressed))).toEqual(decodeSpki(decodeHex(SPKI)));
  });

  test.each([
    ["nothing", "", "COSE_KEY_MALFORMED"],
    ["another outer type", SPKI.replace(/^30/, "31"), "COSE_KEY_MALFORMED"],
    ["a byte after the end", `${SPKI}00`, "COSE_KEY_MALFORMED"],
    ["truncation", SPKI.slice(0, -2), "COSE_KEY_MALFORMED"],
    ["a long-form length", SPKI.replace(/^3059/, "308159"), "COSE_KEY_MALFORMED"],
    ["spare bits", SPKI.replace("03420004", "03420104"), "COSE_KEY_MALFORMED"],
    ["a hybrid point", SPKI.replace("03420004", "03420006"), "COSE_KEY_MALFORMED"],
    ["the point at infinity", `3019${SPKI.slice(4, 46)}03020000`, "COSE_KEY_MALFORMED"],
    [
      "secp256k1",
      `3056301006072a8648ce3d020106052b8104000a${SPKI.slice(46)}`,
      "COSE_KEY_UNSUPPORTED",
    ],
    [
      "explicit curve parameters",
      SPKI.replace("06082a8648ce3d030107", "30082a8648ce3d030107"),
      "COSE_KEY_UNSUPPORTED",
    ],
    ["X25519", ED_SPKI.replace("2b6570", "2b656e"), "COSE_KEY_UNSUPPORTED"],
    [
      "Ed25519 with parameters",
      ED_SPKI.replace("302a300506032b6570", "302c300706032b65700500"),
      "COSE_KEY_MALFORMED",
    ],
    [
      "a short Ed25519 key",
      `3029${ED_SPKI.slice(4, 18)}032000${ED_SPKI.slice(26)}`,
      "COSE_KEY_MALFORMED",
    ],
  ])("refuses %s", (_name, hex, code) => {
    expect([SPKI, ED_SPKI]).not.toContain(hex);
    expect(spkiCode(hex)).toBe(code);
  });

  test("refuses RSA without its NULL and id-RSASSA-PSS", () => {
    const { publicKey } = makeTestKey("PS256");
    const hex = encodeHex(publicKey.export({ format: "der", type: "spki" }));
    const without = hex
      .replace(/^30820122/, "30820120")
      .replace("300d06092a864886f70d0101010500", "300b06092a864886f70d010101");
    expect(spkiCode(without)).toBe("COSE_KEY_MALFORMED");
    const pss = generateKeyPairSync("rsa-pss", { modulusLength: 2048 }).publicKey;
    expect(spkiCode(encodeHex(pss.export({ format: "der", type: "spki" })))).toBe(
      "COSE_KEY_UNSUPPORTED",
    );
  });

  test("damaged bytes give a key or a CoseError", () => {
    const der = decodeHex(SPKI);
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const damaged = new Uint8Array(der);
        damaged[at] = (damaged[at] ?? 0) ^ mask;
        try {
          expect(PublicKey.fromSpki(damaged)).toBeInstanceOf(PublicKey);
        } catch (error) {
          expect(error).toBeInstanceOf(CoseError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("PKCS #8", () => {
  test.each(NAMES)("%s keys are read as node:crypto wrote them", (name) => {
    const { privateKey, material } = makeTestKey(name);
    const der = privateKey.export({ format: "der", type: "pkcs8" });
    expect(decodePkcs8(der)).toEqual(material);
  });

  test("version 1 with the public key is read (RFC 8410 §10.3)", () => {
    const version1 = decodeHex(
      "3072020101300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f" +
        "44755842a01f301d060a2a864886f70d01090914310f0c0d437572646c6520436861697273812100" +
        "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1",
    );
    const material = decodePkcs8(version1);
    expect(material.public).toMatchObject({ kty: "OKP" });
    version1[version1.length - 1] = 0xe2;
    expect(refusal(() => decodePkcs8(version1))).toBe("COSE_KEY_MALFORMED");
  });

  test.each([
    ["version 2", PKCS8.replace(/^(30\w{4})020100/, "$1020102")],
    ["a byte after the end", `${PKCS8}00`],
    [
      "a public key of another private one",
      PKCS8.slice(0, -2) + (PKCS8.endsWith("00") ? "01" : "00"),
    ],
    ["the scalar zero", PKCS8.replace(/0420\w{64}/, `0420${"00".repeat(32)}`)],
    [
      "the group order as scalar",
      PKCS8.replace(
        /0420\w{64}/,
        "0420ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
      ),
    ],
    ["a short scalar", PKCS8.replace(/0420\w{64}/, "04200101")],
    ["EC private key version 2", PKCS8.replace("0201010420", "0201020420")],
  ])("refuses %s", (_name, hex) => {
    expect(hex).not.toBe(PKCS8);
    expect(["COSE_KEY_MALFORMED", "COSE_KEY_WEAK"]).toContain(pkcs8Code(hex));
  });
});

describe("PEM", () => {
  const code = (text: string): string => refusal(() => PublicKey.fromPem(text));

  test("white space around and within, and CR LF, are taken", () => {
    const want = PublicKey.fromPem(PEM).thumbprint();
    for (const text of [PEM.replaceAll("\n", "\r\n"), `\n\n  ${PEM}\n\n`, PEM.trimEnd()]) {
      expect(PublicKey.fromPem(text).thumbprint()).toEqual(want);
    }
  });

  test.each([
    ["nothing", ""],
    ["no frame", PEM.replaceAll(/-----[^-]+-----/g, "")],
    ["two blocks", PEM + PEM],
    ["text before", `key: ${PEM}`],
    ["text after", `${PEM}x`],
    ["another end", PEM.replace("END PUBLIC", "END PRIVATE")],
    ["a header line", PEM.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n\n")],
    ["a character beyond base64", PEM.replace("MFk", "M_k")],
    ["padding in the middle", PEM.replace("MFk", "M=k")],
    ["a missing pad", PEM.replace("=\n", "\n")],
  ])("refuses %s", (_name, text) => {
    expect(text).not.toBe(PEM);
    expect(code(text)).toBe("COSE_KEY_MALFORMED");
  });

  test.each(["EC PRIVATE KEY", "RSA PUBLIC KEY", "ENCRYPTED PRIVATE KEY", "CERTIFICATE"])(
    "does not read %s",
    (label) => {
      expect(code(PEM.replaceAll("PUBLIC KEY", label))).toBe("COSE_KEY_UNSUPPORTED");
    },
  );

  test("tells private from public", () => {
    const pem = P256.privateKey.export({ format: "pem", type: "pkcs8" }).toString();
    expect(parsePem(pem).label).toBe("PRIVATE KEY");
    expect(code(pem)).toBe("COSE_KEY_MALFORMED");
    expect(refusal(() => PrivateKey.fromPem(PEM))).toBe("COSE_KEY_NOT_PRIVATE");
  });
});
