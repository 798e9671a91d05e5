import { afterEach, expect, test } from "@jest/globals";

import { decodeCborMap, PrivateKey } from "@tallystick/cose";
import { MemoryAnchor, MemoryStore } from "@tallystick/log";
import { signPolicy, withIssuerKey } from "@tallystick/policy";
import { TransparencyService } from "@tallystick/server";
import { SignedStatement, signStatement } from "@tallystick/statement";

import { ISSUER } from "./site.js";
import { describeFault } from "./suite.js";

const START = 1_790_000_000;
const HOUR = 3600;

describeFault("F7: the clock", undefined, () => {
  let service: TransparencyService | undefined;

  afterEach(() => service?.close());

  /** A service over memory, whose clock the test sets. */
  class Scene {
    now: number = START;
    /** Read in turn before `now` is; a clock that jumps within one registration. */
    readonly jumps: number[] = [];
    store: MemoryStore = new MemoryStore();
    anchor: MemoryAnchor = new MemoryAnchor();
    readonly signer: PrivateKey;
    readonly issuer: PrivateKey;
    #sent = 0;

    constructor(signer: PrivateKey, issuer: PrivateKey) {
      this.signer = signer;
      this.issuer = issuer;
    }

    static async make(): Promise<Scene> {
      const [signer, issuer, operator] = await Promise.all([
        PrivateKey.generate("ES256"),
        PrivateKey.generate("EdDSA"),
        PrivateKey.generate("ES256"),
      ]);
      const scene = new Scene(signer, issuer);
      service = await TransparencyService.create(scene.options(), operator);
      const { policy, entryId } = await service.policyInForce();
      const named = { iss: ISSUER, key: issuer.publicKey };
      const document = withIssuerKey(policy.document, entryId, named);
      const by = { issuer: "https://ts.example", issuedAt: START };
      await service.register(await signPolicy(document, by, operator));
      return scene;
    }

    options(): Parameters<typeof TransparencyService.open>[0] {
      const { store, anchor, signer } = this;
      const names = { issuer: "https://ts.example", origin: "ts.example/log" };
      return { store, anchor, signer, ...names, now: () => this.jumps.shift() ?? this.now };
    }

    async reopen(rest: { ignoreClock?: boolean } = {}): Promise<TransparencyService> {
      await service?.close();
      this.store = this.store.reopen();
      this.anchor = this.anchor.reopen();
      service = await TransparencyService.open({ ...this.options(), ...rest });
      return service;
    }

    /**
     * Registers a statement and yields the time of the checkpoint that covers it. The time recorded
     * with the statement must lie between that one and the one before.
     */
    async register(): Promise<number> {
      const payload = Uint8Array.of(this.#sent++);
      const content = {
        payload,
        contentType: "text/plain",
        issuer: ISSUER,
        subject: "clock",
      };
      const before = service?.log.head().checkpoint.time ?? 0;
      const bytes = await signStatement(content, this.issuer);
      await service?.register(bytes);
      const after = service?.log.head().checkpoint.time ?? 0;
      const logged = await service?.log.lookup(SignedStatement.decode(bytes).entry);
      const admitted = decodeCborMap(logged?.collateral ?? new Uint8Array()).get("time");
      expect(admitted).toBeGreaterThanOrEqual(before);
      expect(admitted).toBeLessThanOrEqual(after);
      return after;
    }
  }

  test.each([
    ["a second back", -1],
    ["an hour back", -HOUR],
    ["to the epoch", -START],
  ])("%s while it runs: time stands still until the clock has caught up", async (_, step) => {
    const scene = await Scene.make();
    expect(await scene.register()).toBe(START);
    scene.now += step;
    expect(await scene.register()).toBe(START);
    expect(await scene.register()).toBe(START);
    scene.now = START + 5;
    expect(await scene.register()).toBe(START + 5);
  });

  test("forward and back again: checkpoints keep the later time, and nothing is lost", async () => {
    const scene = await Scene.make();
    scene.now = START + HOUR;
    expect(await scene.register()).toBe(START + HOUR);
    scene.now = START;
    const times = [await scene.register(), await scene.register()];
    expect(times).toEqual([START + HOUR, START + HOUR]);
  });

  test("that jumps back between admission and checkpoint: the checkpoint is not the earlier", async () => {
    const scene = await Scene.make();
    scene.jumps.push(START + HOUR, START);
    expect(await scene.register()).toBe(START + HOUR);
    expect(await scene.register()).toBe(START + HOUR);
  });

  test("behind at boot: read-only, says both times; a clock set right is enough", async () => {
    const scene = await Scene.make();
    scene.now = START + HOUR;
    await scene.register();
    scene.now = START;
    const opened = await scene.reopen();
    const standing = opened.standing();
    expect(standing).toMatchObject({
      kind: "reader",
      code: "LOG_CLOCK_BACKWARD",
    });
    expect("reason" in standing ? standing.reason : "").toMatch(/2026-.*Z.*2026-.*Z/);
    await expect(scene.register()).rejects.toMatchObject({
      code: "LOG_CLOCK_BACKWARD",
    });
    expect(opened.size()).toBe(3);
    scene.now = START + HOUR;
    await scene.reopen();
    expect(await scene.register()).toBe(START + HOUR);
  });

  test("behind at boot and told to go on: time still does not go back (I6)", async () => {
    const scene = await Scene.make();
    scene.now = START + HOUR;
    await scene.register();
    scene.now = START;
    await scene.reopen({ ignoreClock: true });
    expect(await scene.register()).toBe(START + HOUR);
    expect(await scene.register()).toBe(START + HOUR);
  });
});
