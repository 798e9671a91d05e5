import { beforeAll, describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import type { SignedCheckpoint } from "@tallystick/receipt";
import { TrustStore, verifyEvidence } from "@tallystick/verifier";

import { ClientError } from "./error.js";
import { Follower } from "./follower.js";
import type { LogView } from "./follower.js";
import { SeenCheckpoints } from "./seen.js";
import { FakeLog } from "./testing/fake-log.js";
import { refusalOf } from "./testing/refusal.js";
import { ISSUER, ORIGIN } from "./testing/scene.js";
import { Wire, problem } from "./testing/wire.js";

let key: PrivateKey;
let trust: TrustStore;

beforeAll(async () => {
  key = await PrivateKey.generate("ES256");
  const keys = [key.publicKey.toJwk()];
  const services = [{ issuer: ISSUER, origin: ORIGIN, keys }];
  trust = TrustStore.parse(JSON.stringify({ services }));
});

const GONE = problem(404, ["Not Found", "no checkpoint of that size"]);

describe("a place that has tiles and no receipts of consistency", () => {
  const absent = (): Promise<never> => Promise.reject(new ClientError("CLIENT_REFUSED", "none"));

  /** A place with the tiles of one log, and the checkpoints of another. */
  function placeOf(
    tiles: FakeLog,
    signed: FakeLog,
    kept = GONE,
  ): (size: number) => Promise<LogView> {
    return async (size) => {
      const wire = new Wire({
        "GET /checkpoints/latest": [await signed.record(size)],
        "GET /checkpoints/5": [kept],
      });
      const client = wire.client();
      return {
        latestCheckpoint: () => client.latestCheckpoint(),
        checkpoint: (at) => client.checkpoint(at),
        consistency: absent,
        beginning: (at, { checkpoint }) => Promise.resolve(tiles.beginning(at, checkpoint.size)),
      };
    };
  }

  async function follow(place: LogView): Promise<SignedCheckpoint> {
    const seen = SeenCheckpoints.NONE.with(await new FakeLog(key).checkpoint(5));
    return new Follower({ client: place, trust, seen }).newest();
  }

  test("shows by them that it extends what was seen", async () => {
    const log = new FakeLog(key);
    expect((await follow(await placeOf(log, log)(9))).checkpoint.size).toBe(9);
  });

  test("is contradicted by them, with evidence", async () => {
    const fork = new FakeLog(key, 2);
    const error = await refusalOf(async () => follow(await placeOf(fork, fork)(9)));
    expect([error.code, error.contradiction?.kind]).toEqual(["CLIENT_CONTRADICTION", "fork"]);
    const file = new TextEncoder().encode(error.contradiction?.format() ?? "");
    expect((await verifyEvidence(file, trust)).kind).toBe("fork");
  });

  test("whose tiles are of another tree is accused of no more than that", async () => {
    const error = await refusalOf(async () =>
      follow(await placeOf(new FakeLog(key, 2), new FakeLog(key))(9)),
    );
    expect([error.code, error.contradiction]).toEqual(["CLIENT_NOT_EXTENDED", undefined]);
    expect(error.message).toContain("its tiles are of another tree");
  });

  test.each([
    ["CLIENT_EXTENSION_UNKNOWN", "CLIENT_EXTENSION_UNKNOWN"],
    ["CLIENT_UNAVAILABLE", "CLIENT_UNAVAILABLE"],
    ["CLIENT_UNREACHABLE", "CLIENT_UNREACHABLE"],
    ["CLIENT_PROTOCOL", "CLIENT_NOT_EXTENDED"],
  ] as const)("that answers for its tiles with %s comes to %s", async (given, code) => {
    const log = new FakeLog(key);
    const place = await placeOf(log, log)(9);
    const beginning = (): Promise<never> => Promise.reject(new ClientError(given, "no tiles"));
    const error = await refusalOf(() => follow({ ...place, beginning }));
    expect([error.code, error.contradiction]).toEqual([code, undefined]);
  });
});
