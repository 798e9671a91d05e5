import { describe, expect, test } from "@jest/globals";
import { decodeCborMap, encodeHex } from "@tallystick/cose";
import { LogError } from "@tallystick/log";
import type { LogErrorCode } from "@tallystick/log";
import { PolicyError } from "@tallystick/policy";
import { StatementError } from "@tallystick/statement";

import { ServerError } from "./error.js";
import type { ServerErrorCode } from "./error.js";
import { encodeProblem, problemOf } from "./problem.js";

const SERVER: Readonly<Record<ServerErrorCode, readonly [number, string]>> = {
  SERVER_BODY_TOO_LARGE: [413, "Content Too Large"],
  SERVER_BOOTING: [503, "Starting"],
  SERVER_BUSY: [503, "Service Unavailable"],
  SERVER_ENTRY_UNKNOWN: [404, "Not Found"],
  SERVER_EXPECTATION: [417, "Expectation Failed"],
  SERVER_FORBIDDEN: [403, "Forbidden"],
  SERVER_HEAD_MISSING: [404, "Not Found"],
  SERVER_HEAD_RESERVED: [403, "Forbidden"],
  SERVER_KEY_UNKNOWN: [404, "No such key"],
  SERVER_LIST_TOO_LONG: [400, "List Too Long"],
  SERVER_LOCATOR_INVALID: [400, "Invalid locator"],
  SERVER_MEDIA_TYPE: [415, "Unsupported Media Type"],
  SERVER_METHOD: [405, "Method Not Allowed"],
  SERVER_NOT_ACCEPTABLE: [406, "Not Acceptable"],
  SERVER_NOT_READY: [503, "Not Ready"],
  SERVER_HELD: [503, "Held"],
  SERVER_NOT_WITNESSED: [503, "Not Witnessed"],
  SERVER_QUERY_INVALID: [400, "Bad Request"],
  SERVER_RATE_LIMITED: [429, "Too Many Requests"],
  SERVER_REGISTRATION_FAILED: [404, "Registration Failed"],
  SERVER_REQUEST_MALFORMED: [400, "Malformed request"],
  SERVER_REQUEST_TIMEOUT: [408, "Request Timeout"],
  SERVER_ROUTE_UNKNOWN: [404, "Not Found"],
  SERVER_SEARCH_OFF: [404, "Not Found"],
  SERVER_SEARCH_UNAVAILABLE: [503, "Service Unavailable"],
  SERVER_UNAUTHENTICATED: [401, "Unauthorized"],
};

// The status that each failure of the log is told with; 5xx tell no cause, but for that of a freeze.
const LOG: Readonly<Record<LogErrorCode, number>> = {
  LOG_ENTRY_NOT_FOUND: 404,
  LOG_SIZE_UNKNOWN: 404,
  LOG_RECEIPT_UNAVAILABLE: 404,
  LOG_RANGE_INVALID: 404,
  LOG_FULL: 503,
  LOG_CLOSING: 503,
  LOG_UNAVAILABLE: 503,
  LOG_PRECONDITION_FAILED: 503,
  LOG_LOCKED: 500,
  LOG_EXISTS: 500,
  LOG_NOT_FOUND: 500,
  LOG_SCHEMA_UNSUPPORTED: 500,
  LOG_KEY_MISMATCH: 500,
  LOG_KEY_IN_USE: 400,
  LOG_CORRUPT: 500,
  LOG_CLOCK_BACKWARD: 503,
  LOG_BEHIND_ANCHOR: 503,
  LOG_FORKED: 500,
  LOG_ANCHOR_BEHIND: 500,
  LOG_ANCHOR_MISSING: 500,
  LOG_FROZEN: 503,
  LOG_SPACE_LOW: 507,
};

// Where the same request may do better soon: not while the log can only be read.
const RETRIED = new Set([
  "LOG_FULL",
  "LOG_CLOSING",
  "LOG_UNAVAILABLE",
  "LOG_PRECONDITION_FAILED",
  "LOG_SPACE_LOW",
]);

describe("problemOf", () => {
  test.each(Object.entries(SERVER))("%s is told as %p", (code, [status, title]) => {
    const problem = problemOf(new ServerError(code as ServerErrorCode, "the cause"));
    expect([problem.status, problem.title]).toEqual([status, title]);
    const isTold = status < 500 || code.startsWith("SERVER_NOT_") || code === "SERVER_HELD";
    expect(problem.detail.includes("the cause")).toBe(isTold);
  });

  test.each(Object.entries(LOG))("%s is told as %d", (code, status) => {
    const problem = problemOf(new LogError(code as LogErrorCode, "secret path"));
    expect(problem.status).toBe(status);
    expect(problem.detail.includes("secret path")).toBe(status < 500 || code === "LOG_FROZEN");
    expect(problem.retryAfter !== undefined).toBe(RETRIED.has(code));
  });

  test("every reason of a policy is told", () => {
    const error = new PolicyError("POLICY_REJECTED", [
      "size: too large",
      "algorithm: not accepted",
    ]);
    expect(problemOf(error).detail).toBe(
      "Signed Statement not accepted by the current Registration Policy: size: too large; algorithm: not accepted",
    );
  });

  test("the reason of a freeze is told, on one line that UTF-8 can carry and that has an end", () => {
    const why = "moved to\r\nhttps://ts2.example\u202e\ud800";
    const { detail } = problemOf(new LogError("LOG_FROZEN", why));
    expect(detail).toBe(
      "The log takes no entries; what is logged can be read: moved to https://ts2.example ",
    );
    const long = problemOf(new LogError("LOG_FROZEN", "x".repeat(100_000)));
    expect(long.detail.length).toBeLessThan(4100);
    expect(decodeCborMap(encodeProblem(long)).get(-2)).toBe(long.detail);
  });

  test("the sentence of SCRAPI comes first, then the cause, then what mends it", () => {
    const error = new StatementError("STATEMENT_PAYLOAD_MISSING", "payload is detached");
    expect(problemOf(error).detail).toBe(
      "Signed Statement payload must be present: payload is detached. Attach the payload, or register a hash envelope (RFC 9995).",
    );
  });

  test.each([
    [
      new ServerError("SERVER_RATE_LIMITED", "9 requests per second", { retryAfter: 7 }),
      ["Only 9 requests per second are allowed.", 7],
    ],
    [
      new ServerError("SERVER_REGISTRATION_FAILED", "ab: Rejected: key: revoked"),
      [
        "Signed Statement with entry ID ab could not be persisted to the log: Rejected: key: revoked",
        undefined,
      ],
    ],
  ])("the listed sentence is filled in: %p", (error, [detail, retryAfter]) => {
    expect(problemOf(error)).toMatchObject({ detail });
    expect(problemOf(error).retryAfter).toBe(retryAfter);
  });

  test.each([new Error("secret"), "secret", undefined])("a defect is a bare 500: %p", (defect) => {
    const problem = problemOf(defect);
    expect(problem.status).toBe(500);
    expect(problem.detail).not.toContain("secret");
  });
});

describe("encodeProblem", () => {
  test("the request's id makes the instance, a reference into the answer's own URI", () => {
    const bytes = encodeProblem({ status: 404, title: "t", detail: "d" }, "a-b_1.2");
    expect([...decodeCborMap(bytes)]).toEqual([
      [-1, "t"],
      [-2, "d"],
      [-3, "#a-b_1.2"],
    ]);
  });

  test("S2: title and detail in deterministic CBOR, as the listed texts encode", () => {
    const bytes = encodeProblem({
      status: 404,
      title: "No such key",
      detail: "No key could be found for this kid value",
    });
    expect(encodeHex(bytes)).toBe(
      "a2206b4e6f2073756368206b65792178284e6f206b657920636f756c6420626520666f756e6420666f722074686973206b69642076616c7565",
    );
    expect([...decodeCborMap(bytes).keys()]).toEqual([-1, -2]);
  });
});
