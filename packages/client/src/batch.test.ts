import { beforeAll, describe, expect, test } from "@jest/globals";
import { CLAIM, LABEL, encodeBase64url, encodeCbor, signSign1 } from "@tallystick/cose";
import type { CborValue, Signer } from "@tallystick/cose";
import { PrivateKey } from "@tallystick/cose";
import { SignedStatement, parseEntryId, signStatement } from "@tallystick/statement";

import type { BatchResult } from "./many.js";
import { makeScene } from "./testing/scene.js";
import type { Scene } from "./testing/scene.js";
import { refusalOf } from "./testing/refusal.js";
import { Wire, answer, cose, oneKey, problem } from "./testing/wire.js";

let scene: Scene;
let keyPath: string;
let issuer: Signer;

beforeAll(async () => {
  scene = await makeScene();
  issuer = await PrivateKey.generate("EdDSA");
  keyPath = `GET /.well-known/scitt-keys/${encodeBase64url(scene.serviceKey.publicKey.kid)}`;
});

const SEQUENCE = { "content-type": "application/cbor-seq" };

function sequence(...items: readonly CborValue[]): ReturnType<typeof answer> {
  return answer(
    200,
    SEQUENCE,
    new Uint8Array(Buffer.concat(items.map((item) => encodeCbor(item)))),
  );
}

function wireOf(...batches: readonly ReturnType<typeof answer>[]): Wire {
  return new Wire({ "POST /batch": batches, [keyPath]: [oneKey(scene.serviceKey)] });
}

function entry(): Uint8Array {
  return parseEntryId(scene.entryId) ?? new Uint8Array();
}

function good(): CborValue {
  return [entry(), 201, scene.receipt];
}

function refusal(status: number, of: CborValue = entry()): CborValue {
  const details = new Map([
    [-1, "No"],
    [-2, `because of ${status}`],
  ]);
  return [of, status, details];
}

async function all(results: AsyncIterable<BatchResult>): Promise<BatchResult[]> {
  const found: BatchResult[] = [];
  for await (const result of results) found.push(result);
  return found;
}

function brief({ position, registered, error }: BatchResult): readonly unknown[] {
  return [position, registered?.inclusion.index ?? error?.code, error?.refusal?.status];
}

describe("registerAll", () => {
  test("yields what became of each statement, in order, each receipt verified", async () => {
    const wire = wireOf(sequence(good(), refusal(400), good()));
    const { statement } = scene;
    const malformed = Uint8Array.of(0xa0);
    const results = await all(
      wire.client().registerAll([statement, malformed, statement, statement]),
    );
    expect(results.map(brief)).toEqual([
      [0, 1, undefined],
      [1, "CLIENT_STATEMENT_MALFORMED", undefined],
      [2, "CLIENT_REFUSED", 400],
      [3, 1, undefined],
    ]);
    expect(results[0]?.registered).toMatchObject({ entryId: scene.entryId });
    expect(results[2]?.error?.message).toBe("No: because of 400");
    const [post] = wire.sent;
    expect(post?.headers.get("content-type")).toBe("application/cbor-seq");
    expect(post?.headers.get("accept")).toBe("application/cbor-seq");
    // What is no statement is not sent.
    expect(post?.body).toEqual(new Uint8Array(Buffer.concat([statement, statement, statement])));
  });

  test("sends statements without sub, which a policy may let pass", async () => {
    const protectedHeader = new Map<number, CborValue>([
      [LABEL.contentType, "text/plain"],
      [LABEL.cwtClaims, new Map([[CLAIM.iss, "https://vendor.example"]])],
      [LABEL.kid, issuer.publicKey.kid],
    ]);
    const bare = await signSign1({ protectedHeader, payload: Uint8Array.of(1) }, issuer);
    const { entry: name } = SignedStatement.decode(bare, { isSubjectOptional: true });
    const wire = wireOf(sequence(refusal(400, name)));
    const results = await all(wire.client().registerAll([bare]));
    expect(results.map(brief)).toEqual([[0, "CLIENT_REFUSED", 400]]);
    expect(wire.sent[0]?.body).toEqual(new Uint8Array(bare));
  });

  test.each([
    ["503", 503],
    ["429", 429],
    ["507", 507],
  ])("%s of a statement: that one and those behind it are sent again", async (_, status) => {
    const wire = wireOf(sequence(good(), refusal(status), good()), sequence(good(), good()));
    const { statement } = scene;
    const results = await all(wire.client().registerAll([statement, statement, statement]));
    expect(results.map(brief)).toEqual([0, 1, 2].map((i) => [i, 1, undefined]));
    expect(wire.waits).toHaveLength(1);
    const bodies = wire.sent.filter(({ method }) => method === "POST").map(({ body }) => body);
    expect(bodies.map((body) => body?.length)).toEqual([3, 2].map((n) => n * statement.length));
  });

  test.each([
    ["of a statement", entry],
    ["where the service stops", (): CborValue => 1],
  ])("a log that is read-only ends it at once: %s", async (_, of) => {
    const closed = new Map([
      [-1, "Read Only"],
      [-2, "closed: moved\u001b[2J to ts2"],
    ]);
    const wire = wireOf(sequence(good(), [of(), 503, closed]));
    const { statement } = scene;
    const error = await refusalOf(() => all(wire.client().registerAll([statement, statement])));
    expect([error.code, error.refusal?.title]).toEqual(["CLIENT_UNAVAILABLE", "Read Only"]);
    expect(error.message).toContain("(Read Only: closed: moved [2J to ts2)");
    expect(wire.waits).toHaveLength(0);
  });

  test("where the service stops, that statement is refused and the others are sent", async () => {
    const wire = wireOf(sequence(good(), refusal(413, 1)), sequence(good()));
    const { statement } = scene;
    const results = await all(wire.client().registerAll([statement, statement, statement]));
    expect(results.map(brief)).toEqual([
      [0, 1, undefined],
      [1, "CLIENT_REFUSED", 413],
      [2, 1, undefined],
    ]);
  });

  test("where results are missing the rest is sent again, and given up on in the end", async () => {
    const wire = wireOf(sequence(good()), sequence());
    const { statement } = scene;
    const error = await refusalOf(() =>
      all(wire.client({ maxRetries: 3 }).registerAll([statement, statement])),
    );
    expect(error.code).toBe("CLIENT_UNAVAILABLE");
    expect(wire.waits).toHaveLength(3);
  });

  test("a receipt of another entry is an error of that statement alone", async () => {
    const wire = wireOf(sequence([entry(), 201, scene.otherReceipt], good()));
    const results = await all(wire.client().registerAll([scene.statement, scene.statement]));
    expect(results.map(brief)).toEqual([
      [0, "CLIENT_RECEIPT_INVALID", undefined],
      [1, 1, undefined],
    ]);
  });

  test("202 is followed", async () => {
    const wire = new Wire({
      "POST /batch": [sequence([entry(), 202, null])],
      [`GET /entries/${scene.entryId}`]: [answer(204), cose(200, scene.receipt)],
      [keyPath]: [oneKey(scene.serviceKey)],
    });
    const results = await all(wire.client().registerAll([scene.statement]));
    expect(results.map(brief)).toEqual([[0, 1, undefined]]);
  });

  test("a service without batches is given one statement after the other", async () => {
    const wire = new Wire({
      "POST /batch": [problem(404, ["Not Found", "no such resource"])],
      "POST /entries": [
        cose(201, scene.receipt),
        problem(400, ["Rejected", "no"]),
        cose(201, scene.receipt),
      ],
      [keyPath]: [oneKey(scene.serviceKey)],
    });
    const { statement } = scene;
    const results = await all(wire.client().registerAll([statement, statement, statement]));
    expect(results.map(brief)).toEqual([
      [0, 1, undefined],
      [1, "CLIENT_REFUSED", 400],
      [2, 1, undefined],
    ]);
  });

  test("holds no more statements than two requests take", async () => {
    const payload = new TextEncoder().encode("x");
    const claims = { issuer: "https://i.example", subject: "s", contentType: "text/plain" };
    const one = await signStatement({ ...claims, payload }, issuer);
    let asked = 0;
    function* many(): Generator<Uint8Array> {
      for (; asked < 2000; asked++) yield one;
    }
    const refusals = Array.from({ length: 256 }, () => refusal(400, null));
    const wire = wireOf(sequence(...refusals));
    const results = wire.client().registerAll(many());
    await results.next();
    // The statement that begins the next group has been looked at.
    expect(asked).toBeLessThanOrEqual(2 * 256 + 1);
    await results.return();
    expect(asked).toBeLessThanOrEqual(2 * 256 + 1);
  });

  test.each([
    ["no sequence", () => answer(200, SEQUENCE, Uint8Array.of(0x82, 0))],
    ["of indefinite length", () => answer(200, SEQUENCE, Uint8Array.of(0x9f))],
    ["no array", () => sequence(5)],
    ["another statement's", () => sequence([new Uint8Array(32), 201, new Uint8Array(9)])],
    ["too many", () => sequence(refusal(400), refusal(400))],
    ["a success without a receipt", () => sequence([entry(), 201, "x"])],
    ["a success of nothing", () => sequence([null, 201, new Uint8Array(9)])],
    ["a status that is none", () => sequence([entry(), 99, null])],
    ["a stop at a wrong place", () => sequence(refusal(400, 7))],
    ["of another type", () => cose(200, Uint8Array.of(1))],
  ])("an answer that is %s is refused", async (_, answered) => {
    const error = await refusalOf(() =>
      all(wireOf(answered()).client().registerAll([scene.statement])),
    );
    expect(error.code).toBe("CLIENT_PROTOCOL");
  });
});

describe("submit", () => {
  const location = (): string => `https://ts.example/entries/${scene.entryId}`;

  test("asks not to wait, and yields the Location without following it", async () => {
    const accepted = answer(202, { location: location(), "retry-after": "1" });
    const wire = new Wire({ "POST /entries": [accepted] });
    const submitted = await wire.client().submit(scene.statement);
    expect(submitted).toEqual({
      entryId: scene.entryId,
      location: location(),
      registered: undefined,
    });
    expect(wire.sent[0]?.headers.get("prefer")).toBe("respond-async");
    expect(wire.paths()).toEqual(["POST /entries"]);
  });

  test("yields the verified receipt of a service that has it at once", async () => {
    const wire = new Wire({
      "POST /entries": [cose(201, scene.receipt, { location: location() })],
      [keyPath]: [oneKey(scene.serviceKey)],
    });
    const { registered } = await wire.client().submit(scene.statement);
    expect(registered?.inclusion.index).toBe(1);
  });
});
