import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { CLAIM, LABEL, PrivateKey, encodeHex, signSign1 } from "@tallystick/cose";
import type { CborValue, Signer } from "@tallystick/cose";
import { MemoryAnchor, MemoryStore } from "@tallystick/log";
import { POLICY_MEDIA_TYPE, formatPolicy, signPolicy } from "@tallystick/policy";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { SignedStatement } from "@tallystick/statement";

import { serve } from "./listen.js";
import type { RunningServer } from "./listen.js";
import { TransparencyService } from "./service.js";
import { ISSUER, ORIGIN, TIME, VENDOR, fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";

interface Answer {
  readonly status: number;
  readonly path: string | undefined;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

async function exchange(url: string, statement?: Uint8Array): Promise<Answer> {
  const headers = { "content-type": "application/cose" };
  const init =
    statement === undefined ? {} : { method: "POST", headers, body: new Uint8Array(statement) };
  const response = await fetch(url, init);
  const location = response.headers.get("location");
  return {
    status: response.status,
    path: location === null ? undefined : new URL(location).pathname,
    headers: response.headers,
    body: new Uint8Array(await response.arrayBuffer()),
  };
}

describe("a log of one entry", () => {
  let operator: PrivateKey;
  let receiptKey: PrivateKey;
  let service: TransparencyService;
  let server: RunningServer;

  beforeEach(async () => {
    operator = await PrivateKey.generate("ES256");
    receiptKey = await PrivateKey.generate("ES256");
    const store = new MemoryStore();
    const kept = { store, anchor: new MemoryAnchor() };
    const named = { issuer: ISSUER, origin: ORIGIN, signer: receiptKey };
    const options = { ...kept, ...named, now: () => TIME };
    service = await TransparencyService.create(options, operator);
    server = await serve(service, { host: "127.0.0.1", port: 0 });
  });

  afterEach(async () => {
    await server.close();
    await service.close();
  });

  async function grow(): Promise<void> {
    const { policy, entryId } = await service.policyInForce();
    const document = { ...policy.document, previous: entryId, maxStatementBytes: 999 };
    await service.register(
      await signPolicy(document, { issuer: ISSUER, issuedAt: TIME }, operator),
    );
  }

  test("S20, S21: 202 names the resource where the receipt will be, as 201 does later", async () => {
    const first = await service.log.body(service.log.control().entry);
    const { entry, entryId } = SignedStatement.decode(first);
    const accepted = await exchange(`${server.url}/entries`, first);
    expect([accepted.status, accepted.path]).toEqual([202, `/entries/${entryId}`]);
    expect(accepted.headers.get("retry-after")).toBe("1");
    expect(accepted.headers.get("content-length")).toBe("0");
    expect(accepted.body).toHaveLength(0);
    expect((await exchange(`${server.url}${accepted.path ?? ""}`)).status).toBe(204);

    await grow();
    const created = await exchange(`${server.url}/entries`, first);
    expect([created.status, created.path]).toEqual([201, accepted.path]);
    const resolved = await exchange(`${server.url}${accepted.path ?? ""}`);
    expect([resolved.status, resolved.path]).toEqual([200, accepted.path]);
    const key = receiptKey.publicKey;
    for (const { body } of [created, resolved]) {
      const inclusion = await VerifiedInclusion.verify(Receipt.decode(body), { entry, key });
      expect(inclusion.index).toBe(0);
    }
  });

  test("T19: has a receipt for every entry once there is a second", async () => {
    await grow();
    for (const index of [0, 1]) {
      const entry = await service.log.entryAt(index);
      const { status, body } = await exchange(`${server.url}/entries/${encodeHex(entry)}`);
      expect(status).toBe(200);
      await VerifiedInclusion.verify(Receipt.decode(body), { entry, key: receiptKey.publicKey });
    }
  });
});

describe("the unprotected header", () => {
  let at: Fixture;

  beforeEach(async () => {
    at = await fixture();
  });

  afterEach(() => at.service.close());

  function signed(
    parts: {
      readonly payload: Uint8Array;
      readonly issuer: string;
      readonly unprotected: readonly (readonly [number | string, CborValue])[];
    },
    signer: Signer,
  ): Promise<Uint8Array> {
    const claims = new Map([
      [CLAIM.iss, parts.issuer],
      [CLAIM.sub, "a/b"],
    ]);
    const protectedHeader = new Map<number, CborValue>([
      [LABEL.kid, signer.publicKey.kid],
      [LABEL.cwtClaims, claims],
    ]);
    const unprotectedHeader = new Map(parts.unprotected);
    return signSign1({ protectedHeader, unprotectedHeader, payload: parts.payload }, signer);
  }

  test("T21, T22: is taken, and is empty in what is logged", async () => {
    const unprotected = [
      [LABEL.x5chain, Uint8Array.of(0x30)],
      [LABEL.contentType, "text/plain"],
      ["note", "for the service alone"],
    ] as const;
    const payload = new TextEncoder().encode("statement");
    const bytes = await signed({ payload, issuer: VENDOR, unprotected }, at.vendor);
    const { entry } = SignedStatement.decode(bytes);
    await at.service.register(bytes);
    const logged = await at.service.log.body(entry);
    expect(logged.length).toBeLessThan(bytes.length);
    const { message } = SignedStatement.decode(logged);
    expect(message.unprotectedHeader.size).toBe(0);
    expect(message.protectedBytes).toEqual(SignedStatement.decode(bytes).message.protectedBytes);
    expect(message.payload).toEqual(payload);
  });

  test("T18: makes no policy of a statement, whoever signs it", async () => {
    const { policy, entryId } = await at.service.policyInForce();
    const payload = formatPolicy({ ...policy.document, previous: entryId });
    const unprotected = [[LABEL.contentType, POLICY_MEDIA_TYPE]] as const;
    const operators = await signed({ payload, issuer: ISSUER, unprotected }, at.operator);
    await expect(at.service.register(operators)).rejects.toMatchObject({
      code: "STATEMENT_KEY_UNKNOWN",
    });
    await at.service.register(await signed({ payload, issuer: VENDOR, unprotected }, at.vendor));
    expect((await at.service.policyInForce()).entryId).toBe(entryId);
  });
});
