import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { PassThrough } from "node:stream";

import { PrivateKey } from "@tallystick/cose";
import { Contradiction, SignedCheckpoint } from "@tallystick/receipt";

import { keepEvidence } from "./evidence-file.js";
import { Output } from "./output.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;
let key: PrivateKey;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  key = await PrivateKey.generate("EdDSA");
});

afterAll(() => workspace.remove());

async function splitAt(size: number): Promise<Contradiction> {
  const [one, other] = await Promise.all(
    [1, 2].map((fill) => {
      const root = new Uint8Array(32).fill(fill);
      const names = { issuer: "https://log.example", origin: "log.example/log" };
      return SignedCheckpoint.sign({ ...names, size, root, time: 1000 }, key);
    }),
  );
  const found = one && other && Contradiction.between(one, other);
  if (found === undefined) throw new Error("no contradiction");
  return found;
}

const kept = (found: Contradiction, path: string): Promise<string | undefined> => {
  const output = new Output({ stdout: new PassThrough(), stderr: new PassThrough() });
  return keepEvidence(found, { path, otherwise: "otherwise" }, output);
};

test("evidence of another contradiction, or any file, at the name that was given stays", async () => {
  const [first, second] = [await splitAt(7), await splitAt(8)];
  await workspace.write("named", "of mine");
  expect(await kept(first, "named")).toBe("named.2");
  expect(await kept(second, "named")).toBe("named.3");
  // Of the very same there is one.
  expect(await kept(first, "named")).toBe("named.2");
  const texts = ["named", "named.2", "named.3"].map(async (name) =>
    new TextDecoder().decode(await workspace.read(name)),
  );
  expect(await Promise.all(texts)).toEqual(["of mine", first.format(), second.format()]);
});

test("a device that was named is written to", async () => {
  expect(await kept(await splitAt(7), "/dev/null")).toBe("/dev/null");
});
