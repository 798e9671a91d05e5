import { expect } from "@jest/globals";
import { decodeCborMap } from "@tallystick/cose";
import type request from "supertest";

import { PROBLEM_MEDIA_TYPE } from "../problem.js";

/** Collects a body as bytes, whatever its type. */
export function bytes(test: request.Test): request.Test {
  return test.buffer(true).parse((response, done) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => {
      done(null, Buffer.concat(chunks));
    });
  });
}

/** Yields a collected body. */
export function bodyOf(response: request.Response): Uint8Array {
  const body: unknown = response.body;
  if (!(body instanceof Uint8Array)) throw new Error(`body is ${typeof body}`);
  return new Uint8Array(body);
}

/** Yields title and detail of an answer that has to be a problem. */
export function problemIn(response: request.Response): { title: unknown; detail: unknown } {
  expect(response.headers["content-type"]).toBe(PROBLEM_MEDIA_TYPE);
  const problem = decodeCborMap(bodyOf(response));
  return { title: problem.get(-1), detail: problem.get(-2) };
}
