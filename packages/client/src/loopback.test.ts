import { afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { RequestListener } from "node:http";

import { encodeCbor } from "@tallystick/cose";

import { LoopbackServer } from "./testing/loopback.js";
import { makeScene } from "./testing/scene.js";
import type { Scene } from "./testing/scene.js";
import { refusalOf } from "./testing/refusal.js";

let scene: Scene;

beforeAll(async () => {
  scene = await makeScene();
});

const loopback = new LoopbackServer();

afterEach(() => loopback.stop());

describe("over a real connection", () => {
  test("registers", async () => {
    const key = encodeCbor(scene.serviceKey.publicKey.toCoseKey());
    const bodies: Uint8Array[] = [];
    const client = await loopback.clientOf((request, response) => {
      request.on("data", (chunk: Uint8Array) => bodies.push(chunk));
      request.on("end", () => {
        const isPost = request.method === "POST";
        const type = isPost ? "application/cose" : "application/cbor";
        response.writeHead(isPost ? 201 : 200, { "content-type": type });
        response.end(isPost ? scene.receipt : key);
      });
    });
    const { entryId, inclusion } = await client.register(scene.statement);
    expect(entryId).toBe(scene.entryId);
    expect(inclusion.size).toBe(2);
    expect(Buffer.concat(bodies)).toEqual(Buffer.from(scene.statement));
  });

  test.each([
    ["that never begins", false],
    ["that never ends", true],
  ])("an answer %s is a timeout", async (_, isBegun) => {
    const listener: RequestListener = (_request, response) => {
      if (isBegun) response.writeHead(200, { "content-type": "application/cbor" }).write("x");
    };
    const client = await loopback.clientOf(listener, { timeoutMs: 100 });
    const error = await refusalOf(() => client.keys());
    expect(error.code).toBe("CLIENT_TIMEOUT");
    expect(error.message).toContain("within 100 ms");
  });

  test("an answer without end is cut off", async () => {
    let sent = 0;
    const client = await loopback.clientOf(
      (_request, response) => {
        const chunk = new Uint8Array(65_536);
        const pump = (): void => {
          sent += chunk.length;
          if (!response.destroyed) response.write(chunk, pump);
        };
        pump();
      },
      { maxResponseBytes: 1_000_000 },
    );
    const error = await refusalOf(() => client.keys());
    expect(error.code).toBe("CLIENT_PROTOCOL");
    expect(sent).toBeLessThan(50_000_000);
  });

  test("an answer that breaks off is no answer", async () => {
    const client = await loopback.clientOf((_request, response) => {
      response.writeHead(200, { "content-type": "application/cbor", "content-length": "100" });
      response.write("x", () => response.destroy());
    });
    expect((await refusalOf(() => client.keys())).code).toBe("CLIENT_UNREACHABLE");
  });

  test("a redirect is not followed", async () => {
    const paths: (string | undefined)[] = [];
    const client = await loopback.clientOf((request, response) => {
      paths.push(request.url);
      response.writeHead(307, { location: "/elsewhere" }).end();
    });
    expect((await refusalOf(() => client.keys())).code).toBe("CLIENT_PROTOCOL");
    expect(paths).toEqual(["/.well-known/scitt-keys"]);
  });

  test("no server is unreachable, and the reason is said", async () => {
    const client = await loopback.clientOf(() => undefined);
    await loopback.stop();
    const error = await refusalOf(() => client.version());
    expect(error.code).toBe("CLIENT_UNREACHABLE");
    expect(error.message).toContain("ECONNREFUSED");
  });
});
