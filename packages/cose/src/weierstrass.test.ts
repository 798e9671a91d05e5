import { p256, p384, p521 } from "@noble/curves/nist.js";
import { describe, expect, test } from "@jest/globals";
import { WEIERSTRASS } from "./weierstrass.js";

describe.each([
  ["P-256", p256],
  ["P-384", p384],
  ["P-521", p521],
] as const)("the arithmetic of %s", (curve, other) => {
  test("is that of the library's own curve, and made once", () => {
    const mine = WEIERSTRASS[curve];
    expect(mine.Point.CURVE()).toEqual(other.Point.CURVE());
    expect(WEIERSTRASS[curve]).toBe(mine);
  });

  test("signs and verifies what the library does", () => {
    const { secretKey, publicKey } = other.keygen();
    const message = Uint8Array.of(1, 2, 3);
    const signature = WEIERSTRASS[curve].sign(message, secretKey);
    expect(signature).toEqual(other.sign(message, secretKey));
    expect(WEIERSTRASS[curve].verify(signature, message, publicKey)).toBe(true);
  });
});
