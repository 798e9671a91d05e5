import { describe, expect, test } from "@jest/globals";

import { readBody } from "./body.js";
import { refusalOf } from "./testing/refusal.js";

function streamOf(chunks: readonly number[], onCancel: () => void = () => undefined): Response {
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const size = chunks[at++];
      if (size === undefined) controller.close();
      else controller.enqueue(new Uint8Array(size).fill(at));
    },
    cancel: onCancel,
  });
  return new Response(stream);
}

describe("readBody", () => {
  test("joins the chunks", async () => {
    const body = await readBody(streamOf([2, 0, 3]), 5);
    expect([...body]).toEqual([1, 1, 3, 3, 3]);
  });

  test("yields nothing where there is no body", async () => {
    expect(await readBody(new Response(null, { status: 204 }), 5)).toHaveLength(0);
  });

  test("stops reading what is too long", async () => {
    let isCancelled = false;
    const endless = streamOf(new Array<number>(1_000_000).fill(1000), () => {
      isCancelled = true;
    });
    const error = await refusalOf(() => readBody(endless, 9999));
    expect(error.code).toBe("CLIENT_PROTOCOL");
    expect(error.message).toBe("answer is longer than 9999 bytes");
    expect(isCancelled).toBe(true);
  });

  test("believes a Content-Length that is too long", async () => {
    const response = new Response("short", { headers: { "content-length": "10001" } });
    expect((await refusalOf(() => readBody(response, 10_000))).code).toBe("CLIENT_PROTOCOL");
  });

  test("passes on what breaks the stream", async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull() {
        throw new Error("reset");
      },
    });
    await expect(readBody(new Response(broken), 5)).rejects.toThrow("reset");
  });
});
