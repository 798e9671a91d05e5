import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { EvidenceError } from "./error.js";
import { decodeEvidence } from "./evidence.js";
import { der, fwid, tcbInfo } from "./testing/der.js";
import { makeDevice } from "./testing/device.js";
import { refusalOf } from "./testing/refusal.js";
import { VerifiedEvidence } from "./verified.js";

const TIME = 1_790_000_000;
const TCB_INFO = "2.23.133.5.4.1";
const UEID = "2.23.133.5.4.4";
const MULTI = "2.23.133.5.4.5";
const text = (tag: number, value: string): Uint8Array => der(tag, new TextEncoder().encode(value));
const bytes = (tag: number, ...values: readonly number[]): Uint8Array =>
  der(tag, Uint8Array.from(values));
const info = (...fields: readonly Uint8Array[]): Uint8Array => der(0x30, ...fields);
const ueid = der(0x30, bytes(0x04, 1, ...new Array<number>(16).fill(0xab)));

/** Yields the DER of a device's certificate with one extension. */
async function withInfo(value: Uint8Array, oid = TCB_INFO): Promise<Uint8Array> {
  return (await makeDevice({ [oid]: value })).leaf.der;
}

describe("the certificate of a layer", () => {
  test("is verified up to a pinned root, and is never fresh", async () => {
    const { root, leaf } = await makeDevice({ [TCB_INFO]: tcbInfo("RT_INFO", 3, 1), [UEID]: ueid });
    const evidence = decodeEvidence(leaf.der);
    const options = { anchors: [root], time: TIME };
    const { isFresh, path } = await VerifiedEvidence.verify(evidence, options);
    expect({ isFresh, label: path.leaf.label }).toStrictEqual({
      isFresh: false,
      label: leaf.label,
    });
    expect(evidence.ueids).toStrictEqual([`01${"ab".repeat(16)}`]);
    const nonce = new Uint8Array(32);
    expect(await refusalOf(() => VerifiedEvidence.verify(evidence, { ...options, nonce }))).toBe(
      "EVIDENCE_NONCE_MISMATCH",
    );
  });

  test("has every field of a TcbInfo", async () => {
    const whole = info(
      ...[text(0x80, "Vendor"), text(0x81, "Model"), text(0x82, "1.2"), bytes(0x83, 0, 0x80)],
      ...[bytes(0x84, 2), bytes(0x85, 1), der(0xa6, fwid(new Uint8Array(48).fill(5)))],
      ...[bytes(0x87, 0, 0b0001_0000), bytes(0x88, 9, 9), text(0x89, "FMC_INFO")],
      bytes(0x8a, 0, 0b1111_0000),
      der(0xab, der(0x30, bytes(0x81, 4), der(0xa2, fwid(new Uint8Array(48).fill(6))))),
    );
    const { elements, concerns } = decodeEvidence(await withInfo(whole));
    expect(concerns).toStrictEqual(["FMC_INFO can be debugged"]);
    const [element] = elements;
    expect(element).toMatchObject({ name: "FMC_INFO", kind: "firmware", block: undefined });
    expect(element?.measurement).toMatchObject({
      version: { text: "1.2" },
      svn: { value: 128n, isMinimum: false },
      digests: [{ alg: "sha-384", value: "05".repeat(48) }],
      raw: { value: Uint8Array.of(9, 9) },
    });
    expect([...(element?.measurement.flags ?? [])]).toStrictEqual([
      [0, true],
      [1, true],
      [2, false],
      [3, true],
    ]);
    expect(element?.measurement.registers?.get("4")).toHaveLength(1);
    expect(Object.fromEntries(element?.places[0]?.environment ?? [])).toStrictEqual({
      ...{ index: "1", vendor: '"Vendor"', model: '"Model"', layer: "2" },
      "class-id": "560(h'464d435f494e464f')",
    });
  });

  test("counts all flags that are written where there is no mask", async () => {
    const { concerns } = decodeEvidence(await withInfo(info(bytes(0x87, 4, 0b1110_0000))));
    expect(
      concerns.map((concern) => concern.replace(/^TcbInfo 0 of CN=Device /, "")),
    ).toStrictEqual(["is not configured", "is not in a secure mode", "is in recovery"]);
  });

  test("may have several in one extension", async () => {
    const multiple = der(
      0x30,
      tcbInfo("DEVICE_INFO", 1, 1),
      tcbInfo("CALIPTRA_2_X_FMC_FIRMWARE_INFO", 2, 2),
    );
    const { elements } = decodeEvidence(await withInfo(multiple, MULTI));
    expect(elements.map(({ kind }) => kind)).toStrictEqual(["hardware-config", "firmware"]);
  });

  test.each([
    ["DEVICE_FIRMWARE", tcbInfo("DEVICE_FIRMWARE", 1, 1), "firmware"],
    ["MY_DEVICE_INFO", tcbInfo("MY_DEVICE_INFO", 1, 1), "firmware"],
    ["FUSE_INFO", tcbInfo("FUSE_INFO", 1, 1), "hardware-config"],
    [
      "a register alone",
      info(der(0xab, der(0x30, bytes(0x81, 4), der(0xa2, fwid(new Uint8Array(48).fill(6)))))),
      "firmware",
    ],
    ["a layer alone", info(bytes(0x84, 1)), "other"],
  ])("is told apart: %s", async (_name, value, kind) => {
    const { elements } = decodeEvidence(await withInfo(value));
    expect(elements.map((element) => element.kind)).toStrictEqual([kind]);
  });

  test.each([
    ["no sequence", text(0x04, "FMC")],
    ["a field of another class", info(text(0x0c, "Vendor"))],
    ["a field twice", info(bytes(0x84, 1), bytes(0x84, 2))],
    ["fields out of order", info(bytes(0x85, 1), bytes(0x84, 2))],
    ["a field behind the last", info(bytes(0x8c, 1))],
    ["a negative SVN", info(bytes(0x83, 0x80))],
    ["an SVN that is not shortest", info(bytes(0x83, 0, 1))],
    ["an SVN that is empty", info(der(0x83))],
    ["an SVN of 17 bytes", info(bytes(0x83, ...new Array<number>(17).fill(1)))],
    ["a layer out of range", info(bytes(0x84, ...new Array<number>(9).fill(1)))],
    ["a text that is not UTF-8", info(bytes(0x80, 0xff))],
    ["a digest that is not as long as its hash", info(der(0xa6, fwid(new Uint8Array(47))))],
    ["a digest without algorithm", info(der(0xa6, der(0x30, bytes(0x04, 1))))],
    ["flags without a head", info(der(0x87))],
    ["flags with eight spare bits", info(bytes(0x87, 8, 0))],
    ["flags of nine bytes", info(bytes(0x87, 0, ...new Array<number>(9).fill(1)))],
    ["a register without a name", info(der(0xab, der(0x30, der(0xa2))))],
    ["65 of them", der(0x30, ...new Array<Uint8Array>(65).fill(info(bytes(0x84, 1))))],
  ])("is refused with %s", async (name, value) => {
    const oid = name === "65 of them" ? MULTI : TCB_INFO;
    const certificate = await withInfo(value, oid);
    expect(await refusalOf(() => decodeEvidence(certificate))).toBe("EVIDENCE_MALFORMED");
  });

  test.each([
    ["of no length", der(0x30, der(0x04))],
    ["of 34 bytes", der(0x30, bytes(0x04, ...new Array<number>(34).fill(1)))],
    ["that is two", der(0x30, bytes(0x04, 1, 1), bytes(0x04, 1, 1))],
  ])("is refused with a UEID %s", async (_name, value) => {
    const { leaf } = await makeDevice({ [TCB_INFO]: info(bytes(0x84, 1)), [UEID]: value });
    expect(await refusalOf(() => decodeEvidence(leaf.der))).toBe("EVIDENCE_MALFORMED");
  });
});

describe("bytes of certificates", () => {
  const outcome = (certificate: Uint8Array): unknown => {
    try {
      return decodeEvidence(certificate).form;
    } catch (error) {
      return error instanceof EvidenceError ? "refused" : error;
    }
  };

  test("cut short at any place are refused by a typed error", async () => {
    const whole = await withInfo(tcbInfo("FMC_INFO", 1, 1));
    for (let length = 0; length < whole.length; length++) {
      expect(outcome(whole.subarray(0, length))).toBe("refused");
    }
    expect(outcome(whole)).toBe("dice");
  });

  test("with any few of them changed are evidence or a typed error", async () => {
    const base = await withInfo(tcbInfo("FMC_INFO", 1, 1));
    const change = fc.tuple(fc.nat(base.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const changed = new Uint8Array(base);
        for (const [at, value] of changes) changed[at] = value;
        expect(["dice", "refused", "spdm-record"]).toContain(outcome(changed));
      }),
      { numRuns: 300 },
    );
  });

  test("more than eight are refused", async () => {
    const one = await withInfo(tcbInfo("FMC_INFO", 1, 1));
    const many = Uint8Array.from(new Array<Uint8Array>(9).fill(one).flatMap((der) => [...der]));
    expect(await refusalOf(() => decodeEvidence(many))).toBe("EVIDENCE_MALFORMED");
  });
});
