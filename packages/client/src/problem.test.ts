import { describe, expect, test } from "@jest/globals";
import { decodeHex, encodeCbor } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import fc from "fast-check";

import { decodeProblem, formatRefusal } from "./problem.js";

function problemOf(title: CborValue, detail: CborValue): Uint8Array {
  return encodeCbor(
    new Map([
      [-1, title],
      [-2, detail],
    ]),
  );
}

describe("decodeProblem", () => {
  test("reads title and detail", () => {
    // "Payload Missing" of SCRAPI-11 §2.3.3.
    const body = decodeHex(
      "a2206f5061796c6f6164204d697373696e672178285369676e65642053746174656d656e74207061796c6f6164206d7573742062652070726573656e74",
    );
    const refusal = decodeProblem(400, body);
    expect(refusal).toEqual({
      status: 400,
      title: "Payload Missing",
      detail: "Signed Statement payload must be present",
    });
    expect(formatRefusal(refusal)).toBe(
      "Payload Missing: Signed Statement payload must be present",
    );
  });

  test("takes what a terminal could act on out of the text", () => {
    const { title, detail } = decodeProblem(400, problemOf("a\u001b[2Jb", "c\r\n\u202ed\u009be"));
    expect(title).toBe("a [2Jb");
    expect(detail).toBe("c d e");
  });

  test("cuts long text off", () => {
    const { title, detail } = decodeProblem(400, problemOf("t".repeat(5000), "d".repeat(5000)));
    expect(title).toHaveLength(201);
    expect(detail).toHaveLength(2001);
  });

  test.each([
    ["nothing", new Uint8Array()],
    ["HTML", new TextEncoder().encode("<html></html>")],
    ["no map", encodeCbor(["Rejected"])],
    ["other types", problemOf(1, new Uint8Array(3))],
    ["empty text", problemOf("", "")],
  ])("yields the status alone for %s", (_, body) => {
    const refusal = decodeProblem(404, body);
    expect(refusal).toEqual({ status: 404, title: undefined, detail: undefined });
    expect(formatRefusal(refusal)).toBe("with status 404");
  });

  test("yields a refusal for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        expect(decodeProblem(500, body).status).toBe(500);
      }),
    );
  });
});
