import { jest, beforeAll, describe, expect, test } from "@jest/globals";
import { PrivateKey, decodeBase64url } from "@tallystick/cose";
import fc from "fast-check";
import { StatementError } from "../error.js";
import {
  authorityKeyId,
  ca,
  certificatesOf,
  constraints,
  ED25519,
  ed25519,
  extension,
  general,
  issue,
  issueLeaf,
  name,
  NOW,
  san,
  subjectKeyId,
  utcTime,
  type CertificateKey,
  type Issued,
} from "../testing/certificate.js";
import { EXPIRED, long, refusalOf, three, verify, withThree, type Case } from "../testing/chain.js";
import { bits, der, oid, sequence } from "../testing/der.js";
import { flipBit } from "../testing/refusal.js";
import { Certificate } from "./certificate.js";
import { CertificatePath, MAX_PATH_LENGTH } from "./path.js";

const NULL = Uint8Array.of(5, 0);
const INVALID = "STATEMENT_CHAIN_INVALID";

describe("accepted", () => {
  test.each<[string, () => Promise<Case>]>([
    ["a chain without its anchor", withThree({})],
    ["a chain with its anchor", withThree({}, (made) => ({ chain: made }))],
    [
      "a leaf under the anchor",
      async () => {
        const root = await issue("CN=Root");
        return { chain: [await issueLeaf(root)], anchors: [root] };
      },
    ],
    ["a pinned issuer that is no root", withThree({}, (made) => ({ anchors: made.slice(1, 2) }))],
    [
      "an anchor in the middle beside the root",
      withThree({}, (made) => ({ anchors: made.slice(1) })),
    ],
    ["a leaf without extensions", withThree({ leaf: { extensions: [] } })],
    ["a leaf of version 1", withThree({ leaf: { extensions: [], version: null } })],
    ["a CA without key usage", withThree({ middle: { extensions: [ca()] } })],
    ["the last second", withThree({ middle: { notAfter: utcTime("260601000000Z") } })],
    ["the first second", withThree({ middle: { notBefore: utcTime("260601000000Z") } })],
    ["a path length of 0 above the leaf", withThree({ middle: { extensions: [ca(0)] } })],
    ["a path length of 1 above one CA", withThree({ root: { extensions: [ca(1)] } })],
    ["eight certificates", () => long(MAX_PATH_LENGTH - 2)],
    [
      "names in other string types, cases and spaces",
      withThree({ middle: { issuer: name("CN= ROOT", 0x13) } }),
    ],
    [
      "an unknown extension that is not critical",
      withThree({ leaf: { extensions: [extension("1.2.3.4", NULL)] } }),
    ],
    [
      "key identifiers that fit",
      withThree({
        root: { extensions: [ca(), subjectKeyId(7)] },
        middle: { extensions: [ca(), authorityKeyId(7)] },
      }),
    ],
    [
      "a key identifier that the issuer does not have",
      withThree({ middle: { extensions: [ca(), authorityKeyId(7)] } }),
    ],
    [
      "a new key of the same CA, which a path length does not count",
      async () => {
        const root = await issue("CN=Root", { extensions: [ca(0)] });
        const rolled = await issue("CN=Root", { by: root });
        return { chain: [await issueLeaf(rolled), rolled], anchors: [root] };
      },
    ],
    [
      "the second of two anchors with one name",
      async () => {
        const { root, middle, leaf } = await three();
        return { chain: [leaf, middle], anchors: [await issue("CN=Root"), root] };
      },
    ],
    [
      "a valid anchor beside an expired one of its name",
      async () => {
        const { root, middle, leaf } = await three();
        return { chain: [leaf, middle], anchors: [await issue("CN=Root", EXPIRED), root] };
      },
    ],
  ])("%s", async (_name, make) => {
    const input = await make();
    const path = await verify(input);
    expect(CertificatePath.is(path)).toBe(true);
    expect(path.leaf.der).toStrictEqual(input.chain[0]?.der);
    expect(path.certificates[0]).toBe(path.leaf);
    expect(path.certificates.at(-1)).toBe(path.anchor);
    expect(input.anchors.map(({ der }) => der)).toContainEqual(path.anchor.der);
  });
});

describe("ML-DSA", () => {
  const OIDS = {
    "ML-DSA-44": "2.16.840.1.101.3.4.3.17",
    "ML-DSA-65": "2.16.840.1.101.3.4.3.18",
    "ML-DSA-87": "2.16.840.1.101.3.4.3.19",
  } as const;

  test.each(Object.keys(OIDS) as (keyof typeof OIDS)[])("%s chain", async (alg) => {
    const algorithm = sequence(oid(OIDS[alg]));
    const generate = async (): Promise<CertificateKey> => {
      const key = await PrivateKey.generate(alg);
      const pub = decodeBase64url(String(key.publicKey.toJwk().pub));
      return {
        algorithm,
        spki: sequence(algorithm, bits(pub)),
        sign: (message) => key.sign(message),
      };
    };
    const root = await issue("CN=Root", { key: await generate() });
    const middle = await issue("CN=Middle", { by: root, key: await generate() });
    const leaf = await issueLeaf(middle, { key: await generate() });
    const path = await verify({ chain: [leaf, middle], anchors: [root] });
    expect(path.leaf.publicKey.kty).toBe("AKP");
    const changed = {
      ...leaf,
      certificate: Certificate.decode(flipBit(leaf.der, leaf.der.length * 8 - 1)),
    };
    const refusal = await refusalOf({ chain: [changed, middle], anchors: [root] });
    expect(refusal.code).toBe(INVALID);
  });
});

describe("one flipped bit", () => {
  let made: Case;
  beforeAll(async () => {
    const { root, middle, leaf } = await three();
    made = { chain: [leaf, middle, root], anchors: [root] };
    await verify(made);
  });

  test("anywhere in a chain is refused", async () => {
    const spot = fc.nat({ max: 2 }).chain((place) => {
      const { length } = made.chain[place]?.der ?? new Uint8Array();
      return fc.tuple(fc.constant(place), fc.nat({ max: length * 8 - 1 }));
    });
    const anchors = certificatesOf(...made.anchors);
    await fc.assert(
      fc.asyncProperty(spot, async ([place, bit]) => {
        const chain = made.chain.map(({ der }, at) => (at === place ? flipBit(der, bit) : der));
        const attempt = async (): Promise<unknown> =>
          CertificatePath.verify(
            chain.map((der) => Certificate.decode(der)),
            anchors,
            { time: NOW },
          );
        await expect(attempt()).rejects.toThrow(StatementError);
      }),
      { numRuns: 1500 },
    );
  });

  test("in what is signed of the leaf is refused, each of them", async () => {
    const [leaf, ...issuers] = made.chain;
    const bytes = leaf?.der ?? new Uint8Array();
    const anchors = certificatesOf(...made.anchors);
    const rest = certificatesOf(...issuers);
    // The outer head, then all up to the algorithm and the signature that close the certificate.
    const end = bytes.length - ED25519.length - der(3, new Uint8Array(65)).length;
    let signatures = 0;
    for (let bit = 4 * 8; bit < end * 8; bit++) {
      let changed: Certificate;
      try {
        changed = Certificate.decode(flipBit(bytes, bit));
      } catch (error) {
        expect(error).toBeInstanceOf(StatementError);
        continue;
      }
      const attempt = CertificatePath.verify([changed, ...rest], anchors, { time: NOW });
      await expect(attempt).rejects.toThrow(StatementError);
      signatures++;
    }
    expect(signatures).toBeGreaterThan(100);
  });
});

test("however many anchors share a name, few signatures are verified", async () => {
  const { middle, leaf } = await three();
  const anchors = await Promise.all(Array.from({ length: 30 }, () => issue("CN=Root")));
  const spy = jest.spyOn(Certificate.prototype, "verifySignature");
  try {
    const refusal = await refusalOf({ chain: [leaf, middle], anchors });
    expect(refusal.code).toBe(INVALID);
    expect(spy.mock.calls.length).toBeLessThanOrEqual(9);
  } finally {
    spy.mockRestore();
  }
});

describe("what the extensions say is not read of a certificate that", () => {
  const unreadable = extension("2.5.29.17", NULL);
  const outlined = async (chain: readonly Issued[], anchors: readonly Issued[]): Promise<unknown> =>
    CertificatePath.verify(
      chain.map(({ der: bytes }) => Certificate.decodeOutline(bytes)),
      certificatesOf(...anchors),
      { time: NOW },
    ).catch((error: unknown) => error);

  test("no anchor signed", async () => {
    const forged = await issue("CN=Root");
    const middle = await issue("CN=Middle", { by: forged, extensions: [ca(), unreadable] });
    const leaf = await issueLeaf(middle, { extensions: [unreadable] });
    expect(await outlined([leaf, middle], [await issue("CN=Root")])).toMatchObject({
      code: INVALID,
      message: expect.stringContaining("1 (CN=Middle): signature does not hold"),
    });
  });

  test("one that is no CA signed", async () => {
    const { root, middle, leaf } = await three();
    const below = await issue("CN=Below", { by: leaf, extensions: [unreadable] });
    expect(await outlined([below, leaf, middle], [root])).toMatchObject({
      code: INVALID,
      message: expect.stringContaining("1 (CN=Leaf): it is not a CA"),
    });
  });

  test("is forged below a genuine issuer", async () => {
    const { root, middle } = await three();
    const other = { ...middle, key: ed25519(), certificate: middle.certificate };
    const forged = await issueLeaf(other, { extensions: [unreadable] });
    expect(await outlined([forged, middle], [root])).toMatchObject({
      code: INVALID,
      message: expect.stringContaining("0 (CN=Leaf): signature does not hold"),
    });
  });

  test("and is of one that an issuer signed", async () => {
    const { root, middle } = await three();
    const leaf = await issueLeaf(middle, { extensions: [unreadable] });
    expect(await outlined([leaf, middle], [root])).toMatchObject({
      code: "STATEMENT_CERTIFICATE_MALFORMED",
      message: expect.stringContaining("certificate 0 (CN=Leaf): not a SubjectAlternativeName"),
    });
  });
});

test("names and name constraints along a path are held against each other up to a bound", async () => {
  const names = san(...Array.from({ length: 256 }, (_, n) => general.dns(`h${n}.a.example`)));
  const excluded = Array.from({ length: 256 }, (_, n) => general.dns(`h${n}.b.example`));
  const extensions = [ca(), names, constraints([], excluded)];
  const pathOf = async (count: number): Promise<Case> => {
    const root = await issue("CN=Root", { extensions });
    let by = root;
    const chain: Issued[] = [];
    for (let n = 0; n < count; n++)
      chain.unshift((by = await issue(`CN=${n}`, { by, extensions })));
    return { chain: [await issueLeaf(by, { extensions: [names] }), ...chain], anchors: [root] };
  };
  // Of 3 certificates 3 pairs of 65,536 comparisons, of 4 there are 6.
  expect((await verify(await pathOf(1))).certificates).toHaveLength(3);
  expect(await refusalOf(await pathOf(2))).toStrictEqual({
    code: INVALID,
    message: expect.stringContaining("more than 262144 names times name constraints"),
  });
});

test("no signature is verified of a chain that is expired", async () => {
  const input = await withThree({ leaf: EXPIRED })();
  const spy = jest.spyOn(Certificate.prototype, "verifySignature");
  try {
    expect((await refusalOf(input)).message).toContain("expired");
    expect(spy).not.toHaveBeenCalled();
  } finally {
    spy.mockRestore();
  }
});

test("a path cannot be made in another way, and is immutable", async () => {
  const path = await verify(await withThree({})());
  expect(CertificatePath.is(Object.assign({}, path))).toBe(false);
  expect(Object.isFrozen(path)).toBe(true);
  expect(Object.isFrozen(path.certificates)).toBe(true);
});
