import { expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { TrustStore } from "@tallystick/verifier";

import { derivedProof } from "./derived-search.js";

const DIGEST = new Uint8Array(32).fill(7);

test("a head that commits to another index than its log makes no proof", async () => {
  const head = { entry: DIGEST, index: 9, size: 8, root: DIGEST };
  const { publicKey } = await PrivateKey.generate("EdDSA");
  const service = { issuer: "https://log.example", origin: "log", keys: [publicKey.toJwk()] };
  const trust = TrustStore.parse(JSON.stringify({ services: [service] }));
  const place = { path: { find: () => Promise.resolve(undefined) }, trust, parallel: 1 };
  const proven: string[] = [];
  const search = (root: Uint8Array): Parameters<typeof derivedProof>[1] => ({
    commitment: () => Promise.resolve({ head, root }),
    completeness: (term) => {
      proven.push(term.value);
      return Promise.resolve(DIGEST);
    },
  });
  const term = { kind: "subject", value: "a" } as const;
  await expect(derivedProof(place, search(new Uint8Array(32)), term)).rejects.toMatchObject({
    ...{ name: "AuditorError", code: "AUDITOR_INDEX_MISMATCH", index: 9 },
  });
  expect(proven).toEqual([]);
  expect(await derivedProof(place, search(DIGEST), term)).toBe(DIGEST);
});
