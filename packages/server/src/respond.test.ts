import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createServer, get } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";

import { sendReply } from "./respond.js";

let server: Server;
let answer: RequestListener;

beforeEach(async () => {
  server = createServer((request, response) => {
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function url(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe("an answer in parts", () => {
  test("to a reader who takes nothing is given up, and what makes it is told", async () => {
    let made = 0;
    let tellEnd: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      tellEnd = resolve;
    });
    async function* endless(): AsyncGenerator<Uint8Array, void, undefined> {
      try {
        for (;;) {
          made++;
          yield await Promise.resolve(new Uint8Array(1_000_000));
        }
      } finally {
        tellEnd();
      }
    }
    const defects: unknown[] = [];
    answer = (_request, response) => {
      const onDefect = (error: unknown): void => void defects.push(error);
      const reply = { status: 200, headers: {}, body: endless() };
      sendReply(response, reply, { onDefect, stallMs: 50 });
    };
    // A reader who takes nothing does not learn that it was hung up on, either.
    const reader = get(url(), { agent: false }, (response) => response.pause());
    reader.on("error", () => undefined);
    await ended;
    // Nothing was made that would not go out; sockets hold some megabytes.
    expect(made).toBeLessThan(40);
    expect(defects).toEqual([]);
    reader.destroy();
  });

  test("to a reader who takes all is whole", async () => {
    async function* few(): AsyncGenerator<Uint8Array, void, undefined> {
      for (let i = 0; i < 5; i++) yield await Promise.resolve(Uint8Array.of(i));
    }
    answer = (_request, response) => {
      sendReply(response, { status: 200, headers: {}, body: few() }, { stallMs: 1000 });
    };
    const body = new Uint8Array(await (await fetch(url())).arrayBuffer());
    expect([...body]).toEqual([0, 1, 2, 3, 4]);
  });
});
