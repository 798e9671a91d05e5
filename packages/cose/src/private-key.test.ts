import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { algorithmByName } from "./algorithm.js";
import { decodeBase64url, encodeBase64url } from "./base64url.js";
import { encodeHex } from "./hex.js";
import type { Jwk } from "./jwk.js";
import { PrivateKey } from "./private-key.js";
import { verifySignature } from "./signature.js";
import { makeTestKey } from "./testing/keys.js";
import { refusal, rejection } from "./testing/refusal.js";

const NAMES = ["ES256", "ES384", "ES512", "EdDSA", "PS256"] as const;
const ALIASES = {
  ES256: "ESP256",
  ES384: "ESP384",
  ES512: "ESP512",
  EdDSA: "Ed25519",
  PS256: "PS512",
} as const;
const SECRETS = ["d", "p", "q", "dp", "dq", "qi"] as const;
const MESSAGE = new TextEncoder().encode("half a stick");

const codeOf = (jwk: unknown): string => refusal(() => PrivateKey.fromJwk(jwk));

describe.each(NAMES)("%s private key", (name) => {
  const { privateKey } = makeTestKey(name);
  const jwk = privateKey.export({ format: "jwk" }) as Jwk;
  const pem = privateKey.export({ format: "pem", type: "pkcs8" }).toString();
  const key = PrivateKey.fromJwk(jwk);

  test("JWK and PEM give the same key, with the first algorithm of its type", () => {
    expect(key.algorithm).toBe(algorithmByName(name));
    const twin = PrivateKey.fromPem(pem);
    expect(twin.toJwk()).toEqual(key.toJwk());
    const kid = encodeBase64url(key.publicKey.thumbprint());
    expect(key.toJwk()).toEqual({ ...jwk, kid, alg: name });
    expect(PrivateKey.fromJwk(JSON.parse(JSON.stringify(key.toJwk()))).toJwk()).toEqual(
      key.toJwk(),
    );
  });

  test("alg of the JWK chooses the algorithm", async () => {
    const other = PrivateKey.fromJwk({ ...jwk, alg: ALIASES[name] });
    expect(other.algorithm.name).toBe(ALIASES[name]);
    const signature = await other.sign(MESSAGE);
    const input = { algorithm: other.algorithm, message: MESSAGE, signature };
    await verifySignature({ ...input, key: other.publicKey });
    await verifySignature({ ...input, key: PrivateKey.fromPem(pem).publicKey });
  });

  test("its public key verifies and shows nothing private", async () => {
    const signature = await key.sign(MESSAGE);
    const input = { algorithm: key.algorithm, key: key.publicKey, message: MESSAGE };
    await expect(verifySignature({ ...input, signature })).resolves.toBeUndefined();
    signature[5] = (signature[5] ?? 0) ^ 1;
    expect(await rejection(verifySignature({ ...input, signature }))).toBe(
      "COSE_SIGNATURE_INVALID",
    );
    for (const member of SECRETS) expect(key.publicKey.toJwk()).not.toHaveProperty(member);
  });

  test("printing it in any way reveals nothing", async () => {
    await key.sign(MESSAGE);
    const shown = [
      Object.prototype.toString.call(key),
      JSON.stringify(key),
      inspect(key, { depth: 20, showHidden: true, getters: true }),
      inspect(Object.assign({}, key), { depth: 20, showHidden: true }),
      Object.entries(key).toString(),
      new Error("x", { cause: key }).toString(),
    ].join("\n");
    for (const member of SECRETS) {
      const text = jwk[member];
      if (text === undefined) continue;
      const bytes = decodeBase64url(text);
      for (const form of [text, encodeHex(bytes), [...bytes].join(","), [...bytes].join(", ")]) {
        expect(shown).not.toContain(form);
      }
      expect(shown.replaceAll(/\s/g, "")).not.toContain([...bytes.subarray(0, 12)].join(","));
    }
  });

  test("errors about it reveal nothing", () => {
    const texts = SECRETS.flatMap((member) => jwk[member] ?? []);
    for (const member of SECRETS) {
      const text = jwk[member];
      if (text === undefined) continue;
      for (const changed of [
        `${text}=`,
        text.slice(4),
        `${text}AAAA`,
        text.replaceAll(/./g, "_"),
      ]) {
        let error: unknown;
        try {
          PrivateKey.fromJwk({ ...jwk, [member]: changed });
        } catch (thrown) {
          error = thrown;
        }
        expect(error).toBeInstanceOf(Error);
        const shown = inspect(error, { depth: 20, showHidden: true });
        for (const secret of [...texts, changed]) expect(shown).not.toContain(secret.slice(0, 24));
      }
    }
  });

  test("must belong to its public key", () => {
    const other = makeTestKey(name).privateKey.export({ format: "jwk" }) as Jwk;
    expect(codeOf({ ...jwk, d: other.d })).toBe("COSE_KEY_MALFORMED");
  });

  test("a public JWK is not private", () => {
    const rest = key.publicKey.toJwk();
    expect(codeOf(rest)).toBe("COSE_KEY_NOT_PRIVATE");
    expect(codeOf({ ...rest, d: 1 })).toBe("COSE_KEY_MALFORMED");
  });

  test("use and key_ops must allow signing, alg must fit", () => {
    expect(PrivateKey.fromJwk({ ...jwk, use: "sig", key_ops: ["sign"] }).algorithm.name).toBe(name);
    expect(codeOf({ ...jwk, key_ops: ["verify"] })).toBe("COSE_KEY_UNSUPPORTED");
    expect(codeOf({ ...jwk, use: "enc" })).toBe("COSE_KEY_UNSUPPORTED");
    const other = name === "ES256" ? "ES384" : "ES256";
    expect(codeOf({ ...jwk, alg: other })).toBe("COSE_ALG_KEY_MISMATCH");
  });

  test("keeps its kid", () => {
    const named = PrivateKey.fromJwk({ ...jwk, kid: "AQID" });
    expect(named.publicKey.kid).toEqual(new TextEncoder().encode("AQID"));
    expect(named.toJwk().kid).toBe("AQID");
  });
});

describe("generate", () => {
  test.each(["ES256", "ESP384", "ES512", "EdDSA", "Ed25519", "PS384"] as const)(
    "%s",
    async (name) => {
      const key = await PrivateKey.generate(name);
      expect(key.algorithm.name).toBe(name);
      expect(key.publicKey.algorithm).toBe(key.algorithm);
      expect(key.publicKey.kid).toEqual(key.publicKey.thumbprint());
      const signature = await key.sign(MESSAGE);
      const { algorithm, publicKey } = PrivateKey.fromJwk(key.toJwk());
      await verifySignature({ algorithm, key: publicKey, message: MESSAGE, signature });
    },
  );
});

describe("RSA private key", () => {
  const jwk = makeTestKey("PS256").privateKey.export({ format: "jwk" }) as Jwk;

  test.each(["p", "q", "dp", "dq", "qi", "n"] as const)("with a wrong %s is refused", (member) => {
    const bytes = decodeBase64url(jwk[member] ?? "");
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    expect(codeOf({ ...jwk, [member]: encodeBase64url(bytes) })).toBe("COSE_KEY_MALFORMED");
  });

  test.each(["p", "q", "dp", "dq", "qi"] as const)("without %s is refused", (member) => {
    expect(codeOf({ ...jwk, [member]: undefined })).toBe("COSE_KEY_MALFORMED");
  });

  test("with trivial factors is refused", () => {
    expect(codeOf({ ...jwk, p: "AQ", q: jwk.n })).toBe("COSE_KEY_MALFORMED");
  });

  test("of more than two primes is not supported", () => {
    expect(codeOf({ ...jwk, oth: [] })).toBe("COSE_KEY_UNSUPPORTED");
  });
});

describe("verifySignature", () => {
  test("refuses a key of another type before anything else", async () => {
    const { publicKey } = await PrivateKey.generate("EdDSA");
    const input = { algorithm: algorithmByName("ES256"), key: publicKey, message: MESSAGE };
    expect(await rejection(verifySignature({ ...input, signature: new Uint8Array(64) }))).toBe(
      "COSE_ALG_KEY_MISMATCH",
    );
  });
});
