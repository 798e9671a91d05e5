import { describe, expect, test } from "@jest/globals";
import { criticalLabels, requireUnderstood } from "./crit.js";
import { encodeCbor } from "./encode.js";
import type { Sign1 } from "./sign1.js";
import { refusal } from "./testing/refusal.js";
import type { CborValue, Label } from "./value.js";

type Entries = readonly (readonly [number | string, CborValue])[];

function message(protectedEntries: Entries, unprotectedEntries: Entries = []): Sign1 {
  const protectedHeader = new Map(protectedEntries);
  return {
    protectedBytes: encodeCbor(protectedHeader),
    protectedHeader,
    unprotectedHeader: new Map(unprotectedEntries),
    payload: null,
    signature: new Uint8Array(64),
  };
}

describe("criticalLabels (RFC 9052 §3.1)", () => {
  test("without crit there are none", () => {
    expect(criticalLabels(message([[1, -7]]))).toEqual([]);
  });

  test("yields integers and text in order", () => {
    const labels = criticalLabels(
      message([
        [1, -7],
        [2, [395, "x", -70]],
        [395, 1],
        ["x", 1],
        [-70, 1],
      ]),
    );
    expect(labels).toEqual([395, "x", -70]);
  });

  test.each<[string, Sign1]>([
    ["unprotected", message([[1, -7]], [[2, [1]]])],
    [
      "empty",
      message([
        [1, -7],
        [2, []],
      ]),
    ],
    [
      "an integer",
      message([
        [1, -7],
        [2, 1],
      ]),
    ],
    [
      "nil",
      message([
        [1, -7],
        [2, null],
      ]),
    ],
    [
      "with a byte string",
      message([
        [1, -7],
        [2, [1, Uint8Array.of(1)]],
      ]),
    ],
    [
      "with a nested array",
      message([
        [1, -7],
        [2, [[1]]],
      ]),
    ],
    [
      "naming an absent label",
      message([
        [1, -7],
        [2, [395]],
      ]),
    ],
    [
      "naming an unprotected label",
      message(
        [
          [1, -7],
          [2, [395]],
        ],
        [[395, 1]],
      ),
    ],
  ])("refuses crit that is %s", (_name, malformed) => {
    expect(refusal(() => criticalLabels(malformed))).toBe("COSE_CRIT_MALFORMED");
  });
});

describe("requireUnderstood", () => {
  const none: ReadonlySet<Label> = new Set();
  const critical = message([
    [1, -7],
    [2, [395, "x"]],
    [395, 1],
    ["x", 1],
  ]);
  const codeOf = (understood: ReadonlySet<Label>): string =>
    refusal(() => {
      requireUnderstood(critical, understood);
    });

  test("labels that neither side processes are refused", () => {
    expect(codeOf(none)).toBe("COSE_CRIT_UNKNOWN");
    expect(codeOf(new Set([395]))).toBe("COSE_CRIT_UNKNOWN");
    expect(codeOf(new Set(["x", "395"]))).toBe("COSE_CRIT_UNKNOWN");
  });

  test("labels that the caller processes are taken", () => {
    expect(() => {
      requireUnderstood(critical, new Set([395, "x"]));
    }).not.toThrow();
  });

  test("labels that this library processes need no mention", () => {
    const own = message([
      [1, -7],
      [2, [1, 2, 3, 4]],
      [3, 0],
      [4, Uint8Array.of(1)],
    ]);
    expect(() => {
      requireUnderstood(own, none);
    }).not.toThrow();
  });
});
