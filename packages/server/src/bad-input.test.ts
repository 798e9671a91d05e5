import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  CLAIM,
  LABEL,
  PrivateKey,
  decodeCborMap,
  encodeCbor,
  encodeHex,
  signSign1,
} from "@tallystick/cose";
import type { CborMap, CborValue } from "@tallystick/cose";

import { serve } from "./listen.js";
import type { RunningServer } from "./listen.js";
import { PROBLEM_MEDIA_TYPE } from "./problem.js";
import { VENDOR, fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";

let at: Fixture;
let server: RunningServer;
let good: Uint8Array;

beforeAll(async () => {
  at = await fixture();
  server = await serve(at.service, { host: "127.0.0.1", port: 0 });
  good = await at.sign("good");
});

afterAll(async () => {
  await server.close();
  await at.service.close();
});

/** Statuses that `docs/http.md` names for this resource. */
const DOCUMENTED = [201, 400, 413, 415];

interface Answer {
  readonly status: number;
  readonly title: unknown;
  readonly detail: unknown;
}

async function post(body: Uint8Array): Promise<Answer> {
  const response = await fetch(`${server.url}/entries`, {
    method: "POST",
    headers: { "content-type": "application/cose", accept: "application/cose" },
    body: new Uint8Array(body),
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (response.status === 201) return { status: 201, title: undefined, detail: undefined };
  expect(response.headers.get("content-type")).toBe(PROBLEM_MEDIA_TYPE);
  const problem = decodeCborMap(bytes);
  return { status: response.status, title: problem.get(-1), detail: problem.get(-2) };
}

const CLAIMS: CborMap = new Map([
  [CLAIM.iss, VENDOR],
  [CLAIM.sub, "a/b"],
]);

interface Variant {
  readonly headers?: readonly (readonly [number | string, CborValue])[];
  readonly unprotected?: readonly (readonly [number | string, CborValue])[];
  readonly without?: readonly number[];
  readonly detached?: boolean;
  readonly key?: PrivateKey;
}

/** Signs a statement of the vendor that differs from a good one as told. */
function variant({
  headers = [],
  unprotected = [],
  without = [],
  detached,
  key,
}: Variant): Promise<Uint8Array> {
  const protectedHeader = new Map<number | string, CborValue>([
    [LABEL.contentType, "text/plain"],
    [LABEL.kid, at.vendor.publicKey.kid],
    [LABEL.cwtClaims, CLAIMS],
    ...headers,
  ]);
  for (const label of without) protectedHeader.delete(label);
  return signSign1(
    {
      protectedHeader,
      unprotectedHeader: new Map(unprotected),
      payload: new TextEncoder().encode("variant"),
      detached: detached ?? false,
    },
    key ?? at.vendor,
  );
}

/** Splices a COSE_Sign1 by hand: protected bytes, the rest in hexadecimal, a payload and 64 bytes. */
function raw(protectedHex: string, unprotectedHex = "a0", tag = "d2"): Uint8Array {
  const length = protectedHex.length / 2;
  const head =
    length < 24 ? (0x40 + length).toString(16) : `58${length.toString(16).padStart(2, "0")}`;
  return Buffer.from(
    `${tag}84${head}${protectedHex}${unprotectedHex}41315840${"00".repeat(64)}`,
    "hex",
  );
}

function swapped(from: string, to: string): Uint8Array {
  const text = encodeHex(good);
  expect(text).toContain(from);
  return Buffer.from(text.replace(from, to), "hex");
}

const CLAIMS_HEX = "0fa2016161026162"; // 15: {1: "a", 2: "b"}

type Row = readonly [string, () => Uint8Array | Promise<Uint8Array>, number, string, RegExp];

const ROWS: readonly Row[] = [
  ["truncated", () => good.subarray(0, -1), 400, "Malformed request", /of 64 bytes in 63/],
  [
    "trailing bytes",
    () => Buffer.concat([good, Buffer.of(0)]),
    400,
    "Malformed request",
    /1 bytes behind the item/,
  ],
  ["duplicate key", () => raw("a201260126"), 400, "Malformed request", /duplicate/i],
  ["indefinite map", () => raw("bf0126ff"), 400, "Malformed request", /indefinite/],
  [
    "indefinite array outside",
    () => Buffer.from("d29f43a10126a0413141 00ff".replace(" ", ""), "hex"),
    400,
    "Malformed request",
    /indefinite|tag/,
  ],
  ["length not shortest", () => swapped("d284", "d29804"), 400, "Malformed request", /shortest/],
  [
    "nested 5,000 deep",
    () => raw("a10126", `a101${"81".repeat(5000)}00`),
    400,
    "Malformed request",
    /deep|depth|nest/,
  ],
  [
    "1 MiB of empty arrays",
    () => raw("a10126", `a1019a000fff00${"80".repeat(0x0fff00)}`),
    400,
    "Malformed request",
    /items/,
  ],
  ["2^32 items claimed", () => Buffer.from("d29affffffff", "hex"), 400, "Malformed request", /./],
  ["oversized", () => new Uint8Array(1_200_000), 413, "Content Too Large", /hash envelope/],
  ["no tag", () => good.subarray(1), 400, "Malformed request", /tag 18/],
  ["tag 98", () => raw("a10126", "a0", "d862"), 400, "Malformed request", /tag 18/],
  ["three elements", () => swapped("d284", "d283"), 400, "Malformed request", /./],
  ["not a header map", () => raw("80"), 400, "Malformed request", /./],
  [
    "no CWT claims",
    () => variant({ without: [LABEL.cwtClaims] }),
    400,
    "Malformed request",
    /header 15.*missing.*iss \(1\) and sub/,
  ],
  [
    "no iss",
    () => variant({ headers: [[LABEL.cwtClaims, new Map([[CLAIM.sub, "x"]])]] }),
    400,
    "Malformed request",
    /iss \(1\) is missing/,
  ],
  [
    "no sub",
    () => variant({ headers: [[LABEL.cwtClaims, new Map([[CLAIM.iss, VENDOR]])]] }),
    400,
    "Malformed request",
    /sub \(2\) is missing/,
  ],
  [
    "claims only unprotected",
    () => variant({ without: [LABEL.cwtClaims], unprotected: [[LABEL.cwtClaims, CLAIMS]] }),
    400,
    "Malformed request",
    /only unprotected/,
  ],
  [
    "no kid",
    () => variant({ without: [LABEL.kid] }),
    400,
    "Malformed request",
    /kid \(header 4\) is missing/,
  ],
  [
    "kid only unprotected",
    () => variant({ without: [LABEL.kid], unprotected: [[LABEL.kid, new Uint8Array(4)]] }),
    400,
    "Malformed request",
    /only unprotected/,
  ],
  ["no alg", () => raw(`a2044131${CLAIMS_HEX}`), 400, "Bad Signature Algorithm", /alg/],
  [
    "alg only unprotected",
    () => raw(`a2044131${CLAIMS_HEX}`, "a10126"),
    400,
    "Bad Signature Algorithm",
    /protected/,
  ],
  ["alg of a MAC", () => raw(`a30105044131${CLAIMS_HEX}`), 400, "Bad Signature Algorithm", /./],
  ["alg as a float", () => raw(`a301f9c700044131${CLAIMS_HEX}`), 400, "Malformed request", /float/],
  [
    "unknown crit",
    () =>
      variant({
        headers: [
          [LABEL.crit, ["x"]],
          ["x", 1],
        ],
      }),
    400,
    "Malformed request",
    /crit/,
  ],
  [
    "crit without its header",
    () => raw(`a301260281190102044131${CLAIMS_HEX}`.replace("a3", "a4")),
    400,
    "Malformed request",
    /crit/,
  ],
  [
    "content type beside a hash envelope",
    () => variant({ headers: [[LABEL.payloadHashAlg, -16]] }),
    400,
    "Malformed request",
    /RFC 9995/,
  ],
  [
    "receipts that are no array",
    () => variant({ unprotected: [[LABEL.receipts, 1]] }),
    400,
    "Malformed request",
    /394/,
  ],
  [
    "detached payload",
    () => variant({ detached: true }),
    400,
    "Payload Missing",
    /Attach the payload/,
  ],
  [
    "another issuer's name",
    () =>
      variant({
        headers: [
          [
            LABEL.cwtClaims,
            new Map([
              [CLAIM.iss, "https://other.example"],
              [CLAIM.sub, "x"],
            ]),
          ],
        ],
      }),
    400,
    "Rejected",
    /no key/,
  ],
  [
    "a certificate beside the kid",
    () => variant({ headers: [[LABEL.x5t, [-16, new Uint8Array(32)]]] }),
    400,
    "Rejected",
    /certificate/,
  ],
  [
    "payload changed",
    () =>
      swapped(
        encodeHex(new TextEncoder().encode("good")),
        encodeHex(new TextEncoder().encode("food")),
      ),
    400,
    "Rejected",
    /signature/,
  ],
];

describe("POST /entries refuses, says what to mend, logs nothing and lives on", () => {
  test.each(ROWS)("%s", async (...[, make, status, title, detail]) => {
    const size = at.service.size();
    const answer = await post(await make());
    expect([answer.status, answer.title]).toEqual([status, title]);
    expect(answer.detail).toMatch(detail);
    expect(at.service.size()).toBe(size);
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });

  test("a signature of another key under the vendor's kid", async () => {
    const other = await PrivateKey.generate("EdDSA");
    const answer = await post(await variant({ key: other }));
    expect([answer.status, answer.title]).toEqual([400, "Rejected"]);
    expect(answer.detail).toMatch(/signature does not verify/);
  });

  test("an algorithm that is not the key's", async () => {
    const other = await PrivateKey.generate("ES256");
    const answer = await post(await variant({ key: other }));
    expect([answer.status, answer.title]).toEqual([400, "Bad Signature Algorithm"]);
  });

  test("every single flipped bit of a good statement", async () => {
    const size = at.service.size();
    for (let bit = 0; bit < good.length * 8; bit += 5) {
      const flipped = good.slice();
      flipped[Math.floor(bit / 8)] = (flipped[Math.floor(bit / 8)] ?? 0) ^ (1 << (bit % 8));
      const { status } = await post(flipped);
      expect({ bit, status }).toEqual({ bit, status: 400 });
    }
    expect(at.service.size()).toBe(size);
  });
});

describe("POST /entries answers any bytes with a documented status", () => {
  const mutated = fc
    .tuple(fc.nat(), fc.uint8Array({ maxLength: 12 }), fc.nat({ max: 8 }))
    .map(([at_, bytes, drop]) => ({ at: at_, bytes, drop }));

  test("arbitrary bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        expect(DOCUMENTED).toContain((await post(bytes)).status);
      }),
      { numRuns: 300 },
    );
  });

  test("CBOR values of any shape behind tag 18", async () => {
    const value: fc.Arbitrary<CborValue> = fc.letrec<{ value: CborValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.integer(),
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        fc.uint8Array({ maxLength: 40 }),
        fc.array(tie("value"), { maxLength: 5 }),
        fc
          .array(fc.tuple(fc.integer({ min: -50, max: 400 }), tie("value")), { maxLength: 5 })
          .map((pairs): CborValue => new Map(pairs)),
      ),
    })).value;
    await fc.assert(
      fc.asyncProperty(value, value, async (header, rest) => {
        const parts = encodeCbor([encodeCbor(header), rest, new Uint8Array(3), new Uint8Array(64)]);
        const { status } = await post(Buffer.concat([Buffer.of(0xd2), parts]));
        expect(DOCUMENTED).toContain(status);
      }),
      { numRuns: 300 },
    );
  });

  test("a good statement with bytes replaced, inserted or dropped", async () => {
    await fc.assert(
      fc.asyncProperty(mutated, async ({ at: place, bytes, drop }) => {
        const offset = place % good.length;
        const spliced = Buffer.concat([
          good.subarray(0, offset),
          bytes,
          good.subarray(offset + drop),
        ]);
        expect(DOCUMENTED).toContain((await post(spliced)).status);
      }),
      { numRuns: 300 },
    );
  });
});
