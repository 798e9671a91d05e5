import { describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { noteSigner, parseNote, VerifiedNote, VerifierKey } from "@tallystick/tlog";
import fc from "fast-check";

import { WitnessError } from "./error.js";
import { ReferenceLog, timeOfCosignature } from "./testing/reference-log.js";
import { bytesOf, NAME, ORIGIN, rejection, Scene } from "./testing/scene.js";
import { Witness } from "./witness.js";

const add = (witness: Witness, request: string): Promise<string> =>
  witness.addCheckpoint(bytesOf(request));

describe("a witness", () => {
  test("cosigns a log as it grows, with both kinds of keys", async () => {
    const scene = await Scene.open({ isPostQuantum: true });
    const witness = scene.witness();
    let last = 0;
    for (const size of [0, 0, 1, 2, 3, 7, 8, 8, 13, 20]) {
      scene.now += 1;
      const lines = await add(witness, scene.log.request(last, size));
      const text = scene.log.text(size);
      expect(timeOfCosignature(lines.slice(0, lines.indexOf("\n")), scene.vkey, text)).toBe(
        scene.now,
      );
      const note = parseNote(bytesOf(`${text}\n${lines}`));
      const keys = scene.signers.map(({ key }) => key);
      const { signatures } = await VerifiedNote.verify(note, keys);
      expect(signatures.map(({ key, time }) => [key.type, time])).toEqual([
        ["ed25519-cosignature", scene.now],
        ["ml-dsa-44-cosignature", scene.now],
      ]);
      last = size;
    }
  });

  test("grants every step between two sizes, and refuses the same step of another log", async () => {
    const size = fc.integer({ min: 1, max: 20 });
    await fc.assert(
      fc.asyncProperty(size, size, async (one, other) => {
        const [from, to] = one < other ? [one, other] : [other, one];
        const scene = await Scene.open();
        const witness = scene.witness();
        await add(witness, scene.log.request(0, from));
        const fork = new ReferenceLog(scene.key, 20, "b");
        expect(await rejection(add(witness, fork.request(from, to)))).toBe("WITNESS_INCONSISTENT");
        await expect(add(witness, scene.log.request(from, to))).resolves.toMatch(/^— /);
      }),
      { numRuns: 60 },
    );
  });

  test("signs and stores what is sent again within a second once, and anew behind it", async () => {
    const scene = await Scene.open({ isPostQuantum: true });
    const witness = scene.witness();
    const versionOf = (): number | undefined => scene.store.states.get(scene.hash)?.version;
    const first = await add(witness, scene.log.request(0, 5));
    const version = versionOf();
    const replays = await Promise.all(
      Array.from({ length: 50 }, () => add(witness, scene.log.request(5, 5))),
    );
    expect(new Set(replays)).toEqual(new Set([first]));
    expect(versionOf()).toBe(version);
    scene.now += 1;
    const later = await add(witness, scene.log.request(5, 5));
    expect(timeOfCosignature(later.split("\n")[0] ?? "", scene.vkey, scene.log.text(5))).toBe(
      scene.now,
    );
    expect(versionOf()).toBe((version ?? 0) + 1);
    // Other words about the same tree, and another tree, are signed.
    await add(witness, scene.log.request(5, 6));
    expect(versionOf()).toBe((version ?? 0) + 2);
    // What another size or tree is refused for is refused as ever.
    expect(await rejection(add(witness, scene.log.request(5, 6)))).toBe("WITNESS_SIZE_CONFLICT");
    const fork = new ReferenceLog(scene.key, 20, "b");
    expect(await rejection(add(witness, fork.request(6, 6)))).toBe("WITNESS_INCONSISTENT");
  });

  test("serves the checkpoint with the log's signature and its own, and no others", async () => {
    const scene = await Scene.open({ isPostQuantum: true });
    const witness = scene.witness();
    expect(await rejection(witness.checkpoint(scene.hash))).toBe("WITNESS_CHECKPOINT_UNKNOWN");
    expect(await rejection(witness.checkpoint("0".repeat(64)))).toBe("WITNESS_CHECKPOINT_UNKNOWN");
    const stray = `— stray ${Buffer.alloc(68).toString("base64")}\n`;
    const again = scene.key.line(scene.log.text(5));
    const lines = await add(witness, `${scene.log.request(0, 5)}${stray}${again}`);
    const served = new TextDecoder().decode(await witness.checkpoint(scene.hash));
    expect(served).toBe(`${scene.log.checkpoint(5)}${lines}`);
  });

  test("cosigns extension lines with the rest of the text", async () => {
    const scene = await Scene.open();
    const text = `${scene.log.text(4)}extension\n`;
    const note = `${text}\n${scene.key.line(text)}`;
    const lines = await add(scene.witness(), `old 0\n\n${note}`);
    expect(timeOfCosignature(lines, scene.vkey, text)).toBe(scene.now);
  });

  test("takes any key of the log, and refuses for a bad signature of another", async () => {
    const scene = await Scene.open();
    const second = noteSigner(ORIGIN, "ed25519", await PrivateKey.generate("EdDSA"));
    const keys = [second.key, VerifierKey.parse(scene.key.vkey)];
    const { signers, store } = scene;
    const witness = new Witness({
      ...{ signers, store, now: () => scene.now },
      logs: [{ origin: ORIGIN, keys }],
    });
    const id = second.key.format().split("+")[1] ?? "";
    const bad = Buffer.concat([Buffer.from(id, "hex"), Buffer.alloc(64)]).toString("base64");
    const request = `${scene.log.request(0, 5)}— ${ORIGIN} ${bad}\n`;
    expect(await rejection(add(witness, request))).toBe("WITNESS_SIGNATURE_REFUSED");
    await expect(add(witness, scene.log.request(0, 5))).resolves.toBeDefined();
  });

  test("needs keys that cosign, and each log once", async () => {
    const { store, signers } = await Scene.open();
    const plain = noteSigner(NAME, "ed25519", await PrivateKey.generate("EdDSA"));
    const log = { origin: ORIGIN, keys: [] };
    const rest = { store, now: () => 1 };
    expect(() => new Witness({ ...rest, signers: [], logs: [] })).toThrow(TypeError);
    expect(() => new Witness({ ...rest, signers: [plain], logs: [] })).toThrow(TypeError);
    expect(() => new Witness({ ...rest, signers, logs: [log, log] })).toThrow(TypeError);
    const long = { origin: "o".repeat(256), keys: [] };
    expect(() => new Witness({ ...rest, signers, logs: [long] })).toThrow(TypeError);
  });
});

describe("requests that race", () => {
  test("from one old size with different trees: one is granted, the others conflict", async () => {
    const scene = await Scene.open();
    const witness = scene.witness();
    const requests = Array.from({ length: 12 }, (_, at) =>
      new ReferenceLog(scene.key, 20, `salt ${at}`).request(0, 9),
    );
    const outcomes = await Promise.allSettled(requests.map((request) => add(witness, request)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") continue;
      const reason: unknown = outcome.reason;
      expect(reason instanceof WitnessError && [reason.code, reason.size]).toEqual([
        "WITNESS_SIZE_CONFLICT",
        9,
      ]);
    }
  });

  test("over two witnesses on one store: one is granted", async () => {
    const scene = await Scene.open();
    const pair = [scene.witness(), scene.witness()];
    // Both have read the state before either writes.
    await Promise.all(pair.map((one) => rejection(one.checkpoint(scene.hash))));
    const outcomes = await Promise.allSettled(
      pair.map((one, at) => add(one, new ReferenceLog(scene.key, 9, `s${at}`).request(0, 9))),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const [loser] = pair.filter((_one, at) => outcomes[at]?.status === "rejected");
    // It reads again, and knows of the other's.
    const late = add(loser ?? scene.witness(), scene.log.request(0, 9));
    expect(await rejection(late)).toBe("WITNESS_SIZE_CONFLICT");
  });
});

describe("faults", () => {
  test.each([
    ["before", 0],
    ["after", 5],
  ] as const)("a write that fails %s it is stored leaves size %i", async (where, size) => {
    const scene = await Scene.open();
    const witness = scene.witness();
    scene.store.failNext = where;
    expect(await rejection(add(witness, scene.log.request(0, 5)))).toBe("WITNESS_STORE_FAILED");
    // What the store holds counts, for this process and for the next one.
    for (const one of [witness, scene.witness()]) {
      await expect(add(one, scene.log.request(7, 8))).rejects.toMatchObject({ size });
    }
    await expect(add(witness, scene.log.request(size, 5))).resolves.toBeDefined();
  });

  test("a restart goes on where it stopped", async () => {
    const scene = await Scene.open({ isPostQuantum: true });
    await add(scene.witness(), scene.log.request(0, 5));
    await add(scene.witness(), scene.log.request(5, 9));
    const fork = new ReferenceLog(scene.key, 20, "b");
    expect(await rejection(add(scene.witness(), fork.request(9, 12)))).toBe("WITNESS_INCONSISTENT");
  });

  test("a clock that went back is waited for, also after a restart", async () => {
    const scene = await Scene.open();
    await add(scene.witness(), scene.log.request(0, 5));
    const then = scene.now;
    const witness = scene.witness();
    for (const now of [then - 1, 0, -5, Number.NaN, 1.5]) {
      scene.now = now;
      expect(await rejection(add(witness, scene.log.request(5, 9)))).toBe("WITNESS_CLOCK_BACKWARD");
    }
    scene.now = then;
    const lines = await add(witness, scene.log.request(5, 9));
    expect(timeOfCosignature(lines, scene.vkey, scene.log.text(9))).toBe(then);
  });

  const damage: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array])[] = [
    ["emptied", () => new Uint8Array(0)],
    ["cut short", (bytes) => bytes.slice(0, -1)],
    ["longer", (bytes) => Uint8Array.of(...bytes, 0x0a)],
    ["of another size", (bytes) => bytesOf(textOf(bytes).replace("\n5\n", "\n0\n"))],
    ["without the own signature", (bytes) => bytesOf(textOf(bytes).replace(/— witness.*\n/, ""))],
    [
      "that of a fresh log with another name",
      () => bytesOf("tallystick-witness/1: nothing cosigned for x\n"),
    ],
  ];
  test.each(damage)("a state that is %s is never started from", async (_name, change) => {
    const scene = await Scene.open();
    await add(scene.witness(), scene.log.request(0, 5));
    const { bytes, version } = scene.store.states.get(scene.hash) ?? {
      bytes: bytesOf(""),
      version: 0,
    };
    scene.store.states.set(scene.hash, { version, bytes: change(bytes) });
    const witness = scene.witness();
    expect(await rejection(add(witness, scene.log.request(0, 5)))).toBe("WITNESS_STATE_DAMAGED");
    expect(await rejection(witness.checkpoint(scene.hash))).toBe("WITNESS_STATE_DAMAGED");
  });

  test("no flipped bit of a state goes unnoticed", async () => {
    const scene = await Scene.open();
    await add(scene.witness(), scene.log.request(0, 5));
    const stored = scene.store.states.get(scene.hash);
    const bytes = stored?.bytes ?? bytesOf("");
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length * 8 - 1), async (bit) => {
        const flipped = new Uint8Array(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        scene.store.states.set(scene.hash, { version: 2, bytes: flipped });
        let served;
        try {
          served = await scene.witness().checkpoint(scene.hash);
        } catch (error) {
          expect(error).toMatchObject({ code: "WITNESS_STATE_DAMAGED" });
          return;
        }
        // The line of the log's key became one of a key that nobody knows: the own one still holds.
        const [text] = textOf(served).split("\n\n");
        expect(`${text ?? ""}\n`).toBe(scene.log.text(5));
      }),
      { numRuns: 300 },
    );
  });

  test("a state that is missing is damage", async () => {
    const scene = await Scene.open();
    scene.store.states.clear();
    expect(await rejection(add(scene.witness(), scene.log.request(0, 5)))).toBe(
      "WITNESS_STATE_DAMAGED",
    );
  });
});

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
