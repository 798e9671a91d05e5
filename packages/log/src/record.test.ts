import { describe, expect, test } from "@jest/globals";
import { type CborValue, encodeCbor } from "@tallystick/cose";
import { encodeChainLink } from "@tallystick/receipt";
import fc from "fast-check";

import { LogError } from "./error.js";
import {
  decodeChainLink,
  decodeControl,
  decodeFrozen,
  decodeHead,
  decodeMeta,
  decodePlacement,
  encodeControl,
  encodeFrozen,
  encodeHead,
  encodeMeta,
  encodePlacement,
  SCHEMA,
} from "./record.js";

const plain = (bytes: Uint8Array): number[] => [...bytes];
const anyNumber = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });

const meta = {
  issuer: "https://service.example",
  origin: "service.example/log",
  logId: new Uint8Array(16).fill(1),
  kid: new Uint8Array(32).fill(2),
};

const metaFields: readonly [string, CborValue][] = [
  ["schema", SCHEMA],
  ["issuer", meta.issuer],
  ["origin", meta.origin],
  ["logId", meta.logId],
  ["kid", meta.kid],
];

function metaWith(field: string, value: CborValue): Uint8Array {
  return encodeCbor(new Map([...metaFields, [field, value]]));
}

describe("meta", () => {
  test("round trip", () => {
    expect(decodeMeta(encodeMeta(meta))).toEqual(meta);
  });

  test.each([
    ["the first schema, which knew no freeze", 1],
    ["the schema before, whose bodies lay by digest", 2],
    ["a later schema", 4],
    ["schema 0", 0],
    ["a schema in text", "1"],
    ["no schema", undefined],
  ])("%s is unsupported, whatever else it says", (_name, schema) => {
    const bytes = encodeCbor(new Map<string, CborValue>([["schema", schema]]));
    expect(() => decodeMeta(bytes)).toThrow(
      expect.objectContaining({ code: "LOG_SCHEMA_UNSUPPORTED" }),
    );
  });

  test.each([
    ["issuer", 1],
    ["origin", null],
    ["logId", "text"],
    ["kid", []],
  ])("%s of another type is refused", (field, value) => {
    expect(() => decodeMeta(metaWith(field, value))).toThrow(
      new LogError("LOG_CORRUPT", "malformed meta record"),
    );
  });
});

describe("frozen", () => {
  test("round trip", () => {
    const frozen = { why: "moved to another log", time: 2 ** 40 };
    expect(decodeFrozen(encodeFrozen(frozen))).toEqual(frozen);
  });

  test.each<[string, Map<string, CborValue>]>([
    ["no reason", new Map<string, CborValue>([["time", 1]])],
    [
      "a reason that is no text",
      new Map<string, CborValue>([
        ["why", 1],
        ["time", 1],
      ]),
    ],
    ["no time", new Map<string, CborValue>([["why", "x"]])],
    [
      "a time before all time",
      new Map<string, CborValue>([
        ["why", "x"],
        ["time", -1],
      ]),
    ],
  ])("%s is refused", (_name, map) => {
    expect(() => decodeFrozen(encodeCbor(map))).toThrow(
      new LogError("LOG_CORRUPT", "malformed frozen record"),
    );
  });
});

describe("head", () => {
  test("round trip, beyond 2^32 too", () => {
    fc.assert(
      fc.property(anyNumber, anyNumber, fc.uint8Array(), (epoch, control, checkpoint) => {
        const head = { epoch, control, checkpoint };
        const decoded = decodeHead(encodeHead(head));
        expect({ ...decoded, checkpoint: plain(decoded.checkpoint) }).toEqual({
          ...head,
          checkpoint: plain(checkpoint),
        });
      }),
    );
  });

  test.each<[string, string, CborValue]>([
    ["a negative epoch", "epoch", -1],
    ["an epoch in text", "epoch", "1"],
    ["a control index beyond 2^53", "control", 2n ** 60n],
    ["a checkpoint in text", "checkpoint", "text"],
    ["no checkpoint", "checkpoint", undefined],
  ])("%s is refused", (_name, field, value) => {
    const fields: [string, CborValue][] = [
      ["epoch", 1],
      ["control", 0],
      ["checkpoint", Uint8Array.of(1)],
      [field, value],
    ];
    expect(() => decodeHead(encodeCbor(new Map(fields)))).toThrow(
      new LogError("LOG_CORRUPT", "malformed head record"),
    );
  });
});

describe("placement", () => {
  test("round trip, beyond 2^32 too", () => {
    fc.assert(
      fc.property(anyNumber, fc.uint8Array(), (index, collateral) => {
        const decoded = decodePlacement(encodePlacement({ index, collateral }));
        expect(decoded.index).toBe(index);
        expect(plain(decoded.collateral)).toEqual(plain(collateral));
      }),
    );
  });

  test("the collateral is a copy", () => {
    const bytes = encodePlacement({ index: 1, collateral: Uint8Array.of(5) });
    const { collateral } = decodePlacement(bytes);
    bytes.fill(0);
    expect(plain(collateral)).toEqual([5]);
  });
});

describe("chain link", () => {
  test("round trip, beyond 2^32 too", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), hash, anyNumber, (checkpoint, digest, size) => {
        const link = { checkpoint, previousDigest: digest, previousSize: size };
        const decoded = decodeChainLink(encodeChainLink(link));
        expect(plain(decoded.checkpoint)).toEqual(plain(checkpoint));
        expect(plain(decoded.previousDigest)).toEqual(plain(digest));
        expect(decoded.previousSize).toBe(size);
      }),
    );
  });

  test.each([0, 39, 40])("%d bytes are too few", (length) => {
    const message = "malformed checkpoint record";
    expect(() => decodeChainLink(new Uint8Array(length))).toThrow(
      expect.objectContaining({ name: "LogError", code: "LOG_CORRUPT", message }),
    );
  });
});

describe("control", () => {
  test("round trip, beyond 2^32 too", () => {
    fc.assert(
      fc.property(hash, anyNumber, (entry, previousIndex) => {
        const decoded = decodeControl(encodeControl({ entry, previousIndex }));
        expect(plain(decoded.entry)).toEqual(plain(entry));
        expect(decoded.previousIndex).toBe(previousIndex);
      }),
    );
  });

  test.each([0, 32, 39, 41])("%d bytes are not it", (length) => {
    expect(() => decodeControl(new Uint8Array(length))).toThrow(
      new LogError("LOG_CORRUPT", "malformed control record"),
    );
  });
});

test("any bytes give a record or LOG_CORRUPT or LOG_SCHEMA_UNSUPPORTED", () => {
  const decoders = [decodeMeta, decodeHead, decodePlacement, decodeChainLink, decodeControl];
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 100 }),
      fc.constantFrom(...decoders),
      (bytes, decode) => {
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(LogError);
          expect(["LOG_CORRUPT", "LOG_SCHEMA_UNSUPPORTED"]).toContain((error as LogError).code);
        }
      },
    ),
  );
});
