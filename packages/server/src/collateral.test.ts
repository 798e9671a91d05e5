import { encodeCbor } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { expect, test } from "@jest/globals";
import fc from "fast-check";

import { decodeCollateral, encodeCollateral } from "./collateral.js";

const collateral = fc.record({
  time: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  policyEntry: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 })),
  chain: fc.option(fc.array(fc.uint8Array(), { minLength: 1, maxLength: 3 }), { nil: undefined }),
});

test("collateral is the deterministic encoding of its map, and decodes to what went in", () => {
  fc.assert(
    fc.property(collateral, ({ time, policyEntry: policy, chain }) => {
      const map = new Map<string, CborValue>([
        ["time", time],
        ["policy", policy],
      ]);
      if (chain !== undefined) map.set("x5chain", chain);
      const encoded = encodeCollateral({ time, policyEntry: policy, chain });
      expect(encoded).toEqual(encodeCbor(map));
      expect(decodeCollateral(encoded)).toEqual({ time, policy, chain });
    }),
  );
});
