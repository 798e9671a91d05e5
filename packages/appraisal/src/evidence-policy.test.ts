import { beforeAll, describe, expect, test } from "@jest/globals";

import { parseEvidencePolicy } from "./evidence-policy.js";

describe("a policy for evidence", () => {
  let says: (value: unknown) => string;

  beforeAll(() => {
    says = (value): string => {
      try {
        parseEvidencePolicy(value);
      } catch (error) {
        return error instanceof Error ? error.message : "";
      }
      return "";
    };
  });

  test.each([
    ["a list", [], "is not an object"],
    ["an unknown member", { more: 1 }, "unknown member"],
    ["a flag as text", { allowsStale: "yes" }, "allowsStale is neither true nor false"],
    ["an outcome", { uncovered: "maybe" }, "uncovered is not one of"],
    ["anchors as text", { anchors: "x" }, "anchors[0] is not a text of PEM"],
    ["an anchor that is none", { anchors: ["x"] }, "anchors[0]: PEM"],
    ["a device as text", { device: "x" }, "device is not an object"],
    ["a vendor as number", { device: { vendor: 1 } }, "device.vendor is no text"],
    ["a layer as text", { device: { layer: "1" } }, "device.layer is no integer"],
    ["a class that is no hex", { device: { classId: "xyz" } }, "device.classId is no hex"],
  ])("is refused with %s", (_name, value, message) => {
    expect(says(value)).toContain(message);
  });

  test("has nothing to say where there is none, and strict defaults", () => {
    expect(parseEvidencePolicy(undefined)).toBeUndefined();
    expect(parseEvidencePolicy({ device: { classId: "AB-CD" } })).toStrictEqual({
      anchors: [],
      device: { classId: "abcd", vendor: undefined, model: undefined, layer: undefined },
      ...{ allowsUnsigned: false, allowsStale: false, allowsDebug: false },
      ...{ allowsUncheckedManifests: false, allowsVersions: false, uncovered: "manual" },
    });
  });
});
