import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createHash } from "node:crypto";
import { join } from "node:path";

import { ServiceClient } from "@tallystick/client";
import type { SearchParameters } from "@tallystick/client";
import { PrivateKey } from "@tallystick/cose";
import { MemoryAnchor, MemoryStore } from "@tallystick/log";
import { signPolicy, withIssuerKey } from "@tallystick/policy";
import { TransparencyService, serve } from "@tallystick/server";
import type { RunningServer } from "@tallystick/server";
import { signStatement } from "@tallystick/statement";

import { bytesOf, describeShared } from "./testing/shared.js";

const VENDOR = "https://vendor.example";
const LOG = { issuer: "https://log.example", origin: "log.example/log" };
const TIME = 1_790_000_000;

const REPORT = "sfr/reports/nvidia-2025-connectx-cx7-20.jws";
const AMI = "sfr/reports/ami-2024-aptio-ce-genoa.jws";
const HSM = "sfr/corim/microsoft-2026-hsm-layer-0.cbor";
const GPU = "rim/nvidia-swid/1010_0200_882_96005E0001_PROD.swidtag";
const SEV = "rim/corim-veraison-services/corim-sevsnp-valid.cbor";
const ACME = "rim/corim-veraison/corim-2.cbor";
const FPGA = "rim/corim-veraison/corim-design-cd.cbor";
const SPDX3 = "sbom/spdx/hello-server.spdx3.json";
const SPDX2 = "sbom/spdx/SPDXJSONExample-v2.3.spdx.json";
const CYCLONEDX = "sbom/cyclonedx/component-hashes-1.7.cdx.json";
const DELL = "sbom/uswid/dell-xps13.bin";

/** What is published, with the content types that it goes by. */
const TYPES: Readonly<Record<string, string>> = {
  ...{ [REPORT]: "application/jose", [AMI]: "application/jose", [HSM]: "application/rim+cose" },
  ...{ [GPU]: "application/swid+xml", [SEV]: "application/rim+cbor" },
  ...{ [ACME]: "application/rim+cbor", [FPGA]: "application/rim+cbor" },
  ...{ [SPDX3]: "application/spdx3+json", [SPDX2]: "application/spdx+json" },
  ...{ [CYCLONEDX]: "application/vnd.cyclonedx+json", [DELL]: "application/octet-stream" },
};

/** Of the firmware file, in the report; measured, in the CoRIM and in a resource of the SWID tag. */
const CX7 = hex(
  "02a122e8bc2c28a595c1e5966f7f09471351df0e42adf1c2",
  "5e8626d263fc04029ac219be2a9f81a7b9ae93ad91c6e8bd",
);
const HSM384 = hex(
  "000103edd22b14622f727251751e5aff2f580e8d110c3c66",
  "4fe1d0d63d4f929173111d3220a49da8c5f10f66c3897369",
);
const GPU384 = hex(
  "c3f65ef79a19c029868cd7ce54b10e44f192444edb3506dd",
  "e29cef2aac4e916c90a4f438e55aa7581a9e384c74d82db6",
);

/** What the documents themselves say. */
const ASKED: readonly (readonly [SearchParameters, readonly string[]])[] = [
  [{ digest: "d88bc4e70bfb34d18b5542136639acbb26a8ae2429aa1e47489332fb389cc964" }, [CYCLONEDX]],
  [{ digest: `sha-384:${CX7}` }, [REPORT]],
  [{ digest: HSM384 }, [HSM]],
  [{ digest: GPU384 }, [GPU]],
  [{ digest: GPU384, vendor: "Microsoft Corporation" }, []],
  [{ digest: GPU384.replace("c3", "c4") }, []],
  [{ digest: "sha256:bd2195f2551328fa3ad870726f5591fd82fdc5dd33a359be79d356dbecd5868b" }, [SPDX3]],
  [{ purl: "pkg:cargo/hyper" }, [SPDX3]],
  [{ purl: "pkg:cargo/hyper@0.14" }, [SPDX3]],
  [{ purl: "pkg:cargo/hyper@0.15" }, []],
  [{ purl: "pkg:deb/debian/libselinux1-dev@3.1-3" }, [SPDX3]],
  [{ purl: "pkg:maven/org.apache.jena/apache-jena" }, [SPDX2]],
  [{ vendor: "nvidia corporation" }, [REPORT, GPU]],
  [{ vendor: "NVIDIA Corporation", product: "GH100" }, [GPU]],
  [{ vendor: "NVIDIA Corporation", product: "GH100", version: "96.00.5E.00.01" }, [GPU]],
  [{ product: "ConnectX7 NIC Firmware", version: "28.46.5020" }, [REPORT]],
  [{ vendor: "AMI", product: "aptio ce for genoa" }, [AMI]],
  [{ vendor: "Microsoft Corporation", version: "3.4.2.4-50922174" }, [HSM]],
  [{ vendor: "Intel Corporation", product: "CSME" }, [DELL]],
  [{ deviceClass: "67b28b6c-34cc-40a1-9117-ab5b05911e37" }, [ACME]],
  [{ deviceClass: "2.16.840.1.113741.1.15.4.99.1" }, [FPGA]],
  [{ deviceClass: "1.3.6.1.4.1.3704.3.1" }, [SEV]],
  [{ deviceClass: "2b060104019c780301" }, [SEV]],
  [{ vendor: "WYLIE Inc.", type: "application/rim+cbor" }, [ACME]],
  [{ vendor: "WYLIE Inc.", type: "application/jose" }, []],
];

describeShared("published documents on a log", "data", (folder) => {
  const indexes = new Map<number, string>();
  let service: TransparencyService;
  let server: RunningServer;
  let client: ServiceClient;

  beforeAll(async () => {
    const [operator, signer, vendor] = await Promise.all([
      PrivateKey.generate("ES256"),
      PrivateKey.generate("ES256"),
      PrivateKey.generate("EdDSA"),
    ]);
    let kept = new MemoryStore();
    const search = {
      open: () => Promise.resolve((kept = kept.reopen())),
      clear: () => Promise.resolve(void (kept = new MemoryStore())),
    };
    const parts = { store: new MemoryStore(), anchor: new MemoryAnchor(), search };
    const named = { ...LOG, signer, now: (): number => TIME };
    service = await TransparencyService.create({ ...parts, ...named }, operator);
    const { policy, entryId } = await service.policyInForce();
    const admitted = { iss: VENDOR, key: vendor.publicKey };
    const document = withIssuerKey(policy.document, entryId, admitted);
    const about = { issuer: LOG.issuer, issuedAt: TIME };
    await service.register(await signPolicy(document, about, operator));
    server = await serve(service, { host: "127.0.0.1", port: 0 });
    client = new ServiceClient(server.url);
    for (const [name, contentType] of Object.entries(TYPES)) {
      const payload = bytesOf(join(folder, name));
      const statement = { payload, contentType, issuer: VENDOR, subject: name };
      await client.register(await signStatement(statement, vendor));
    }
    await service.searchSettled();
    const { hits } = await client.search({ iss: VENDOR });
    for (const { index, subject } of hits) indexes.set(index, String(subject));
  });

  afterAll(async () => {
    await server.close();
    await service.close();
  });

  test("all of them are there", () => {
    expect([...indexes.values()]).toStrictEqual(Object.keys(TYPES));
  });

  test.each(ASKED)("%j is spoken of by %j", async (asked, documents) => {
    const { hits, partial, next } = await client.search(asked);
    expect(hits.map(({ index }) => indexes.get(index))).toStrictEqual(documents);
    expect([partial, next]).toStrictEqual([[], null]);
  });

  test("a document is found by its own digest, as its payload", async () => {
    const digest = createHash("sha256")
      .update(bytesOf(join(folder, GPU)))
      .digest("hex");
    const { hits } = await client.search({ digest });
    const mentions = [{ kind: "digest", value: `sha-256:${digest}`, as: ["payload"] }];
    expect(hits.map(({ subject, mentions: found }) => [subject, found])).toEqual([[GPU, mentions]]);
  });

  test("the answer says as what the digest is spoken of", async () => {
    const { hits } = await client.search({ digest: HSM384 });
    expect(hits.map(({ mentions }) => mentions?.[0]?.as)).toStrictEqual([["file", "measured"]]);
  });
});

function hex(...parts: readonly string[]): string {
  return parts.join("");
}
