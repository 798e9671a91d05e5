import { createHash, createPublicKey, verify } from "node:crypto";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import type { Signer } from "@tallystick/cose";
import { noteSigner } from "@tallystick/tlog";

import { serve } from "./listen.js";
import type { RunningServer } from "./listen.js";
import { Notes } from "./notes.js";
import { problemOf, read } from "./testing/exchange.js";
import { ORIGIN, fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";

// A reader made from the text of C2SP signed-note and tlog-checkpoint, on the crypto of Node alone.

let at: Fixture;
let server: RunningServer;

beforeAll(async () => {
  at = await fixture();
  server = await serve(at.service, { host: "127.0.0.1", port: 0 });
  for (const text of ["one", "two", "three"]) await at.service.register(await at.sign(text));
});

afterAll(async () => {
  await server.close();
  await at.service.close();
});

interface Known {
  readonly name: string;
  readonly id: Buffer;
  readonly key: Buffer;
}

/** W4: `<name>+<id>+<base64>`, of type 1, with the id that W3 computes. */
function keyOf(vkey: string): Known {
  const [, name = "", id = "", text = ""] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey) ?? [];
  const typed = Buffer.from(text, "base64");
  const digest = createHash("sha256").update(`${name}\n`).update(typed).digest();
  expect([id, typed[0], typed.length]).toEqual([digest.subarray(0, 4).toString("hex"), 1, 33]);
  return { name, id: Buffer.from(id, "hex"), key: typed.subarray(1) };
}

interface Head {
  readonly origin: string;
  readonly size: number;
  readonly root: Buffer;
}

/** Yields what a note says once its one signature holds, `undefined` if it does not. */
function headOf(note: Uint8Array, { name, id, key }: Known): Head | undefined {
  const text = Buffer.from(note).toString("utf8");
  const [, body = "", signer, signature = ""] =
    /^((?:[^\n]+\n){3})\n— (\S+) ([A-Za-z0-9+/]+=*)\n$/.exec(text) ?? [];
  const bytes = Buffer.from(signature, "base64");
  const x = key.toString("base64url");
  const publicKey = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  // Base64 of one spelling: bits that stand for nothing are zero.
  if (bytes.toString("base64") !== signature) return undefined;
  const isOf = signer === name && bytes.subarray(0, 4).equals(id);
  if (!isOf || !verify(null, Buffer.from(body), publicKey, bytes.subarray(4))) return undefined;
  const [origin = "", size = "", root = ""] = body.split("\n");
  expect(size).toMatch(/^(0|[1-9][0-9]*)$/);
  return { origin, size: Number(size), root: Buffer.from(root, "base64") };
}

async function known(): Promise<Known> {
  const version: unknown = await (await fetch(`${server.url}/version`)).json();
  const { note } = version as { readonly note: string };
  return keyOf(note);
}

describe("the newest checkpoint as a note", () => {
  test("W1, W4, W5: verifies under the key that the service tells, and is that of the receipts", async () => {
    const { body, headers } = await read(`${server.url}/checkpoint`);
    const { checkpoint } = at.service.log.head();
    const { size, root } = checkpoint;
    const key = await known();
    expect(headOf(body, key)).toEqual({ origin: ORIGIN, size, root: Buffer.from(root) });
    expect(key.name).toBe(ORIGIN);
    expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(headers.get("cache-control")).toBe("public, max-age=5, must-revalidate");
    const tag = headers.get("etag") ?? "";
    const again = await fetch(`${server.url}/checkpoint`, { headers: { "if-none-match": tag } });
    expect(again.status).toBe(304);
  });

  test("is another one, with another tag, once the log has grown", async () => {
    const before = await read(`${server.url}/checkpoint?x=1`);
    await at.service.register(await at.sign("more"));
    const tag = before.headers.get("etag") ?? "";
    const after = await fetch(`${server.url}/checkpoint`, { headers: { "if-none-match": tag } });
    expect(after.status).toBe(200);
    const head = headOf(new Uint8Array(await after.arrayBuffer()), await known());
    expect(head?.size).toBe((headOf(before.body, await known())?.size ?? 0) + 1);
  });

  test("does not verify with any one of its bytes changed", async () => {
    const { body } = await read(`${server.url}/checkpoint`);
    const key = await known();
    for (let place = 0; place < body.length; place++) {
      const changed = body.map((byte, i) => (i === place ? byte ^ 1 : byte));
      expect([place, headOf(changed, key)]).toEqual([place, undefined]);
    }
  });
});

describe("the note of a size", () => {
  test("W6: is there for every kept checkpoint, of the same tree, and the same every time", async () => {
    const key = await known();
    for (let size = 1; size <= at.service.size(); size++) {
      const { body, headers } = await read(`${server.url}/notes/${size}`);
      const { checkpoint } = await at.service.log.checkpointAt(size);
      const root = Buffer.from(checkpoint.root);
      expect(headOf(body, key)).toEqual({ origin: ORIGIN, size, root });
      expect(headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      expect((await read(`${server.url}/notes/${size}`)).body).toEqual(body);
    }
    const newest = await read(`${server.url}/checkpoint`);
    const same = await read(`${server.url}/notes/${at.service.size()}`);
    expect(same.body).toEqual(newest.body);
  });

  test.each([
    ["a size that was never signed", "99", 404],
    ["size 0", "0", 400],
    ["a leading zero", "01", 400],
    ["no number", "latest", 400],
  ])("%s is a problem", async (_name, size, status) => {
    const answer = await read(`${server.url}/notes/${size}`);
    expect(answer.status).toBe(status);
    expect(problemOf(answer)[0]).toBe(status === 404 ? "Not Found" : "Invalid locator");
  });

  test("only reading is answered", async () => {
    for (const path of ["/checkpoint", "/notes/1"]) {
      const answer = await fetch(`${server.url}${path}`, { method: "POST" });
      expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    }
  });
});

describe("a note key", () => {
  test("W6, W13: is called like the log and makes plain signatures", async () => {
    const { log } = at.service;
    const signer = await PrivateKey.generate("EdDSA");
    const named = noteSigner("other.example/log", "ed25519", signer);
    expect(() => new Notes(log, named)).toThrow(TypeError);
    const cosigner = noteSigner(ORIGIN, "ed25519-cosignature", signer);
    expect(() => new Notes(log, cosigner)).toThrow(TypeError);
  });

  test("signs the newest checkpoint once, and is asked again after a failure", async () => {
    const key = await PrivateKey.generate("EdDSA");
    let asked = 0;
    const signer: Signer = {
      algorithm: key.algorithm,
      publicKey: key.publicKey,
      sign: (message) => {
        asked++;
        return asked === 1 ? Promise.reject(new Error("gone")) : key.sign(message);
      },
    };
    const notes = new Notes(at.service.log, noteSigner(ORIGIN, "ed25519", signer));
    await expect(notes.newest()).rejects.toThrow("gone");
    const note = await notes.newest();
    expect(await notes.newest()).toEqual(note);
    expect(asked).toBe(2);
  });
});
