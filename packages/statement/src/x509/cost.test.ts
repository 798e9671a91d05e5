import { jest, describe, expect, test } from "@jest/globals";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  ca,
  certificatesOf,
  constraints,
  ed25519,
  extension,
  general,
  issue,
  issueLeaf,
  NOW,
  san,
  type Issued,
} from "../testing/certificate.js";
import { refusalOf, three, verify, type Case } from "../testing/chain.js";
import { bits, der, integer, oid, sequence } from "../testing/der.js";
import { Certificate } from "./certificate.js";
import { comparisonsOf } from "./constraints.js";
import { CertificatePath, MAX_PATH_LENGTH } from "./path.js";

const NULL = Uint8Array.of(5, 0);
const INVALID = "STATEMENT_CHAIN_INVALID";
const MALFORMED = "STATEMENT_CERTIFICATE_MALFORMED";

/** What docs/formats/certificates.md promises of any chain. */
const MAX_SIGNATURES = 14;

/** Counts the signatures that are verified, and the extensions that are read, while it runs. */
async function counted(
  run: () => Promise<unknown>,
): Promise<{ signatures: number; readings: number }> {
  const verified = jest.spyOn(Certificate.prototype, "verifySignature");
  const read = jest.spyOn(AsnConvert, "parse");
  try {
    await run();
    return { signatures: verified.mock.calls.length, readings: read.mock.calls.length };
  } finally {
    verified.mockRestore();
    read.mockRestore();
  }
}

// As a service has them: the extensions of a chain are not read before they have to be.
function outlined({ chain, anchors }: Case): Promise<unknown> {
  const path = CertificatePath.verify(
    chain.map(({ der: bytes }) => Certificate.decodeOutline(bytes)),
    certificatesOf(...anchors),
    { time: NOW },
  );
  return path.catch((error: unknown) => error);
}

/** Every one of `names` certified by each of them: paths between them are without number. */
async function mesh(names: readonly string[]): Promise<readonly Issued[]> {
  const roots = await Promise.all(names.map((name) => issue(name)));
  const certified = roots.flatMap((by) =>
    roots.map((subject) => issue(subject.name, { by, key: subject.key })),
  );
  return Promise.all(certified);
}

describe("few signatures are verified", () => {
  test("of a mesh of CAs that certify each other: a message has one path alone", async () => {
    const crossed = await mesh(["CN=A", "CN=B", "CN=C"]);
    const [by] = crossed;
    if (by === undefined) throw new Error("the mesh is empty");
    const chain = [await issueLeaf(by), ...crossed].slice(0, MAX_PATH_LENGTH);
    const anchors = [await issue("CN=A"), await issue("CN=B"), await issue("CN=C")];
    const work = await counted(async () => {
      expect(await outlined({ chain, anchors })).toMatchObject({ code: INVALID });
    });
    expect(work.signatures).toBe(0);
  });

  test("of a chain of one name below many anchors of that name", async () => {
    let by = await issue("CN=A");
    const root = by;
    const chain: Issued[] = [];
    for (let n = 0; n < MAX_PATH_LENGTH - 2; n++) chain.unshift((by = await issue("CN=A", { by })));
    const strangers = await Promise.all(Array.from({ length: 40 }, () => issue("CN=A")));
    const sound = { chain: [await issueLeaf(by), ...chain], anchors: [root, ...strangers] };
    const accepted = await counted(async () => verify(sound));
    expect(accepted.signatures).toBe(MAX_SIGNATURES);
    const forged = { ...sound, anchors: strangers };
    const refused = await counted(async () => refusalOf(forged));
    expect(refused.signatures).toBeLessThanOrEqual(8);
  });

  test("of a message of more certificates than a path may have", async () => {
    const { root, middle, leaf } = await three();
    const chain = [leaf, ...Array.from({ length: 200 }, () => middle)];
    const work = await counted(async () => refusalOf({ chain, anchors: [root] }));
    expect(work.signatures).toBe(0);
  });
});

describe("extensions", () => {
  const names = san(...Array.from({ length: 256 }, (_, n) => general.dns(`h${n}.example`)));
  const many = Array.from({ length: 62 }, (_, n) => extension(`1.2.3.${n}`, NULL));

  test("of strangers are not read, however many there are", async () => {
    const forged = await issue("CN=Root");
    const middle = await issue("CN=Middle", { by: forged, extensions: [ca(), names, ...many] });
    const leaf = await issueLeaf(middle, { extensions: [names, ...many] });
    const anchors = certificatesOf(await issue("CN=Root"));
    const chain = [leaf, middle].map(({ der: bytes }) => Certificate.decodeOutline(bytes));
    const { readings } = await counted(() =>
      CertificatePath.verify(chain, anchors, { time: NOW }).catch(() => undefined),
    );
    expect(readings).toBe(0);
  });

  test("of no meaning here are not read of anybody", async () => {
    const root = await issue("CN=Root");
    const read = async (extensions: readonly Uint8Array[]): Promise<number> => {
      const { certificate } = await issueLeaf(root, { extensions });
      const chain = [Certificate.decodeOutline(certificate.der)];
      const anchors = certificatesOf(root);
      return (await counted(() => CertificatePath.verify(chain, anchors, { time: NOW }))).readings;
    };
    expect(await read([names, ...many])).toBe(await read([names]));
  });

  test.each([
    [
      "65 of them",
      Array.from({ length: 65 }, (_, n) => extension(`1.2.3.${n}`, NULL)),
      "65 extensions",
    ],
    [
      "thousands of them",
      Array.from({ length: 3000 }, (_, n) => extension(`1.2.${n}`, NULL)),
      "more than 4096 elements",
    ],
    [
      "one of more than 64 KiB",
      [extension("1.2.3", der(4, new Uint8Array(65_536)))],
      "want 65536 at most",
    ],
    [
      "257 alternative names",
      [san(...Array.from({ length: 257 }, () => general.dns("a")))],
      "256 names",
    ],
    [
      "257 name constraints",
      [ca(), constraints(Array.from({ length: 257 }, () => general.dns("a")))],
      "256 names",
    ],
    [
      "257 excluded ones",
      [
        ca(),
        constraints(
          [],
          Array.from({ length: 257 }, () => general.dns("a")),
        ),
      ],
      "256 names",
    ],
  ])("are bounded: %s", async (_name, extensions, part) => {
    const { der: bytes } = await issue("CN=Leaf", { extensions });
    expect(() => Certificate.decode(bytes)).toThrow(
      expect.objectContaining({ code: MALFORMED, message: expect.stringContaining(part) }),
    );
  });
});

test("every pair of a name and a constraint of its kind is counted, of all kinds", async () => {
  const kinds = [general.dns("a.example"), general.email("u@a.example"), general.ip(10, 0, 0, 1)];
  const bases = [
    general.dns("example"),
    general.email("a.example"),
    general.ip(10, 0, 0, 0, 255, 0, 0, 0),
  ];
  const times = (list: readonly Uint8Array[], count: number): Uint8Array[] =>
    Array.from({ length: count }, () => list).flat();
  const { certificate: issuer } = await issue("CN=Root", {
    extensions: [ca(), constraints(times(bases, 3), times(bases, 2))],
  });
  const { certificate } = await issue("CN=Leaf", {
    extensions: [san(...times(kinds, 4), general.directory("CN=x"))],
  });
  const { nameConstraints } = issuer.extensions;
  if (nameConstraints === undefined) throw new Error("no name constraints");
  const { subjectAltName } = certificate.extensions;
  // Three kinds, four names and five bases each; directory names are not constrained.
  expect(comparisonsOf(nameConstraints, { subject: certificate.subject, subjectAltName })).toBe(60);
});

describe("keys that take long to verify with are no keys", () => {
  const rsa = (modulus: readonly number[], exponent: readonly number[]): Uint8Array =>
    sequence(
      sequence(oid("1.2.840.113549.1.1.1"), NULL),
      bits(sequence(integer(...modulus), integer(...exponent))),
    );
  const odd = (bytes: number): number[] => [0, 0xc1, ...new Array<number>(bytes - 1).fill(0xff)];
  const e = [1, 0, 1];

  test.each([
    ["a modulus of 8,200 bits", rsa(odd(1025), e), "want 2048 to 8192"],
    ["a modulus of 400,000 bits", rsa(odd(50_000), e), "public key"],
    ["an exponent of 40 bits", rsa(odd(256), [1, 0, 0, 0, 1]), "exponent"],
    ["an exponent as long as the modulus", rsa(odd(256), odd(256)), "exponent"],
    ["exponent 3", rsa(odd(256), [3]), "exponent"],
    ["exponent 1", rsa(odd(256), [1]), "exponent"],
    ["a negative modulus", rsa(odd(256).slice(1), e), "public key"],
  ])("%s", async (_name, spki, part) => {
    const root = await issue("CN=Root");
    const { der: bytes } = await issue("CN=Middle", { by: root, key: { ...ed25519(), spki } });
    const { signatures } = await counted(() => {
      expect(() => Certificate.decodeOutline(bytes)).toThrow(
        expect.objectContaining({ code: MALFORMED, message: expect.stringContaining(part) }),
      );
      return Promise.resolve();
    });
    expect(signatures).toBe(0);
  });
});
