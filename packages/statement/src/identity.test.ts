import {
  LABEL,
  PrivateKey,
  type PublicKey,
  digest,
  encodeBase64url,
  type CborMap,
  type CborValue,
  type Signer,
} from "@tallystick/cose";
import { beforeAll, describe, expect, test } from "@jest/globals";

import type { Authority, IssuerBinding, TrustAnchor } from "./identity.js";
import { IssuerKeys } from "./issuers.js";
import { SignedStatement } from "./statement.js";
import { VerifiedStatement } from "./verified.js";
import { CERTIFICATES } from "./x509/cache.js";
import {
  NOW,
  SIGNATURE,
  general,
  issue,
  san,
  subjectKeyId,
  type CertificateKey,
  type Issued,
} from "./testing/certificate.js";
import { rejection } from "./testing/refusal.js";
import { CLAIMS, ISSUER, VENDOR, headerWith, signed, type Entry } from "./testing/sample.js";

const SKI = [1, 2, 3, 4];

let root: Issued;
let middle: Issued;
let leaf: Issued;
let chain: readonly Uint8Array[];
let did: string;

function keyOf(publicKey: PublicKey): CertificateKey {
  const x = Buffer.from(publicKey.toJwk().x ?? "", "base64url");
  return {
    spki: Uint8Array.from([...Buffer.from("302a300506032b6570032100", "hex"), ...x]),
    algorithm: new Uint8Array(),
    sign: () => new Uint8Array(),
  };
}

beforeAll(async () => {
  root = await issue("CN=Root");
  middle = await issue("CN=Middle", { by: root });
  leaf = await issue("CN=Leaf", {
    by: middle,
    key: keyOf(VENDOR.publicKey),
    extensions: [SIGNATURE, subjectKeyId(...SKI), san(general.dns("vendor.example"))],
  });
  chain = [leaf.der, middle.der];
  const fingerprint = encodeBase64url(digest("sha-256", root.der));
  did = `did:x509:0:sha256:${fingerprint}::subject:CN:Leaf`;
});

interface Trusted {
  readonly issuers?: readonly string[];
  readonly bindings?: readonly IssuerBinding[];
  readonly certificate?: Issued;
  readonly listed?: PublicKey;
  readonly others?: Partial<Authority>;
}

function authority({ issuers = [ISSUER], bindings = [], ...rest }: Trusted = {}): Authority {
  const { certificate = root, listed, others = {} } = rest;
  const keys = new IssuerKeys(listed === undefined ? [] : [{ iss: ISSUER, keys: [listed] }]);
  const anchor: TrustAnchor = {
    certificate: certificate.certificate,
    issuers,
    bindings: new Set(bindings),
  };
  return { resolve: (statement) => keys.resolve(statement), anchors: [anchor], ...others };
}

function claiming(iss: string): Entry {
  return [LABEL.cwtClaims, new Map([...CLAIMS, [1, iss]])];
}

interface Given {
  readonly set?: readonly Entry[];
  readonly hasKid?: boolean;
  readonly unprotected?: CborMap;
  readonly signer?: Signer;
}

async function statement({ set = [], hasKid = false, unprotected, signer }: Given) {
  const protectedHeader = headerWith(set, hasKid ? [] : [LABEL.kid]);
  const bytes = await signed(
    { protectedHeader, ...(unprotected === undefined ? {} : { unprotectedHeader: unprotected }) },
    signer,
  );
  return SignedStatement.decode(bytes);
}

function thumbprint(der: Uint8Array): CborValue {
  return [-16, digest("sha-256", der)];
}

const at = { time: NOW };

async function codeOf(given: Given, trusted: Trusted = {}, time: number = NOW): Promise<string> {
  const message = await statement(given);
  return rejection(VerifiedStatement.verify(message, authority(trusted), { time }));
}

describe("a certificate chain", () => {
  test("T10: protected, binds an iss that its anchor lists", async () => {
    const message = await statement({ set: [[LABEL.x5chain, chain]] });
    const verified = await VerifiedStatement.verify(message, authority(), at);
    expect(verified.identity).toMatchObject({ kind: "x509", isDid: false });
    expect(verified.key.thumbprint()).toStrictEqual(VENDOR.publicKey.thumbprint());
    expect(verified.chain).toBeUndefined();
  });

  test("one certificate is a bare byte string", async () => {
    const direct = await issue("CN=Direct", {
      by: root,
      key: keyOf(VENDOR.publicKey),
      extensions: [SIGNATURE],
    });
    const given = { set: [[LABEL.x5chain, direct.der]] as const };
    const verified = VerifiedStatement.verify(await statement(given), authority(), at);
    await expect(verified).resolves.toBeDefined();
  });

  test("E15: an array of one is taken where the authority says so", async () => {
    const direct = await issue("CN=Direct", {
      by: root,
      key: keyOf(VENDOR.publicKey),
      extensions: [SIGNATURE],
    });
    const given: Given = { set: [[LABEL.x5chain, [direct.der]]] };
    expect(await codeOf(given)).toBe("STATEMENT_CHAIN_MALFORMED");
    const others = { acceptsSingleCertificateArray: true };
    const verified = VerifiedStatement.verify(await statement(given), authority({ others }), at);
    await expect(verified).resolves.toBeDefined();
  });

  test("IS3: unprotected under a protected x5t, kept for later readers", async () => {
    const message = await statement({
      set: [[LABEL.x5t, thumbprint(leaf.der)]],
      unprotected: new Map([[LABEL.x5chain, chain]]),
    });
    const verified = await VerifiedStatement.verify(message, authority(), at);
    expect(verified.chain).toStrictEqual(chain);
    const emptied = SignedStatement.decode(message.normalised);
    expect(emptied.entryId).toBe(message.entryId);
    expect(await rejection(VerifiedStatement.verify(emptied, authority(), at))).toBe(
      "STATEMENT_CHAIN_UNTRUSTED",
    );
    const again = await VerifiedStatement.verify(emptied, authority(), { ...at, chain });
    expect(again.key.thumbprint()).toStrictEqual(verified.key.thumbprint());
  });

  test("IS4: unprotected under a protected kid that no policy lists", async () => {
    const unprotected = new Map([[LABEL.x5chain, chain]]);
    for (const kid of [
      VENDOR.publicKey.thumbprint(),
      Uint8Array.from(SKI),
      digest("sha-256", leaf.der),
    ]) {
      const message = await statement({ hasKid: true, set: [[LABEL.kid, kid]], unprotected });
      const verified = await VerifiedStatement.verify(message, authority(), at);
      expect(verified.identity.kind).toBe("x509");
    }
  });

  test("T21: unprotected beside a listed kid it is not looked at", async () => {
    const message = await statement({
      hasKid: true,
      unprotected: new Map([[LABEL.x5chain, Uint8Array.of(1)]]),
    });
    const trusted = authority({ listed: VENDOR.publicKey });
    const verified = await VerifiedStatement.verify(message, trusted, at);
    expect(verified).toMatchObject({ identity: { kind: "key" }, chain: undefined });
  });

  test.each([
    ["its DNS name, the host of iss", ISSUER, true],
    ["a host in capitals", "https://VENDOR.example/path", true],
    ["another host", "https://other.example", false],
    ["no host", "vendor", false],
  ])("san: %s", async (_name, iss, isTaken) => {
    const given: Given = { set: [[LABEL.x5chain, chain], claiming(iss)] };
    const trusted: Trusted = { issuers: [], bindings: ["san"] };
    if (!isTaken) expect(await codeOf(given, trusted)).toBe("STATEMENT_IDENTIFIER_MISMATCH");
    else {
      const message = await statement(given);
      await expect(
        VerifiedStatement.verify(message, authority(trusted), at),
      ).resolves.toBeDefined();
    }
  });

  test("did:x509 that stands for the path", async () => {
    const message = await statement({ set: [[LABEL.x5chain, chain], claiming(did)] });
    const trusted = authority({ issuers: [], bindings: ["did:x509"] });
    const verified = await VerifiedStatement.verify(message, trusted, at);
    expect(verified.identity).toMatchObject({ kind: "x509", isDid: true });
  });
});

describe("refused", () => {
  test("a forged leaf in front of a genuine intermediate", async () => {
    const forged = await issue("CN=Leaf", {
      issuer: middle.name,
      key: keyOf(VENDOR.publicKey),
      by: { ...middle, key: (await issue("CN=Mallory")).key },
      extensions: [SIGNATURE],
    });
    const set: Entry[] = [[LABEL.x5chain, [forged.der, middle.der]]];
    expect(await codeOf({ set })).toBe("STATEMENT_CHAIN_INVALID");
  });

  test.each<[string, () => Given, Trusted, string]>([
    [
      "T6: x5t of another certificate than the chain's first",
      () => ({
        set: [
          [LABEL.x5chain, chain],
          [LABEL.x5t, thumbprint(middle.der)],
        ],
      }),
      {},
      "STATEMENT_IDENTIFIER_MISMATCH",
    ],
    [
      "T6: kid of another key beside the chain",
      () => ({
        hasKid: true,
        set: [
          [LABEL.x5chain, chain],
          [LABEL.kid, Uint8Array.of(7)],
        ],
      }),
      {},
      "STATEMENT_IDENTIFIER_MISMATCH",
    ],
    [
      "an iss that nothing binds",
      () => ({ set: [[LABEL.x5chain, chain], claiming("https://other.example")] }),
      {},
      "STATEMENT_IDENTIFIER_MISMATCH",
    ],
    [
      "x5t alone",
      () => ({ set: [[LABEL.x5t, thumbprint(leaf.der)]] }),
      {},
      "STATEMENT_CHAIN_UNTRUSTED",
    ],
    [
      "a malformed unprotected chain under x5t",
      () => ({
        set: [[LABEL.x5t, thumbprint(leaf.der)]],
        unprotected: new Map([[LABEL.x5chain, 7]]),
      }),
      {},
      "STATEMENT_CHAIN_MALFORMED",
    ],
    [
      "an unprotected chain that nothing binds",
      () => ({ hasKid: true, unprotected: new Map([[LABEL.x5bag, chain]]) }),
      {},
      "STATEMENT_KEY_UNKNOWN",
    ],
    [
      "T6: x5u",
      () => ({ set: [[LABEL.x5u, "https://vendor.example"]], hasKid: true }),
      {},
      "STATEMENT_KEY_UNKNOWN",
    ],
    [
      "did:x509 without a chain, though its key is listed",
      () => ({ set: [claiming(did)], hasKid: true }),
      { others: { resolve: () => VENDOR.publicKey } },
      "STATEMENT_DID_INVALID",
    ],
    [
      "did:x509 with another subject",
      () => ({ set: [[LABEL.x5chain, chain], claiming(did.replace("CN:Leaf", "CN:Other"))] }),
      { bindings: ["did:x509"] },
      "STATEMENT_DID_INVALID",
    ],
    [
      "E24: did:x509 with the fingerprint of the leaf",
      () => {
        const print = encodeBase64url(digest("sha-256", leaf.der));
        const iss = `did:x509:0:sha256:${print}::subject:CN:Leaf`;
        return { set: [[LABEL.x5chain, chain], claiming(iss)] };
      },
      { bindings: ["did:x509"] },
      "STATEMENT_DID_INVALID",
    ],
    [
      "did:x509 with a fragment, which would be another issuer",
      () => ({ set: [[LABEL.x5chain, chain], claiming(`${did}#0`)] }),
      { bindings: ["did:x509"] },
      "STATEMENT_DID_INVALID",
    ],
    [
      "did:x509 under an anchor that takes none",
      () => ({ set: [[LABEL.x5chain, chain], claiming(did)] }),
      {},
      "STATEMENT_IDENTIFIER_MISMATCH",
    ],
    [
      "a chain and a listed key that differ",
      () => ({ set: [[LABEL.x5chain, chain]] }),
      { others: { resolve: () => root.certificate.publicKey } },
      "STATEMENT_IDENTIFIER_MISMATCH",
    ],
  ])("%s", async (...[, given, trusted, code]) => {
    expect(await codeOf(given(), trusted)).toBe(code);
  });

  test("certificates without a time to judge them at, and outside of theirs", async () => {
    const message = await statement({ set: [[LABEL.x5chain, chain]] });
    expect(await rejection(VerifiedStatement.verify(message, authority()))).toBe(
      "STATEMENT_CHAIN_UNTRUSTED",
    );
    expect(await codeOf({ set: [[LABEL.x5chain, chain]] }, {}, 0)).toBe("STATEMENT_CHAIN_INVALID");
  });

  const junk = Uint8Array.of(0);
  const beside = new Map([[LABEL.x5chain, junk]]);
  test.each<[string, () => Given]>([
    ["protected", () => ({ set: [[LABEL.x5chain, junk]] })],
    ["by x5t", () => ({ set: [[LABEL.x5t, thumbprint(leaf.der)]], unprotected: beside })],
    ["by a kid", () => ({ hasKid: true, unprotected: beside })],
  ])("a chain without anchors, and it is not opened: %s", async (_name, given) => {
    expect(await codeOf(given(), { others: { anchors: [] } })).toBe("STATEMENT_CHAIN_UNTRUSTED");
    expect(await codeOf(given())).toBe("STATEMENT_CERTIFICATE_MALFORMED");
  });

  test("a chain, none of which is kept, as those are whose path holds", async () => {
    const stranger = await issue("CN=Stranger");
    const key = keyOf(VENDOR.publicKey);
    const forged = await issue("CN=Leaf", { by: stranger, key, extensions: [SIGNATURE] });
    const before = CERTIFICATES.size;
    const refused = { set: [[LABEL.x5chain, [forged.der, stranger.der]]] as const };
    expect(await codeOf(refused)).toBe("STATEMENT_CHAIN_UNTRUSTED");
    expect(CERTIFICATES.size).toBe(before);
    const fresh = await issue("CN=Leaf", { by: middle, key, extensions: [SIGNATURE] });
    const message = await statement({ set: [[LABEL.x5chain, [fresh.der, middle.der]]] });
    await VerifiedStatement.verify(message, authority(), at);
    expect(CERTIFICATES.size).toBeGreaterThan(before);
  });

  test("the anchor of another authority", async () => {
    const other = await issue("CN=Other");
    const given: Given = { set: [[LABEL.x5chain, chain]] };
    expect(await codeOf(given, { certificate: other })).toBe("STATEMENT_CHAIN_UNTRUSTED");
  });

  test("a signature by another key than the leaf's", async () => {
    const signer = await PrivateKey.generate("EdDSA");
    const given: Given = { set: [[LABEL.x5chain, chain]], signer };
    expect(await codeOf(given)).toBe("STATEMENT_SIGNATURE_INVALID");
  });
});

describe("an issuer that is its own key", () => {
  const jwk = new TextEncoder().encode(JSON.stringify({ ...VENDOR.publicKey.toJwk() }));
  const iss = `did:jwk:${encodeBase64url(jwk)}`;
  const takes = { others: { selfContained: new Set(["did:jwk"] as const) } };

  test.each([`${iss}#0`, "#0", "0"])("kid %#", async (kid) => {
    const set: Entry[] = [claiming(iss), [LABEL.kid, new TextEncoder().encode(kid)]];
    const message = await statement({ set, hasKid: true });
    const verified = await VerifiedStatement.verify(message, authority(takes), at);
    expect(verified.identity).toMatchObject({ kind: "did", method: "did:jwk" });
  });

  test("is refused where the authority does not take the method", async () => {
    const given: Given = { set: [claiming(iss)], hasKid: true };
    expect(await codeOf(given)).toBe("STATEMENT_KEY_UNKNOWN");
    const others = { selfContained: new Set(["did:key"] as const) };
    expect(await codeOf(given, { others })).toBe("STATEMENT_KEY_UNKNOWN");
  });

  test("has to be named by the kid", async () => {
    const given: Given = { set: [claiming(iss), [LABEL.kid, Uint8Array.of(9)]], hasKid: true };
    expect(await codeOf(given, takes)).toBe("STATEMENT_IDENTIFIER_MISMATCH");
  });

  test("has to be the key that is listed for it", async () => {
    const others = { ...takes.others, resolve: () => root.certificate.publicKey };
    const message = await statement({ set: [claiming(iss)], hasKid: true });
    const verified = VerifiedStatement.verify(message, authority({ others }), at);
    await expect(verified).rejects.toMatchObject({
      code: "STATEMENT_IDENTIFIER_MISMATCH",
      message: "the DID is another key than iss and kid name",
    });
  });
});
