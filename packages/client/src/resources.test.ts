import { beforeAll, describe, expect, test } from "@jest/globals";
import { encodeBase64url, encodeHex } from "@tallystick/cose";
import { SignedStatement, attachReceipts } from "@tallystick/statement";

import { ServiceClient } from "./service.js";
import { SERVICE, makeScene } from "./testing/scene.js";
import type { Scene } from "./testing/scene.js";
import { refusalOf } from "./testing/refusal.js";
import { Wire, answer, cose, json, keySet, oneKey, problem } from "./testing/wire.js";

let scene: Scene;
let keyPath: string;

beforeAll(async () => {
  scene = await makeScene();
  keyPath = `GET /.well-known/scitt-keys/${encodeBase64url(scene.serviceKey.publicKey.kid)}`;
});

function wireOf(path: string, ...answers: readonly ReturnType<typeof answer>[]): Wire {
  return new Wire({ [`GET ${path}`]: answers, [keyPath]: [oneKey(scene.serviceKey)] });
}

test.each(["", "ts.example", "https://a:b@ts.example"])("refuses the address %j", async (url) => {
  const error = await refusalOf(() => new ServiceClient(url));
  expect(error.code).toBe("CLIENT_URL_INVALID");
});

describe("receipt", () => {
  test("200: yields the receipt, verified", async () => {
    const wire = wireOf(`/entries/${scene.entryId}`, cose(200, scene.receipt));
    const found = await wire.client().receipt(scene.entryId);
    expect(found.receipt).toEqual(scene.receipt);
    expect(found.location).toBe(`${SERVICE}/entries/${scene.entryId}`);
    expect(found.inclusion.index).toBe(1);
  });

  test("204: waits until it is there", async () => {
    const running = answer(204, { "retry-after": "1" });
    const wire = wireOf(`/entries/${scene.entryId}`, running, running, cose(200, scene.receipt));
    await wire.client().receipt(scene.entryId);
    expect(wire.waits).toEqual([1000, 1000]);
  });

  test("404: there is none", async () => {
    const wire = wireOf(`/entries/${scene.entryId}`, problem(404, ["Not Found", "unknown"]));
    const error = await refusalOf(() => wire.client().receipt(scene.entryId));
    expect(error.code).toBe("CLIENT_REFUSED");
    expect(error.refusal?.status).toBe(404);
  });

  test("of another entry is refused", async () => {
    const wire = wireOf(`/entries/${scene.otherId}`, cose(200, scene.receipt));
    const error = await refusalOf(() => wire.client().receipt(scene.otherId));
    expect(error.code).toBe("CLIENT_RECEIPT_INVALID");
  });

  test.each(["", "ab", "../version", "A".repeat(64), `${"0".repeat(64)}/x`])(
    "the entry ID %j is a TypeError and nothing is asked",
    async (entryId) => {
      const wire = wireOf("/none");
      const client = wire.client();
      await expect(client.receipt(entryId)).rejects.toThrow(TypeError);
      await expect(client.statement(entryId)).rejects.toThrow(TypeError);
      await expect(client.transparentStatement(entryId)).rejects.toThrow(TypeError);
      expect(wire.sent).toEqual([]);
    },
  );
});

describe("transparentStatement", () => {
  function transparent(...receipts: readonly Uint8Array[]): Uint8Array {
    return attachReceipts(SignedStatement.decode(scene.statement), receipts);
  }

  test("yields the statement once its receipt holds", async () => {
    const bytes = transparent(scene.receipt);
    const wire = wireOf(`/entries/${scene.entryId}/statement`, cose(200, bytes));
    expect(await wire.client().transparentStatement(scene.entryId)).toEqual(bytes);
  });

  test("with a receipt of another entry is refused", async () => {
    const bytes = transparent(scene.receipt, scene.otherReceipt);
    const wire = wireOf(`/entries/${scene.entryId}/statement`, cose(200, bytes));
    const error = await refusalOf(() => wire.client().transparentStatement(scene.entryId));
    expect(error.code).toBe("CLIENT_RECEIPT_INVALID");
  });

  test.each([
    ["another one", (): string => scene.otherId, (): Uint8Array => transparent(scene.receipt)],
    ["one without receipts", (): string => scene.entryId, (): Uint8Array => scene.statement],
    ["no statement", (): string => scene.entryId, (): Uint8Array => scene.receipt],
  ])("refuses %s", async (_, entryId, body) => {
    const wire = wireOf(`/entries/${entryId()}/statement`, cose(200, body()));
    const error = await refusalOf(() => wire.client().transparentStatement(entryId()));
    expect(error.code).toBe("CLIENT_PROTOCOL");
  });
});

describe("statement", () => {
  test("yields the bytes that hash to the entry ID", async () => {
    const wire = wireOf(`/statements/${scene.entryId}`, cose(200, scene.statement));
    expect(await wire.client().statement(scene.entryId)).toEqual(scene.statement);
    expect(wire.sent[0]?.headers.get("accept")).toBe("application/cose");
  });

  test("refuses other bytes", async () => {
    const wire = wireOf(`/statements/${scene.otherId}`, cose(200, scene.statement));
    const error = await refusalOf(() => wire.client().statement(scene.otherId));
    expect(error.code).toBe("CLIENT_PROTOCOL");
  });
});

describe("consistency", () => {
  test("yields the receipt", async () => {
    const wire = wireOf("/consistency/1/2", cose(200, scene.consistency));
    expect(await wire.client().consistency(1, 2)).toEqual(scene.consistency);
  });

  test.each([
    ["of inclusion", 2, (): Uint8Array => scene.receipt],
    ["of another size", 3, (): Uint8Array => scene.consistency],
    ["of garbage", 2, (): Uint8Array => Uint8Array.of(0)],
  ])("refuses a receipt %s", async (_, newSize, body) => {
    const wire = wireOf(`/consistency/1/${newSize}`, cose(200, body()));
    const error = await refusalOf(() => wire.client().consistency(1, newSize));
    expect(error.code).toBe("CLIENT_RECEIPT_INVALID");
  });

  test.each([
    [0, 2],
    [2, 2],
    [3, 2],
    [1.5, 2],
    [1, Number.NaN],
    [1, 2 ** 53],
  ])("sizes %d and %d are a TypeError and nothing is asked", async (oldSize, newSize) => {
    const wire = wireOf("/none");
    await expect(wire.client().consistency(oldSize, newSize)).rejects.toThrow(TypeError);
    expect(wire.sent).toEqual([]);
  });
});

describe("keys", () => {
  test("yields the published keys", async () => {
    const wire = wireOf("/.well-known/scitt-keys", keySet(scene.serviceKey, scene.strangerKey));
    const keys = await wire.client().keys();
    expect(keys.map(({ kid }) => encodeHex(kid))).toEqual(
      [scene.serviceKey, scene.strangerKey].map(({ publicKey }) => encodeHex(publicKey.kid)),
    );
    // S5
    expect(wire.sent[0]?.headers.get("accept")).toBe("application/cbor");
  });

  test("yields one key by its kid, whatever its bytes are", async () => {
    const { publicKey } = scene.serviceKey;
    const key = await wireOf("/none").client().key(publicKey.kid);
    expect(key.thumbprint()).toEqual(publicKey.thumbprint());
    const wire = wireOf("/.well-known/scitt-keys/-_8", problem(404, ["No such key", "none"]));
    const error = await refusalOf(() => wire.client().key(Uint8Array.of(0xfb, 0xff)));
    expect(error.refusal?.status).toBe(404);
  });
});

describe("records", () => {
  test("policy and version are read as JSON", async () => {
    const policy = { entryId: scene.entryId, index: 4, policy: { a: 1 } };
    const version = { name: "n", version: "1", api: "a", issuer: "i", origin: "o" };
    const wire = new Wire({ "GET /policy": [json(policy)], "GET /version": [json(version)] });
    const client = wire.client();
    expect(await client.policy()).toEqual({ ...policy, proposals: [] });
    expect(await client.version()).toEqual(version);
    expect(wire.sent[0]?.headers.get("accept")).toBe("application/json");
  });
});
