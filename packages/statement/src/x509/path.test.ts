import { jest, beforeAll, describe, expect, test } from "@jest/globals";
import { PrivateKey, decodeBase64url } from "@tallystick/cose";
import fc from "fast-check";
import { StatementError } from "../error.js";
import {
  authorityKeyId,
  ca,
  CERT_SIGN,
  certificatesOf,
  ED25519,
  ed25519,
  ENCIPHERMENT,
  extension,
  issue,
  issueLeaf,
  name,
  NOT_CA,
  NOW,
  SIGNATURE,
  subjectKeyId,
  utcTime,
  type CertificateKey,
  type Issued,
  type Recipe,
} from "../testing/certificate.js";
import { bits, der, oid, sequence } from "../testing/der.js";
import { flipBit } from "../testing/refusal.js";
import { Certificate } from "./certificate.js";
import { CertificatePath, MAX_PATH_LENGTH } from "./path.js";

const NULL = Uint8Array.of(5, 0);
const EXPIRED: Recipe = { notAfter: utcTime("260531235959Z") };
const FUTURE: Recipe = { notBefore: utcTime("260601000001Z") };
const UNKNOWN = extension("1.2.3.4", NULL, true);

interface Case {
  readonly chain: readonly Issued[];
  readonly anchors: readonly Issued[];
  readonly time?: number;
}

async function verify({ chain, anchors, time = NOW }: Case): Promise<CertificatePath> {
  return CertificatePath.verify(certificatesOf(...chain), certificatesOf(...anchors), { time });
}

/** Yields code and message of the refusal; anything else fails the test. */
async function refusalOf(input: Case): Promise<{ code: string; message: string }> {
  try {
    await verify(input);
  } catch (error) {
    if (error instanceof StatementError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("was not refused");
}

/** A chain of three whose parts a test may remake. */
async function three(
  recipes: { readonly root?: Recipe; readonly middle?: Recipe; readonly leaf?: Recipe } = {},
): Promise<{ root: Issued; middle: Issued; leaf: Issued }> {
  const root = await issue("CN=Root", recipes.root);
  const middle = await issue("CN=Middle", { by: root, ...recipes.middle });
  const leaf = await issueLeaf(middle, recipes.leaf);
  return { root, middle, leaf };
}

const withThree =
  (recipes: Parameters<typeof three>[0], change?: (made: Issued[]) => Partial<Case>) =>
  async (): Promise<Case> => {
    const { root, middle, leaf } = await three(recipes);
    return { chain: [leaf, middle], anchors: [root], ...change?.([leaf, middle, root]) };
  };

/** Yields a chain with this many CAs below the root. */
async function long(count: number, root?: Recipe): Promise<Case> {
  const anchor = await issue("CN=Root", root);
  const issuers = [anchor];
  for (let i = 0; i < count; i++) {
    issuers.unshift(await issue(`CN=CA ${i}`, { by: issuers[0] ?? anchor }));
  }
  const chain = [await issueLeaf(issuers[0] ?? anchor), ...issuers.slice(0, -1)];
  return { chain, anchors: [anchor] };
}

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

const INVALID = "STATEMENT_CHAIN_INVALID";
const UNTRUSTED = "STATEMENT_CHAIN_UNTRUSTED";

describe("refused, and why", () => {
  test.each<[string, () => Promise<Case>, string, string]>([
    ["no certificate", withThree({}, () => ({ chain: [] })), UNTRUSTED, "no certificate"],
    ["no anchor", withThree({}, () => ({ anchors: [] })), UNTRUSTED, "1 (CN=Middle): no trust"],
    [
      "a forged leaf in front of a genuine issuer",
      async () => {
        const { root, middle } = await three();
        const forged = await issueLeaf({
          ...middle,
          key: ed25519(),
          certificate: middle.certificate,
        });
        return { chain: [forged, middle], anchors: [root] };
      },
      INVALID,
      "certificate 0 (CN=Leaf): signature does not hold under the key of CN=Middle",
    ],
    [
      "a self-signed leaf in front of a genuine issuer",
      async () => {
        const { root, middle } = await three();
        return { chain: [await issue("CN=Attacker"), middle], anchors: [root] };
      },
      INVALID,
      "0 (CN=Attacker): the leaf names itself",
    ],
    [
      "a forged issuer",
      async () => {
        const { root, middle } = await three();
        const forged = await issue("CN=Middle", {
          by: { ...root, key: ed25519(), certificate: root.certificate },
        });
        expect(forged.name).toStrictEqual(middle.name);
        return { chain: [await issueLeaf(forged), forged], anchors: [root] };
      },
      INVALID,
      "1 (CN=Middle): signature does not hold under the key of CN=Root",
    ],
    [
      "a root of the anchor's name",
      async () => {
        const { root, middle, leaf } = await three();
        return { chain: [leaf, middle, root], anchors: [await issue("CN=Root")] };
      },
      INVALID,
      "2 (CN=Root): signature does not hold",
    ],
    [
      "another root in the message",
      async () => {
        const { root, middle, leaf } = await three();
        return { chain: [leaf, middle, root], anchors: [await issue("CN=Other")] };
      },
      UNTRUSTED,
      "2 (CN=Root): no trust anchor",
    ],
    [
      "a self-signed leaf",
      withThree({}, ([, , root]) => ({ chain: root ? [root] : [], anchors: [] })),
      INVALID,
      "0 (CN=Root): the leaf names itself",
    ],
    [
      "a self-signed anchor as leaf",
      withThree({}, ([, , root]) => ({ chain: root ? [root] : [] })),
      INVALID,
      "0 (CN=Root): the leaf names itself",
    ],
    [
      "a leaf that is an anchor",
      withThree({}, ([leaf]) => ({ chain: leaf ? [leaf] : [], anchors: leaf ? [leaf] : [] })),
      INVALID,
      "cannot sign as a leaf",
    ],
    ["an expired leaf", withThree({ leaf: EXPIRED }), INVALID, "0 (CN=Leaf): it has expired"],
    ["an expired middle", withThree({ middle: EXPIRED }), INVALID, "1 (CN=Middle): it has expired"],
    ["an expired anchor", withThree({ root: EXPIRED }), INVALID, "2 (CN=Root): it has expired"],
    ["a leaf of tomorrow", withThree({ leaf: FUTURE }), INVALID, "0 (CN=Leaf): it is not yet"],
    [
      "a middle of tomorrow",
      withThree({ middle: FUTURE }),
      INVALID,
      "1 (CN=Middle): it is not yet",
    ],
    ["an anchor of tomorrow", withThree({ root: FUTURE }), INVALID, "2 (CN=Root): it is not yet"],
    ["a time before all", withThree({}, () => ({ time: 0 })), INVALID, "it is not yet valid"],
    [
      "the wrong order",
      withThree({}, ([a, b, c]) => ({ chain: a && b && c ? [a, c, b] : [] })),
      INVALID,
      "0 (CN=Leaf): its issuer is not CN=Root",
    ],
    [
      "the issuer first",
      withThree({}, ([a, b]) => ({ chain: a && b ? [b, a] : [] })),
      INVALID,
      "0 (CN=Middle): its issuer is not CN=Leaf",
    ],
    [
      "a gap",
      withThree({}, ([a, , c]) => ({ chain: a && c ? [a, c] : [] })),
      INVALID,
      "0 (CN=Leaf): its issuer is not CN=Root",
    ],
    [
      "a missing issuer",
      withThree({}, ([a]) => ({ chain: a ? [a] : [] })),
      UNTRUSTED,
      "0 (CN=Leaf): no trust anchor has the name",
    ],
    [
      "an unrelated certificate behind",
      async () => {
        const { root, middle, leaf } = await three();
        return { chain: [leaf, middle, root, await issue("CN=Extra")], anchors: [root] };
      },
      INVALID,
      "2 (CN=Root): its issuer is not CN=Extra",
    ],
    [
      "a root behind the anchor",
      withThree({}, (made) => ({ chain: made, anchors: made.slice(1, 2) })),
      INVALID,
      "2 (CN=Root): it stands behind a trust anchor",
    ],
    [
      "the same certificate twice",
      withThree({}, ([a, b]) => ({ chain: a && b ? [a, b, b] : [] })),
      INVALID,
      "2 (CN=Middle): the same name and key is there twice",
    ],
    [
      "a leaf without digitalSignature",
      withThree({ leaf: { extensions: [ENCIPHERMENT] } }),
      INVALID,
      "0 (CN=Leaf): its key usage does not allow digitalSignature",
    ],
    [
      "a leaf that may only certify",
      withThree({ leaf: { extensions: [CERT_SIGN] } }),
      INVALID,
      "digitalSignature",
    ],
    [
      "a middle without keyCertSign",
      withThree({ middle: { extensions: [ca(), SIGNATURE] } }),
      INVALID,
      "1 (CN=Middle): its key usage does not allow keyCertSign",
    ],
    [
      "an anchor without keyCertSign",
      withThree({ root: { extensions: [ca(), SIGNATURE] } }),
      INVALID,
      "2 (CN=Root): its key usage",
    ],
    [
      "a middle that is no CA",
      withThree({ middle: { extensions: [NOT_CA, CERT_SIGN] } }),
      INVALID,
      "1 (CN=Middle): it is not a CA",
    ],
    [
      "a middle without basic constraints",
      withThree({ middle: { extensions: [CERT_SIGN] } }),
      INVALID,
      "1 (CN=Middle): it is not a CA",
    ],
    [
      "an anchor that is no CA",
      withThree({ root: { extensions: [NOT_CA] } }),
      INVALID,
      "2 (CN=Root): it is not a CA",
    ],
    [
      "a middle of version 1",
      withThree({ middle: { extensions: [], version: null } }),
      INVALID,
      "1 (CN=Middle): it is not a CA",
    ],
    [
      "an anchor of version 1",
      withThree({ root: { extensions: [], version: null } }),
      INVALID,
      "2 (CN=Root): it is not a CA",
    ],
    [
      "a path length of 0 above a CA",
      withThree({ root: { extensions: [ca(0)] } }),
      INVALID,
      "2 (CN=Root): path length is 0, and 1 CAs follow",
    ],
    [
      "a path length of 2 above 3 CAs",
      () => long(3, { extensions: [ca(2)] }),
      INVALID,
      "path length is 2, and 3",
    ],
    ["nine certificates", () => long(MAX_PATH_LENGTH - 1), INVALID, "path of 9 certificates"],
    [
      "nine certificates in the message",
      () => long(MAX_PATH_LENGTH),
      INVALID,
      "9 certificates, want 8",
    ],
    [
      "an unknown critical extension of the leaf",
      withThree({ leaf: { extensions: [UNKNOWN] } }),
      INVALID,
      "0 (CN=Leaf): critical extension 1.2.3.4",
    ],
    [
      "one of the middle",
      withThree({ middle: { extensions: [ca(), UNKNOWN] } }),
      INVALID,
      "1 (CN=Middle): critical extension",
    ],
    [
      "one of the anchor",
      withThree({ root: { extensions: [ca(), UNKNOWN] } }),
      INVALID,
      "2 (CN=Root): critical extension",
    ],
    ...["2.5.29.32", "2.5.29.33", "2.5.29.36", "2.5.29.54"].map(
      (id) =>
        [
          `a critical extension on policies, ${id}`,
          withThree({ middle: { extensions: [ca(), extension(id, sequence(), true)] } }),
          INVALID,
          `critical extension ${id}`,
        ] as [string, () => Promise<Case>, string, string],
    ),
    [
      "another key identifier of the issuer",
      withThree({
        middle: { extensions: [ca(), subjectKeyId(7)] },
        leaf: { extensions: [authorityKeyId(8)] },
      }),
      INVALID,
      "0 (CN=Leaf): its issuer's key identifier is not that of CN=Middle",
    ],
    [
      "another key identifier of the anchor",
      withThree({
        root: { extensions: [ca(), subjectKeyId(7)] },
        middle: { extensions: [ca(), authorityKeyId(8)] },
      }),
      INVALID,
      "1 (CN=Middle): its issuer's key identifier is not that of CN=Root",
    ],
    [
      "a cycle of two CAs",
      async () => {
        const [one, two] = [ed25519(), ed25519()];
        const b = await issue("CN=B", { key: two });
        const a = await issue("CN=A", { key: one, by: b });
        const crossed = await issue("CN=B", { key: two, by: a });
        const leaf = await issueLeaf(a);
        return { chain: [leaf, a, crossed, a, b], anchors: [b] };
      },
      INVALID,
      "3 (CN=A): the same name and key is there twice",
    ],
    [
      "a cycle through other certificates",
      async () => {
        const [one, two] = [ed25519(), ed25519()];
        const b = await issue("CN=B", { key: two });
        const a = await issue("CN=A", { key: one, by: b });
        const crossed = await issue("CN=B", { key: two, by: a });
        return { chain: [await issueLeaf(crossed), crossed, a], anchors: [b] };
      },
      INVALID,
      "3 (CN=B): the same name and key is there twice",
    ],
    [
      "a signature algorithm that is not supported",
      async () => {
        const key: CertificateKey = {
          ...ed25519(),
          algorithm: sequence(oid("1.2.840.113549.1.1.5"), NULL),
        };
        const root = await issue("CN=Root", { key });
        return { chain: [await issueLeaf(root)], anchors: [root] };
      },
      INVALID,
      "0 (CN=Leaf): signature algorithm 1.2.840.113549.1.1.5 is not supported",
    ],
    [
      "Ed25519 with parameters",
      async () => {
        const key: CertificateKey = { ...ed25519(), algorithm: sequence(oid("1.3.101.112"), NULL) };
        const root = await issue("CN=Root", { key });
        return { chain: [await issueLeaf(root)], anchors: [root] };
      },
      INVALID,
      "signature algorithm 1.3.101.112 is not supported",
    ],
    [
      "a key of another kind than the signature",
      async () => {
        const key: CertificateKey = {
          ...ed25519(),
          algorithm: sequence(oid("1.2.840.10045.4.3.2")),
        };
        const root = await issue("CN=Root", { key });
        return { chain: [await issueLeaf(root)], anchors: [root] };
      },
      INVALID,
      "0 (CN=Leaf): signature does not hold",
    ],
  ])("%s", async (_name, make, code, part) => {
    const refusal = await refusalOf(await make());
    expect(refusal.message).toContain(part);
    expect(refusal.code).toBe(code);
  });

  test("a time that is none is misuse", async () => {
    const input = await withThree({})();
    await expect(verify({ ...input, time: Number.NaN })).rejects.toThrow(TypeError);
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
    await fc.assert(
      fc.asyncProperty(spot, async ([place, bit]) => {
        const chain = made.chain.map(({ der }, at) => (at === place ? flipBit(der, bit) : der));
        const attempt = async (): Promise<unknown> =>
          CertificatePath.verify(chain.map(Certificate.decode), certificatesOf(...made.anchors), {
            time: NOW,
          });
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

test("no signature is verified of a chain that is refused without", async () => {
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
  expect(CertificatePath.is({ ...path })).toBe(false);
  expect(Object.isFrozen(path)).toBe(true);
  expect(Object.isFrozen(path.certificates)).toBe(true);
});
