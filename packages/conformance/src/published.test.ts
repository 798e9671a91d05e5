import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServiceClient } from "@tallystick/client";
import { PrivateKey } from "@tallystick/cose";
import { AnchorFile, LevelStore, checkLog } from "@tallystick/log";
import { signPolicy, withIssuerKey } from "@tallystick/policy";
import { TransparencyService, serve } from "@tallystick/server";
import type { RunningServer } from "@tallystick/server";
import {
  SignedStatement,
  attachReceipts,
  signHashEnvelope,
  signStatement,
} from "@tallystick/statement";
import { TrustStore, VerifierError, verifyTransparentStatement } from "@tallystick/verifier";

import { bytesOf, describeShared, filesBelow } from "./testing/shared.js";

const ISSUER = "https://log.example";
const ORIGIN = "log.example/published";
const VENDOR = "https://vendor.example";

/** Media types by the ending of the published files; anything else is opaque. */
const MEDIA_TYPES: readonly (readonly [RegExp, string])[] = [
  [/\.cdx\.json$/, "application/vnd.cyclonedx+json"],
  [/\.spdx\.json$/, "application/spdx+json"],
  [/\.spdx3\.json$/, "application/spdx+json"],
  [/\.(jws|jwt)$/, "application/jose"],
  [/\.json$/, "application/json"],
  [/corim.*\.cbor$/, "application/rim+cose"],
  [/\.cbor$/, "application/cbor"],
  [/\.(xml|swidtag)$/, "application/swid+xml"],
];

function mediaTypeOf(name: string): string {
  return MEDIA_TYPES.find(([ending]) => ending.test(name))?.[1] ?? "application/octet-stream";
}

const FOLDERS = ["data/sfr", "data/rim", "data/sbom"] as const;

describeShared("published reports, manifests and SBOMs", "data", (data) => {
  const hashes = ["sha-256", "sha-384", "sha-512"] as const;
  const files = FOLDERS.flatMap((folder) => {
    const path = join(data, "..", folder);
    return filesBelow(path)
      .filter((name) => !/LICENSE|README/.test(name))
      .map((name) => ({ name: join(folder, name), path: join(path, name) }));
  });
  let directory: string;
  let service: TransparencyService;
  let server: RunningServer;
  let client: ServiceClient;
  let vendor: PrivateKey;
  let trust: TrustStore;
  let receiptKey: PrivateKey;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "tallystick-"));
    const operator = await PrivateKey.generate("ES384");
    receiptKey = await PrivateKey.generate("ES256");
    vendor = await PrivateKey.generate("ES256");
    const store = await LevelStore.open(join(directory, "log"), { create: true });
    const anchor = await AnchorFile.open(join(directory, "anchor"), { create: true });
    const options = { store, anchor, issuer: ISSUER, origin: ORIGIN, signer: receiptKey };
    service = await TransparencyService.create(options, operator);
    server = await serve(service, { host: "127.0.0.1", port: 0 });
    client = new ServiceClient(server.url);
    const { policy, entryId } = await service.policyInForce();
    const named = { iss: VENDOR, key: vendor.publicKey };
    const document = withIssuerKey(policy.document, entryId, named);
    await client.register(await signPolicy(document, { issuer: ISSUER, issuedAt: 0 }, operator));
    trust = TrustStore.parse(
      JSON.stringify({
        services: [{ issuer: ISSUER, origin: ORIGIN, keys: [receiptKey.publicKey.toJwk()] }],
        issuers: [{ iss: VENDOR, keys: [vendor.publicKey.toJwk()] }],
      }),
    );
  });

  afterAll(async () => {
    await server.close();
    await service.close();
    const store = await LevelStore.open(join(directory, "log"));
    const anchor = await AnchorFile.open(join(directory, "anchor"));
    const report = await checkLog({ store, anchor, key: receiptKey.publicKey, bodies: true });
    await Promise.all([store.close(), anchor.close()]);
    rmSync(directory, { recursive: true });
    expect(report).toMatchObject({ verdict: "sound", problems: [] });
  });

  async function registerAndVerify(signed: Uint8Array, artifact: Uint8Array): Promise<void> {
    const { receipt, entryId } = await client.register(signed);
    const transparent = attachReceipts(SignedStatement.decode(signed), [receipt]);
    const verified = await verifyTransparentStatement(transparent, trust, { artifact });
    expect(verified.isIssuerVerified).toBe(true);
    expect(verified.steps.map(({ outcome }) => outcome)).not.toContain("failed");
    expect(SignedStatement.decode(await client.statement(entryId)).entryId).toBe(entryId);
    const altered = Uint8Array.of(...artifact, 0);
    await expect(
      verifyTransparentStatement(transparent, trust, { artifact: altered }),
    ).rejects.toThrow(VerifierError);
  }

  test("all folders hold files", () => {
    expect(files.filter(({ name }) => name.includes("sfr/reports"))).toHaveLength(25);
    expect(files.filter(({ name }) => /rim\/.*\.cbor$/.test(name)).length).toBeGreaterThan(15);
    expect(files.filter(({ name }) => /sbom\/.*\.json$/.test(name))).toHaveLength(6);
  });

  test.each(files)("$name, inline", async ({ name, path }) => {
    const payload = bytesOf(path);
    const claims = { issuer: VENDOR, subject: name };
    const signed = await signStatement(
      { ...claims, payload, contentType: mediaTypeOf(name) },
      vendor,
    );
    await registerAndVerify(signed, payload);
  });

  test.each(files.map((file, at) => ({ ...file, hash: hashes[at % 3] ?? "sha-256" })))(
    "$name, as a hash envelope with $hash",
    async ({ name, path, hash }) => {
      const preimage = bytesOf(path);
      const contentType = mediaTypeOf(name);
      const claims = { issuer: VENDOR, subject: name };
      const signed = await signHashEnvelope({ ...claims, preimage, hash, contentType }, vendor);
      await registerAndVerify(signed, preimage);
    },
  );
});
