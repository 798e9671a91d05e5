import { writeFile } from "node:fs/promises";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { LABEL, PublicKey, decodeCborMap, decodeSign1 } from "@tallystick/cose";
import type { AlgorithmName } from "@tallystick/cose";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { SignedStatement } from "@tallystick/statement";

import { mustTally, tally } from "../faults/command.js";
import { base64Of } from "../testing/pki.js";
import type { Issued } from "../testing/pki.js";
import {
  VENDOR,
  VENDOR_ALGORITHMS,
  didJwk,
  didKey,
  didX509,
  makeVendor,
  signed,
  x5chain,
  x5t,
} from "../testing/vendor.js";
import type { Headers, Vendor } from "../testing/vendor.js";
import { TallyService } from "./tally-service.js";

interface Form {
  readonly headers: Headers;
  /** What has to be recorded beside the statement. */
  readonly kept: readonly Issued[];
}

/** How a statement can say who signed it, beside a key that the policy lists. */
const FORMS: Readonly<Record<string, (vendor: Vendor) => Form>> = {
  "x5chain, protected": ({ leaf, middle }) => ({
    headers: { set: [x5chain(leaf, middle)] },
    kept: [],
  }),
  "x5chain, unprotected, under a protected x5t": ({ leaf, middle }) => ({
    headers: { set: [x5t(leaf)], unprotected: [x5chain(leaf, middle)] },
    kept: [leaf, middle],
  }),
  "x5chain, unprotected, under a protected kid": ({ leaf, middle }) => ({
    headers: {
      set: [[LABEL.kid, leaf.key.publicKey.thumbprint()]],
      unprotected: [x5chain(leaf, middle)],
    },
    kept: [leaf, middle],
  }),
  "did:x509": (vendor) => ({
    headers: { iss: didX509(vendor), set: [x5chain(vendor.leaf, vendor.middle)] },
    kept: [],
  }),
  "did:jwk": ({ leaf: { key } }) => ({
    headers: { iss: didJwk(key.publicKey), set: [kidOf("#0")] },
    kept: [],
  }),
  "did:key": ({ leaf: { key } }) => ({
    headers: {
      iss: didKey(key.publicKey),
      set: [kidOf(`#${didKey(key.publicKey).replace("did:key:", "")}`)],
    },
    kept: [],
  }),
};

function kidOf(text: string): readonly [number, Uint8Array] {
  return [LABEL.kid, new TextEncoder().encode(text)];
}

const ROWS = VENDOR_ALGORITHMS.flatMap((alg) =>
  Object.keys(FORMS).map((form) => [alg, form] as const),
);

const vendors = new Map<AlgorithmName, Vendor>();

beforeAll(async () => {
  for (const alg of VENDOR_ALGORITHMS) vendors.set(alg, await makeVendor(alg));
});

// Each service runs as its own process, with its log on a disk.
describe.each<AlgorithmName>(["ES256", "ML-DSA-44"])("a service whose key is for %s", (keyAlg) => {
  let service: TallyService;
  let receiptKey: PublicKey;
  let registered = 0;

  beforeAll(async () => {
    service = await TallyService.start(keyAlg, {
      format: "tallystick-policy/1",
      issuers: [],
      anchors: [...vendors.values()].map(({ root }) => ({
        certificate: base64Of(root),
        issuers: [VENDOR],
        bindings: ["did:x509"],
      })),
      selfContained: ["did:jwk", "did:key"],
      algorithms: VENDOR_ALGORITHMS,
      maxStatementBytes: 65_536,
    });
    receiptKey = PublicKey.fromJwk(await service.json("service/keys/receipt.pub.jwk"));
  });

  afterAll(async () => {
    await service.remove();
  });

  test.each(ROWS)("registers a statement of %s, by %s", async (alg, form) => {
    const vendor = vendors.get(alg);
    const made = vendor === undefined ? undefined : FORMS[form]?.(vendor);
    if (vendor === undefined || made === undefined) throw new Error("no such statement");
    const bytes = await signed(vendor.leaf.key, made.headers);
    const { entry, entryId, normalised } = SignedStatement.decode(bytes);

    const { status, location, body } = await service.post(bytes);
    expect({ status, location }).toEqual({
      status: 201,
      location: `${service.url}/entries/${entryId}`,
    });
    registered++;
    const inclusion = await VerifiedInclusion.verify(Receipt.decode(body), {
      entry,
      key: receiptKey,
    });
    expect(inclusion.index).toBe(registered);

    // The log keeps the statement without its unprotected header, and the chain beside it.
    const logged = await service.read(`/statements/${entryId}`);
    expect(logged).toEqual(normalised);
    expect(decodeSign1(logged).unprotectedHeader.size).toBe(0);
    const collateral = decodeCborMap(await service.read(`/entries/${entryId}/collateral`));
    const chain = made.kept.length === 0 ? undefined : made.kept.map(({ der }) => der);
    expect(collateral.get("x5chain")).toEqual(chain);
  });

  test("gives receipts by which a relying party takes the statement", async () => {
    const trust = service.at("trust.json");
    await mustTally(["trust", "export", "--service", service.url, "--out", trust]);
    for (const alg of ["ES256", "ML-DSA-65"] as const) {
      const { leaf } = vendors.get(alg) ?? (await makeVendor(alg));
      const bytes = await signed(leaf.key, {
        iss: didKey(leaf.key.publicKey),
        set: [[LABEL.kid, leaf.key.publicKey.thumbprint()]],
        payload: "taken",
      });
      expect(await service.post(bytes)).toMatchObject({ status: 201 });
      registered++;
      const { entryId } = SignedStatement.decode(bytes);
      const file = service.at(`${alg}.transparent.cose`);
      await writeFile(file, await service.read(`/entries/${entryId}/statement`));
      expect(await tally(["verify", file, "--trust", trust])).toMatchObject({ code: 0 });
    }
  });

  test("is audited over HTTP and from its directory, by the chains that it recorded", async () => {
    const trust = service.at("trust.json");
    const over = await tally(["audit", "--service", service.url, "--trust", trust, "--json"]);
    await service.stop();
    const from = await tally(["audit", service.directory, "--trust", trust, "--json"]);
    expect([over.code, over.stderr, from.code, from.stderr]).toEqual([0, "", 0, ""]);
    const [one, two] = [over, from].map(({ stdout }) => JSON.parse(stdout) as object);
    expect(one).toMatchObject({
      verdict: "sound",
      isComplete: true,
      checked: registered + 1,
      // Four of the forms rest on certificates.
      counts: { entries: registered + 1, chains: 4 * VENDOR_ALGORITHMS.length },
    });
    expect(two).toMatchObject({ verdict: "sound", counts: (one as { counts: object }).counts });
  });
});
