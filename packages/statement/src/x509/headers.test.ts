import { HASH_ALGORITHMS, LABEL, encodeHex, type CborValue } from "@tallystick/cose";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { issue, type Issued } from "../testing/certificate.js";
import { refusal } from "../testing/refusal.js";
import { certificateHeadersOf, decodeChain, isThumbprintOf } from "./headers.js";

let one: Issued;
let two: Issued;
beforeAll(async () => {
  one = await issue("CN=One");
  two = await issue("CN=Two");
});

const header = (label: number, value: CborValue) => new Map([[label, value]]);
const read = (label: number, value: CborValue, acceptsSingleArray?: boolean) =>
  certificateHeadersOf(header(label, value), {
    isProtected: true,
    ...(acceptsSingleArray === undefined ? {} : { acceptsSingleArray }),
  });
const ders = ({ chain }: ReturnType<typeof read>): unknown => chain;

describe("x5chain", () => {
  test("one is a bare byte string, several are an array", () => {
    expect(ders(read(LABEL.x5chain, one.der))).toStrictEqual([one.der]);
    expect(ders(read(LABEL.x5chain, [one.der, two.der]))).toStrictEqual([one.der, two.der]);
    const eight = new Array<Uint8Array>(8).fill(one.der);
    expect(read(LABEL.x5chain, eight).chain).toHaveLength(8);
    expect(read(LABEL.kid, one.der)).toStrictEqual({ chain: undefined, thumbprint: undefined });
  });

  test("an array of one is taken where that is asked for (E15)", () => {
    expect(refusal(() => read(LABEL.x5chain, [one.der]))).toBe("STATEMENT_CHAIN_MALFORMED");
    expect(refusal(() => read(LABEL.x5chain, [one.der], false))).toBe("STATEMENT_CHAIN_MALFORMED");
    expect(ders(read(LABEL.x5chain, [one.der], true))).toStrictEqual([one.der]);
  });

  test.each<[string, () => CborValue]>([
    ["an empty array", () => []],
    ["nine", () => new Array<Uint8Array>(9).fill(one.der)],
    ["text", () => "CN=One"],
    ["null", () => null],
    ["an array with a number in it", () => [one.der, 1]],
    ["arrays in an array", () => [[one.der], [two.der]]],
  ])("%s is refused", (_name, value) => {
    for (const accepts of [true, false]) {
      expect(refusal(() => read(LABEL.x5chain, value(), accepts))).toBe(
        "STATEMENT_CHAIN_MALFORMED",
      );
    }
  });

  test("what is no certificate is read, and named by its place where it is decoded", () => {
    const encoded = [one.der, two.der.subarray(1)];
    expect(ders(read(LABEL.x5chain, encoded))).toStrictEqual(encoded);
    const chain = (): unknown => decodeChain(encoded);
    expect(refusal(chain)).toBe("STATEMENT_CERTIFICATE_MALFORMED");
    expect(chain).toThrow("certificate 1: ");
    expect(refusal(() => decodeChain([new Uint8Array()]))).toBe("STATEMENT_CERTIFICATE_MALFORMED");
    expect(refusal(() => decodeChain([]))).toBe("STATEMENT_CHAIN_MALFORMED");
    const large = (bytes: number): Uint8Array[] => [new Uint8Array(bytes), new Uint8Array(65_536)];
    expect(refusal(() => decodeChain(large(65_537)))).toBe("STATEMENT_CHAIN_MALFORMED");
    expect(refusal(() => decodeChain(large(65_536)))).toBe("STATEMENT_CERTIFICATE_MALFORMED");
  });
});

describe("x5t", () => {
  test.each(HASH_ALGORITHMS)("of $name", ({ id, name, bytes }) => {
    const value = one.certificate.fingerprint(name);
    const { thumbprint } = read(LABEL.x5t, [id, value]);
    if (thumbprint === undefined) throw new Error("no thumbprint");
    expect(thumbprint).toStrictEqual({ hash: name, value });
    expect(isThumbprintOf(thumbprint, one.certificate)).toBe(true);
    expect(isThumbprintOf(thumbprint, two.certificate)).toBe(false);
    expect(encodeHex(value)).toHaveLength(2 * bytes);
  });

  test.each<[string, CborValue]>([
    ["bytes alone", new Uint8Array(32)],
    ["text as hash", ["sha-256", new Uint8Array(32)]],
    ["SHA-1", [-14, new Uint8Array(20)]],
    ["a truncated SHA-256", [-15, new Uint8Array(8)]],
    ["a digest of another length", [-16, new Uint8Array(31)]],
    ["a digest as text", [-16, "00"]],
    ["three elements", [-16, new Uint8Array(32), 0]],
    ["one element", [-16]],
    ["a map", new Map()],
  ])("%s is refused", (_name, value) => {
    expect(refusal(() => read(LABEL.x5t, value))).toBe("STATEMENT_CHAIN_MALFORMED");
  });
});

describe("T6: what is not checked is not taken", () => {
  test.each([
    ["x5bag", LABEL.x5bag],
    ["x5u", LABEL.x5u],
  ])("%s is refused where it is protected", (_name, label) => {
    expect(refusal(() => read(label, "x"))).toBe("STATEMENT_KEY_UNKNOWN");
    const headers = certificateHeadersOf(header(label, "x"), { isProtected: false });
    expect(headers).toStrictEqual({ chain: undefined, thumbprint: undefined });
  });
});
