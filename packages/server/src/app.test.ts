import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RequestListener } from "node:http";
import request from "supertest";
import {
  decodeCbor,
  decodeCborMap,
  encodeBase64url,
  encodeHex,
  isCborArray,
} from "@tallystick/cose";
import type { CborMap } from "@tallystick/cose";
import { Receipt, VerifiedConsistency, VerifiedInclusion } from "@tallystick/receipt";
import { SignedStatement } from "@tallystick/statement";

import { createApp } from "./app.js";
import { TIME, fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";
import { bodyOf, bytes, problemIn } from "./testing/wire.js";

let at: Fixture;
let app: RequestListener;
const defects: unknown[] = [];

beforeAll(async () => {
  at = await fixture();
  const onDefect = (defect: unknown): void => void defects.push(defect);
  app = createApp(at.service, { onDefect });
});

afterAll(async () => {
  await at.service.close();
  expect(defects).toEqual([]);
});

function post(body: Uint8Array, type = "application/cose"): request.Test {
  return bytes(request(app).post("/entries").set("content-type", type)).send(Buffer.from(body));
}

function get(path: string): request.Test {
  return bytes(request(app).get(path));
}

async function registered(text: string): Promise<SignedStatement> {
  const bytesOf = await at.sign(text);
  expect((await post(bytesOf)).status).toBe(201);
  return SignedStatement.decode(bytesOf);
}

describe("POST /entries", () => {
  test("S19: 201 with Location and the receipt", async () => {
    const statement = await at.sign("post");
    const response = await post(statement).set("host", "log.example:8443");
    const { entry, entryId } = SignedStatement.decode(statement);
    expect(response.status).toBe(201);
    expect(response.headers["location"]).toBe(`http://log.example:8443/entries/${entryId}`);
    expect(response.headers["content-type"]).toBe("application/cose");
    const receipt = Receipt.decode(bodyOf(response));
    await VerifiedInclusion.verify(receipt, { entry, key: at.receiptKey.publicKey });
  });

  test("S20: a repeated registration has the same Location", async () => {
    const statement = await at.sign("twice");
    const [first, second] = [await post(statement), await post(statement)];
    const path = (response: request.Response): string =>
      new URL(response.headers["location"] ?? "").pathname;
    expect(second.status).toBe(201);
    expect(path(second)).toBe(path(first));
  });

  test("takes two Accept lines as one list, and parameters of the content type", async () => {
    const statement = await at.sign("accept");
    const response = await post(statement, 'Application/COSE; cose-type="cose-sign1"').set(
      "accept",
      "application/cbor, application/cose",
    );
    expect(response.status).toBe(201);
  });

  test("Location is made from the public URL where one is configured", async () => {
    const behind = createApp(at.service, { publicUrl: "https://public.example" });
    const response = await bytes(request(behind).post("/entries"))
      .set("content-type", "application/cose")
      .send(Buffer.from(await at.sign("public")));
    expect(response.headers["location"]).toMatch(
      /^https:\/\/public\.example\/entries\/[0-9a-f]{64}$/,
    );
  });

  test.each([
    ["text/plain", 415],
    ["application/json", 415],
    ["application/cbor", 415],
    ["", 415],
  ])("refuses content type %p with a problem", async (type, status) => {
    const response = await post(await at.sign("type"), type);
    expect(response.status).toBe(status);
    expect(problemIn(response).title).toBe("Unsupported Media Type");
  });

  test("refuses a compressed body, an oversized one and one that is not accepted back", async () => {
    const statement = await at.sign("limits");
    const encoded = await post(statement).set("content-encoding", "gzip");
    expect([encoded.status, problemIn(encoded).title]).toEqual([415, "Unsupported Media Type"]);
    const large = await post(new Uint8Array(2_000_000));
    expect([large.status, problemIn(large).title]).toEqual([413, "Content Too Large"]);
    const picky = await post(statement).set("accept", "text/html");
    expect([picky.status, problemIn(picky).title]).toEqual([406, "Not Acceptable"]);
  });

  test("S2: a refusal has title and detail, and the detail says what to mend", async () => {
    const { title, detail } = problemIn(await post(new Uint8Array([0xd2, 0x84])));
    expect(title).toBe("Malformed request");
    expect(detail).toMatch(/^The request could not be parsed: .*\. Send one COSE_Sign1/);
  });

  test("takes what the policy in force allows, and no more", async () => {
    const other = await fixture();
    const grown = createApp(other.service);
    const send = async (text: string): Promise<number> =>
      (
        await bytes(request(grown).post("/entries"))
          .set("content-type", "application/cose")
          .send(Buffer.from(await other.sign(text)))
      ).status;
    expect(await send("x".repeat(1_200_000))).toBe(413);
    await other.service.register(await other.propose({ maxStatementBytes: 1_500_000 }));
    expect(await send("x".repeat(1_200_000))).toBe(201);
    expect(await send("x".repeat(1_600_000))).toBe(413);
    await other.service.close();
  });

  test("pushes back when the bodies under way are more than it will hold", async () => {
    const small = createApp(at.service, { maxBytesInFlight: 100 });
    const response = await bytes(request(small).post("/entries"))
      .set("content-type", "application/cose")
      .send(Buffer.from(await at.sign("busy")));
    expect([response.status, problemIn(response).title]).toEqual([503, "Service Unavailable"]);
    expect(response.headers["retry-after"]).toBe("5");
  });

  test("an empty body is malformed", async () => {
    const response = await post(new Uint8Array());
    expect([response.status, problemIn(response).title]).toEqual([400, "Malformed request"]);
  });
});

describe("GET /entries/{id}", () => {
  test("200 with Location and a receipt under the newest checkpoint", async () => {
    const { entry, entryId } = await registered("get");
    await registered("later");
    const response = await get(`/entries/${entryId}`).set("accept", "application/cose");
    expect(response.status).toBe(200);
    expect(response.headers["location"]).toMatch(new RegExp(`/entries/${entryId}$`));
    expect(response.headers["cache-control"]).toBe("no-store");
    const receipt = Receipt.decode(bodyOf(response));
    expect(receipt.signedSize).toBe(at.service.size());
    await VerifiedInclusion.verify(receipt, { entry, key: at.receiptKey.publicKey });
  });

  test("S24: 204 with Retry-After and no body while it is being logged", async () => {
    const statement = await at.sign("pending");
    const { entryId } = SignedStatement.decode(statement);
    const { log } = at.service;
    const isPending = log.isPending.bind(log);
    log.isPending = () => true;
    const response = await get(`/entries/${entryId}`);
    log.isPending = isPending;
    expect(response.status).toBe(204);
    expect(response.headers["retry-after"]).toBe("1");
    expect(response.headers["cache-control"]).toBe("no-store");
    expect(response.headers["content-type"]).toBeUndefined();
    expect(response.headers["content-length"]).toBeUndefined();
  });

  test("S25: 404 with the listed title and sentence when it is not known", async () => {
    const id = "ab".repeat(32);
    const response = await get(`/entries/${id}`);
    expect(response.status).toBe(404);
    expect(problemIn(response)).toEqual({
      title: "Not Found",
      detail: `Receipt with entry ID ${id} not known to this Transparency Service`,
    });
  });

  test.each(["xyz", "AB".repeat(32), "ab".repeat(31), `${"ab".repeat(32)}0`])(
    "400 Invalid locator for %p",
    async (id) => {
      const response = await get(`/entries/${id}`);
      expect([response.status, problemIn(response).title]).toEqual([400, "Invalid locator"]);
    },
  );

  test("HEAD has the headers and no body", async () => {
    const { entryId } = await registered("head");
    const response = await bytes(request(app).head(`/entries/${entryId}`));
    expect(response.status).toBe(200);
    expect(response.headers["content-type"]).toBe("application/cose");
    expect(response.text).toBeUndefined();
    expect(Number(response.headers["content-length"])).toBeGreaterThan(200);
  });
});

describe("statements", () => {
  test("the transparent statement carries a receipt that verifies", async () => {
    const { entry, entryId } = await registered("transparent");
    const response = await get(`/entries/${entryId}/statement`);
    const transparent = SignedStatement.decode(bodyOf(response));
    expect(transparent.entryId).toBe(entryId);
    const [receipt = new Uint8Array()] = transparent.receipts;
    await VerifiedInclusion.verify(Receipt.decode(receipt), {
      entry,
      key: at.receiptKey.publicKey,
    });
  });

  test("the normalised statement is served by its digest, for ever", async () => {
    const { entryId, normalised } = await registered("normalised");
    const response = await get(`/statements/${entryId}`);
    expect(bodyOf(response)).toEqual(normalised);
    expect(response.headers["cache-control"]).toContain("immutable");
  });

  test("collateral names time and policy", async () => {
    const { entryId } = await registered("collateral");
    const response = await get(`/entries/${entryId}/collateral`);
    const collateral = decodeCborMap(bodyOf(response));
    const policy = await at.service.policyInForce();
    expect(collateral).toEqual(
      new Map<string, unknown>([
        ["time", TIME],
        ["policy", policy.entry],
      ]),
    );
  });

  test.each(["/entries/ID/statement", "/entries/ID/collateral", "/statements/ID"])(
    "%s of an unknown entry is 404",
    async (path) => {
      const response = await get(path.replace("ID", "cd".repeat(32)));
      expect([response.status, problemIn(response).title]).toEqual([404, "Not Found"]);
    },
  );
});

describe("keys", () => {
  test("S6: a COSE Key Set with kid and alg and nothing private", async () => {
    const response = await get("/.well-known/scitt-keys").set("accept", "application/cbor");
    expect(response.headers["content-type"]).toBe("application/cbor");
    const keys = decodeCbor(bodyOf(response));
    const [key] = isCborArray(keys) ? (keys as CborMap[]) : [];
    expect(key?.get(2)).toEqual(at.receiptKey.publicKey.thumbprint());
    expect(key?.get(3)).toBe(-7);
    expect(key?.has(-4)).toBe(false);
  });

  test("S11, S13: one COSE_Key by the unpadded base64url of its kid", async () => {
    const kid = at.receiptKey.publicKey.thumbprint();
    const response = await get(`/.well-known/scitt-keys/${encodeBase64url(kid)}`);
    expect(response.status).toBe(200);
    expect(decodeCborMap(bodyOf(response)).get(2)).toEqual(kid);
  });

  test("S12: 404 No such key for anything else", async () => {
    const kid = encodeBase64url(at.receiptKey.publicKey.thumbprint());
    for (const text of [
      `${kid}=`,
      "kid1",
      encodeHex(at.receiptKey.publicKey.thumbprint()),
      "%2e",
    ]) {
      const response = await get(`/.well-known/scitt-keys/${text}`);
      expect([response.status, problemIn(response).title]).toEqual([404, "No such key"]);
    }
  });
});

describe("consistency", () => {
  test("a receipt between two kept sizes verifies from the older root", async () => {
    await registered("c1");
    const old = at.service.log.head().checkpoint;
    await registered("c2");
    const size = at.service.size();
    const response = await get(`/consistency/${old.size}/${size}`);
    expect(response.status).toBe(200);
    const verified = await VerifiedConsistency.verify(Receipt.decode(bodyOf(response)), {
      old,
      key: at.receiptKey.publicKey,
    });
    expect(verified.newSize).toBe(size);
  });

  test.each([
    ["/consistency/0/2", 400],
    ["/consistency/01/2", 400],
    ["/consistency/a/2", 400],
    ["/consistency/1/99999999999999999", 400],
    ["/consistency/2/2", 404],
    ["/consistency/2/1", 404],
    ["/consistency/1/900000", 404],
  ])("%s is %d", async (path, status) => {
    const response = await get(path);
    expect(response.status).toBe(status);
    problemIn(response);
  });
});
