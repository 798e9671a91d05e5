import { expect } from "@jest/globals";
import { decodeCborMap } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";

import { PROBLEM_MEDIA_TYPE } from "../problem.js";

/** An answer, wholly read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Path of `Location`. */
  readonly path: string | undefined;
  readonly body: Uint8Array;
}

/** Reads a resource. */
export async function read(url: string): Promise<Answer> {
  try {
    return await answerOf(await fetch(url));
  } catch (error) {
    // RFC 9112 §9.3.1: a kept connection that the server ends just then says nothing about the request.
    if (!isEnded(error)) throw error;
    return answerOf(await fetch(url));
  }
}

// The errors of fetch are of another realm than a test is, so none of them is an instance of Error here.
function isEnded(error: unknown): boolean {
  const code = memberOf(memberOf(error, "cause"), "code");
  return code === "ECONNRESET" || code === "UND_ERR_SOCKET";
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** Posts a statement. */
export async function post(
  url: string,
  statement: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`${url}/entries`, {
    method: "POST",
    headers: { "content-type": "application/cose", ...headers },
    body: new Uint8Array(statement),
  });
  return answerOf(response);
}

/** Yields title and detail of an answer that has to be a problem. */
export function problemOf({ headers, body }: Answer): readonly [CborValue, CborValue] {
  expect(headers.get("content-type")).toBe(PROBLEM_MEDIA_TYPE);
  const problem = decodeCborMap(body);
  return [problem.get(-1), problem.get(-2)];
}

/** Yields the value of a metric. */
export async function metric(url: string, name: string): Promise<number> {
  const text = new TextDecoder().decode((await read(`${url}/metrics`)).body);
  const [, value] = new RegExp(`^${name} (\\S+)$`, "m").exec(text) ?? [];
  return Number(value);
}

/** Looks again and again until it is so; the test's own time limit ends a wait for what never comes. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}

async function answerOf(response: Response): Promise<Answer> {
  const location = response.headers.get("location");
  return {
    status: response.status,
    headers: response.headers,
    path: location === null ? undefined : new URL(location).pathname,
    body: new Uint8Array(await response.arrayBuffer()),
  };
}
