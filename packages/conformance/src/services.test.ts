import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { ServiceClient } from "@tallystick/client";
import { LABEL, PrivateKey, decodeSign1, encodeSign1, signSign1 } from "@tallystick/cose";
import { MemoryAnchor, MemoryStore } from "@tallystick/log";
import { signPolicy, withIssuerKey } from "@tallystick/policy";
import { TransparencyService, serve } from "@tallystick/server";
import type { RunningServer } from "@tallystick/server";
import { SignedStatement, attachReceipts, signStatement } from "@tallystick/statement";
import { TrustStore, verifyTransparentStatement } from "@tallystick/verifier";
import type { VerifiedTransparentStatement } from "@tallystick/verifier";

const VENDOR = "https://vendor.example";
const TIME = 1_790_000_000;

/** A service that runs, with the vendor admitted. */
interface Site {
  readonly issuer: string;
  readonly origin: string;
  readonly receiptKey: PrivateKey;
  readonly service: TransparencyService;
  readonly server: RunningServer;
}

let vendor: PrivateKey;
let blue: Site;
let green: Site;
let statement: SignedStatement;
const receipts = new Map<Site, Uint8Array>();

async function start(name: string): Promise<Site> {
  const [operator, receiptKey] = await Promise.all([
    PrivateKey.generate("ES256"),
    PrivateKey.generate("ES256"),
  ]);
  const [issuer, origin] = [`https://${name}.example`, `${name}.example/log`];
  const kept = { store: new MemoryStore(), anchor: new MemoryAnchor() };
  const options = { ...kept, issuer, origin, signer: receiptKey };
  const service = await TransparencyService.create({ ...options, now: () => TIME }, operator);
  const { policy, entryId } = await service.policyInForce();
  const named = { iss: VENDOR, key: vendor.publicKey };
  const document = withIssuerKey(policy.document, entryId, named);
  await service.register(await signPolicy(document, { issuer, issuedAt: TIME }, operator));
  const server = await serve(service, { host: "127.0.0.1", port: 0 });
  return { issuer, origin, receiptKey, service, server };
}

beforeAll(async () => {
  vendor = await PrivateKey.generate("EdDSA");
  [blue, green] = await Promise.all([start("blue"), start("green")]);
  const payload = new TextEncoder().encode("firmware 7");
  const bytes = await signStatement(
    { payload, contentType: "text/plain", issuer: VENDOR, subject: "board 7" },
    vendor,
  );
  statement = SignedStatement.decode(bytes);
  for (const site of [blue, green]) {
    await new ServiceClient(site.server.url).register(bytes);
    // Whoever knows the entry may ask; nothing but its name is needed.
    const { receipt } = await new ServiceClient(site.server.url).receipt(statement.entryId);
    receipts.set(site, receipt);
  }
});

afterAll(async () => {
  for (const { server, service } of [blue, green]) {
    await server.close();
    await service.close();
  }
});

function receiptOf(site: Site): Uint8Array {
  return receipts.get(site) ?? new Uint8Array();
}

/** Verifies the statement with these receipts, against these services as they are pinned. */
function verify(
  attached: readonly Uint8Array[],
  pinned: readonly { readonly site: Site; readonly key?: PrivateKey; readonly issuer?: string }[],
  requireReceipts = 1,
): Promise<VerifiedTransparentStatement> {
  const services = pinned.map(({ site, key = site.receiptKey, issuer = site.issuer }) => ({
    issuer,
    origin: site.origin,
    keys: [key.publicKey.toJwk()],
  }));
  const trust = TrustStore.parse(JSON.stringify({ services, requireReceipts }));
  return verifyTransparentStatement(attachReceipts(statement, attached), trust);
}

const insufficient = expect.objectContaining({ code: "VERIFIER_RECEIPTS_INSUFFICIENT" }) as unknown;

describe("one statement at two services", () => {
  test("C1: is the same entry at both, and carries the receipts of both", async () => {
    const both = [receiptOf(blue), receiptOf(green)];
    const verified = await verify(both, [{ site: blue }, { site: green }], 2);
    const issuers = verified.receipts.map(({ service }) => service.issuer);
    expect(issuers).toEqual([blue.issuer, green.issuer]);
    await expect(verify([receiptOf(blue)], [{ site: blue }, { site: green }], 2)).rejects.toEqual(
      insufficient,
    );
  });

  test("V2: counts for a service whose key and identity are pinned, and for no other", async () => {
    const attached = [receiptOf(blue)];
    expect((await verify(attached, [{ site: blue }])).receipts).toHaveLength(1);
    await expect(verify(attached, [{ site: green }])).rejects.toEqual(insufficient);
    const key = await PrivateKey.generate("ES256");
    await expect(verify(attached, [{ site: blue, key }])).rejects.toEqual(insufficient);
    const issuer = "https://other.example";
    await expect(verify(attached, [{ site: blue, issuer }])).rejects.toEqual(insufficient);
  });

  test("V3: needs one acceptable receipt, beside a broken one and one of an unknown structure", async () => {
    const message = decodeSign1(receiptOf(green));
    const broken = encodeSign1({ ...message, signature: new Uint8Array(64) });
    const unknown = await signSign1(
      {
        protectedHeader: new Map([...message.protectedHeader, [LABEL.vds, 99]]),
        unprotectedHeader: message.unprotectedHeader,
        payload: new Uint8Array(32),
        detached: true,
      },
      green.receiptKey,
    );
    const pinned = [{ site: blue }, { site: green }];
    const verified = await verify([unknown, broken, receiptOf(blue)], pinned);
    const outcomes = verified.steps.filter(({ step }) => step === "receipt");
    expect(outcomes.map(({ outcome, code }) => code ?? outcome)).toEqual([
      "RECEIPT_VDS_UNSUPPORTED",
      "RECEIPT_SIGNATURE_INVALID",
      "verified",
    ]);
    await expect(verify([unknown, broken], pinned)).rejects.toEqual(insufficient);
  });
});
