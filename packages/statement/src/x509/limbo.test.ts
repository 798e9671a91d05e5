import { describe, expect, test } from "@jest/globals";
import {
  authorityKeyId,
  ca,
  CERT_SIGN,
  constraints,
  ed25519,
  extension,
  general,
  issue,
  issueLeaf,
  NOT_CA,
  san,
  SIGNATURE,
  subjectKeyId,
  utcTime,
  type Issued,
  type Recipe,
} from "../testing/certificate.js";
import { EXPIRED, refusalOf, three, verify, withThree, type Case } from "../testing/chain.js";
import { der, integer, oid, sequence, text } from "../testing/der.js";
import { CertificatePath } from "./path.js";

const NULL = Uint8Array.of(5, 0);
const INVALID = "STATEMENT_CHAIN_INVALID";
const UNTRUSTED = "STATEMENT_CHAIN_UNTRUSTED";
const MALFORMED = "STATEMENT_CERTIFICATE_MALFORMED";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const V1: Recipe = { extensions: [], version: null };

const generalized = (value: string): Uint8Array => text(0x18, value);
const eku = (isCritical: boolean, ...ids: readonly string[]): Uint8Array =>
  extension("2.5.29.37", sequence(...ids.map(oid)), isCritical);

type Good = readonly [name: string, make: () => Promise<Case>];
type Bad = readonly [...Good, code: string, part: string];

/** A leaf with these extensions below a CA that has others. */
function nested(issuer: readonly Uint8Array[], leaf: readonly Uint8Array[]): () => Promise<Case> {
  return withThree({ middle: { extensions: [ca(), ...issuer] }, leaf: { extensions: leaf } });
}

/** Two CAs of one name and several keys, of which one signed the leaf. */
async function siblings(pick: (made: readonly Issued[]) => readonly Issued[]): Promise<Case> {
  const root = await issue("CN=Root");
  const old = await issue("CN=Middle", { by: root });
  const renewed = await issue("CN=Middle", { by: root });
  return { chain: pick([await issueLeaf(renewed), renewed, old]), anchors: [root] };
}

/** One CA that two roots certify, with the chain over the second one. */
async function crossSigned(anchor: 0 | 1 | "both"): Promise<Case> {
  const [one, two] = [await issue("CN=One"), await issue("CN=Two")];
  const key = ed25519();
  const underOne = await issue("CN=Middle", { by: one, key });
  const underTwo = await issue("CN=Middle", { by: two, key });
  const leaf = await issueLeaf(underOne);
  const anchors = anchor === "both" ? [one, two] : [anchor === 0 ? one : two];
  return { chain: [leaf, underTwo], anchors };
}

/** A root and CAs with these path lengths (undefined: none) above a leaf. */
async function lengths(...limits: readonly (number | undefined)[]): Promise<Case> {
  const [first, ...rest] = limits;
  const root = await issue("CN=Root", { extensions: [ca(first)] });
  const chain: Issued[] = [];
  let by = root;
  for (const [n, limit] of rest.entries()) {
    chain.unshift((by = await issue(`CN=CA ${n}`, { by, extensions: [ca(limit)] })));
  }
  return { chain: [await issueLeaf(by), ...chain], anchors: [root] };
}

describe("accepted", () => {
  test.each<Good>([
    ["path length 0 of the last CA alone", () => lengths(1, 0)],
    ["path lengths that grow on the way down, while the first is kept", () => lengths(2, 9, 0)],
    ["a path length of a leaf that is a CA", withThree({ leaf: { extensions: [ca(0)] } })],
    [
      "a CA by its own old key below path length 0, twice",
      async () => {
        const root = await issue("CN=Root", { extensions: [ca(0)] });
        const second = await issue("CN=Root", { by: root });
        const third = await issue("CN=Root", { by: second });
        return { chain: [await issueLeaf(third), third, second], anchors: [root] };
      },
    ],
    ["basic constraints that are not critical", ofMiddle([nonCriticalCa()])],
    ["the key of that name which signed", () => siblings(([leaf, by]) => pair(leaf, by))],
    ["a CA over the one of its roots that is trusted", () => crossSigned(1)],
    ["a CA over either of two trusted roots", () => crossSigned("both")],
    ["any usage of a leaf", nested([], [NOT_CA, SIGNATURE, eku(false, "2.5.29.37.0")])],
    ["a critical usage of a leaf, which policies judge", nested([], [eku(true, SERVER_AUTH)])],
    [
      "a usage of the leaf that its issuer lacks",
      nested([eku(false, "1.2.3")], [eku(false, "1.2")]),
    ],
    ["constraints of a leaf, which bind nobody", nested([], [constraints([general.dns("x")])])],
    ["20 octets of serial number", withThree({ middle: { serial: longSerial(20) } })],
    ["20 octets and one for the sign", withThree({ leaf: { serial: longSerial(20, 0x80) } })],
    ["an anchor that another CA has signed", withThree({}, (made) => ({ anchors: made.slice(1) }))],
    ["UTCTime 49, the year 2049", withThree({ root: { notAfter: utcTime("491231235959Z") } })],
    ["the year 9999", withThree({ leaf: { notAfter: generalized("99991231235959Z") } })],
    [
      "GeneralizedTime before 2050",
      withThree({ leaf: { notBefore: generalized("20260101000000Z") } }),
    ],
    ["UTCTime 50, the year 1950", withThree({ leaf: { notBefore: utcTime("500101000000Z") } })],
    ["a leaf without a name", () => nameless("leaf")],
    ["a fraction of the last second", withThree({}, () => ({ time: 1_798_761_600.5 }))],
  ])("%s", async (_name, make) => {
    expect(CertificatePath.is(await verify(await make()))).toBe(true);
  });
});

describe("refused", () => {
  test.each<Bad>([
    [
      "a forged leaf before a whole genuine chain",
      async () => {
        const { root, middle } = await three();
        const forged = await issueLeaf({
          ...middle,
          key: ed25519(),
          certificate: middle.certificate,
        });
        return { chain: [forged, middle, root], anchors: [root] };
      },
      INVALID,
      "certificate 0 (CN=Leaf): signature does not hold under the key of CN=Middle",
    ],
    [
      "a leaf that signed a leaf, before a genuine chain",
      async () => {
        const { root, middle, leaf } = await three();
        return { chain: [await issue("CN=Below", { by: leaf }), leaf, middle], anchors: [root] };
      },
      INVALID,
      "certificate 1 (CN=Leaf): it is not a CA",
    ],
    [
      "an expired middle of two",
      async () => {
        const root = await issue("CN=Root");
        const upper = await issue("CN=Upper", { by: root, ...EXPIRED });
        const lower = await issue("CN=Lower", { by: upper });
        return { chain: [await issueLeaf(lower), lower, upper], anchors: [root] };
      },
      INVALID,
      "certificate 2 (CN=Upper): it has expired",
    ],
    [
      "two CAs in the wrong order",
      () => siblings(([a, b, c]) => [...pair(a, c), ...pair(b)]),
      INVALID,
      "1 (CN=Middle): its issuer is not CN=Middle",
    ],
    [
      "another key of the issuer's name",
      () => siblings(([a, , c]) => pair(a, c)),
      INVALID,
      "0 (CN=Leaf): signature does not hold",
    ],
    [
      "both keys of the issuer's name",
      () => siblings(([a, b, c]) => [...pair(a, b), ...pair(c)]),
      INVALID,
      "1 (CN=Middle): its issuer is not CN=Middle",
    ],
    [
      "the leaf twice",
      withThree({}, ([a, b]) => ({ chain: [...pair(a, a), ...pair(b)] })),
      INVALID,
      "1 (CN=Leaf): the same name and key",
    ],
    [
      "a CA over the root that is not trusted",
      () => crossSigned(0),
      UNTRUSTED,
      "1 (CN=Middle): no trust anchor",
    ],
    [
      "path length 0 above two CAs",
      () => lengths(0, undefined, undefined),
      INVALID,
      "3 (CN=Root): path length is 0, and 2 CAs follow",
    ],
    [
      "path length 0 between, whatever the root allows",
      () => lengths(5, 0, 5),
      INVALID,
      "2 (CN=CA 0): path length is 0, and 1 CAs follow",
    ],
    [
      "path length 0 above a CA below its own new key",
      async () => {
        const root = await issue("CN=Root", { extensions: [ca(0)] });
        const renewed = await issue("CN=Root", { by: root });
        const middle = await issue("CN=Middle", { by: renewed });
        return { chain: [await issueLeaf(middle), middle, renewed], anchors: [root] };
      },
      INVALID,
      "3 (CN=Root): path length is 0, and 1 CAs follow",
    ],
    [
      "CA: no, with a path length",
      ofMiddle([extension("2.5.29.19", sequence(integer(0)), true)]),
      MALFORMED,
      "path length of what is no CA",
    ],
    [
      "CA without keyCertSign",
      ofMiddle([ca(), SIGNATURE]),
      INVALID,
      "1 (CN=Middle): its key usage",
    ],
    [
      "version 1 of every issuer",
      withThree({ root: V1, middle: V1 }),
      INVALID,
      "2 (CN=Root): it is not a CA",
    ],
    [
      "version 2 of a CA",
      ofMiddle([], der(0xa0, integer(1))),
      INVALID,
      "1 (CN=Middle): it is not a CA",
    ],
    [
      "an unknown extension of the leaf beside a known one",
      nested([], [SIGNATURE, unknown("1.2.9")]),
      INVALID,
      "0 (CN=Leaf): critical extension 1.2.9",
    ],
    [
      "one of a CA beside known ones",
      nested([CERT_SIGN, unknown("1.2.8")], []),
      INVALID,
      "1 (CN=Middle): critical extension 1.2.8",
    ],
    [
      "one of an anchor that is pinned below a root",
      withThree({ middle: { extensions: [ca(), unknown("1.2.7")] } }, (made) => ({
        anchors: made.slice(1, 2),
      })),
      INVALID,
      "1 (CN=Middle): critical extension 1.2.7",
    ],
    ["key usage twice", nested([], [SIGNATURE, SIGNATURE]), MALFORMED, "2.5.29.15 is there twice"],
    [
      "alternative names twice",
      nested([], [san(general.dns("a")), san(general.dns("b"))]),
      MALFORMED,
      "2.5.29.17 is there twice",
    ],
    [
      "basic constraints twice, CA and none",
      nested([NOT_CA], []),
      MALFORMED,
      "2.5.29.19 is there twice",
    ],
    [
      "a negative serial number of a CA",
      withThree({ middle: { serial: integer(0xff) } }),
      MALFORMED,
      "not positive",
    ],
    [
      "serial number 0 of an anchor",
      withThree({ root: { serial: integer(0) } }),
      MALFORMED,
      "not positive",
    ],
    [
      "21 octets of serial number",
      withThree({ leaf: { serial: longSerial(21) } }),
      MALFORMED,
      "longer than 20",
    ],
    [
      "an empty serial number",
      withThree({ leaf: { serial: integer() } }),
      MALFORMED,
      "empty integer",
    ],
    ["a CA without a name", () => nameless("middle"), MALFORMED, "issuer is empty"],
    [
      "an end before the beginning",
      withThree({
        leaf: { notBefore: utcTime("260602000000Z"), notAfter: utcTime("260531000000Z") },
      }),
      INVALID,
      "0 (CN=Leaf): it is not yet valid",
    ],
    [
      "UTCTime 50, which is over since 1950",
      withThree({ middle: { notAfter: utcTime("500101000000Z") } }),
      INVALID,
      "1 (CN=Middle): it has expired",
    ],
    [
      "the second after the last",
      withThree({}, () => ({ time: 1_798_761_601 })),
      INVALID,
      "it has expired",
    ],
    [
      "a UTCTime with a century",
      withThree({ leaf: { notAfter: utcTime("20270101000000Z") } }),
      MALFORMED,
      "form of RFC 5280",
    ],
    [
      "a GeneralizedTime without one",
      withThree({ leaf: { notAfter: generalized("270101000000Z") } }),
      MALFORMED,
      "form of RFC 5280",
    ],
    [
      "an inner length in too many bytes",
      withThree({ leaf: { edit: (b) => Uint8Array.of(0x30, 0x83, 0, ...b.subarray(2)) } }),
      MALFORMED,
      "length",
    ],
    [
      "bytes behind the signature",
      withThree({ middle: { edit: (b) => Uint8Array.of(...b, 5, 0) } }),
      MALFORMED,
      "behind the end",
    ],
    [
      "a signature with spare bits",
      withThree({ leaf: { edit: spareBits } }),
      MALFORMED,
      "spare bits",
    ],
    [
      "a critical flag of 1",
      withThree({
        leaf: { extensions: [sequence(oid("1.2.3"), Uint8Array.of(1, 1, 1), der(4, NULL))] },
      }),
      MALFORMED,
      "boolean",
    ],
    [
      "a key identifier of another key of the anchor's name",
      withThree({
        root: { extensions: [ca(), subjectKeyId(7)] },
        middle: { extensions: [ca(), authorityKeyId(7, 7)] },
      }),
      INVALID,
      "its issuer's key identifier is not that of CN=Root",
    ],
  ])("%s", async (_name, make, ...[code, part]) => {
    const refusal = await refusalOf(await make());
    expect(refusal.message).toContain(part);
    expect(refusal.code).toBe(code);
  });
});

// What rows are made of; functions, so that rows may stand before them.

function pair(...issued: readonly (Issued | undefined)[]): readonly Issued[] {
  return issued.filter((one) => one !== undefined);
}

function ofMiddle(extensions: readonly Uint8Array[], version?: Uint8Array): () => Promise<Case> {
  return withThree({ middle: { extensions, ...(version && { version }) } });
}

function unknown(id: string): Uint8Array {
  return extension(id, NULL, true);
}

function longSerial(octets: number, first = 1): Uint8Array {
  const bytes = [first, ...new Array<number>(octets - 1).fill(1)];
  return integer(...(first < 0x80 ? bytes : [0, ...bytes]));
}

function nonCriticalCa(): Uint8Array {
  return extension("2.5.29.19", sequence(Uint8Array.of(1, 1, 0xff)));
}

// The signature closes a certificate; its first byte of content counts the spare bits.
function spareBits(bytes: Uint8Array): Uint8Array {
  const changed = new Uint8Array(bytes);
  changed[changed.length - 65] = 1;
  return changed;
}

async function nameless(subject: "leaf" | "middle"): Promise<Case> {
  const root = await issue("CN=Root");
  const middle = await issue(subject === "middle" ? sequence() : "CN=Middle", { by: root });
  const leaf = await issue(subject === "leaf" ? sequence() : "CN=Leaf", {
    by: middle,
    extensions: [NOT_CA, SIGNATURE],
  });
  return { chain: [leaf, middle], anchors: [root] };
}
