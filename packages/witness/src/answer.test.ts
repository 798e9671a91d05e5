import { describe, expect, test } from "@jest/globals";
import { decodeCborMap } from "@tallystick/cose";

import { isFault, refusalAnswer } from "./answer.js";
import { WitnessError } from "./error.js";
import type { WitnessErrorCode } from "./error.js";

interface Wanted {
  readonly status: number;
  readonly isFault?: true;
  readonly isClosed?: true;
}

describe("refusalAnswer", () => {
  test.each<[WitnessErrorCode, Wanted]>([
    ["WITNESS_REQUEST_MALFORMED", { status: 400 }],
    ["WITNESS_ORIGIN_UNKNOWN", { status: 404 }],
    ["WITNESS_SIGNATURE_REFUSED", { status: 403 }],
    ["WITNESS_INCONSISTENT", { status: 422 }],
    ["WITNESS_CHECKPOINT_UNKNOWN", { status: 404 }],
    ["WITNESS_STATE_DAMAGED", { status: 500, isFault: true, isClosed: true }],
    ["WITNESS_STORE_FAILED", { status: 500, isFault: true, isClosed: true }],
    ["WITNESS_STORE_CONFLICT", { status: 503, isFault: true }],
    ["WITNESS_CLOCK_BACKWARD", { status: 503, isFault: true }],
    ["WITNESS_BUSY", { status: 503 }],
    ["WITNESS_BODY_TOO_LARGE", { status: 413 }],
    ["WITNESS_BODY_TIMEOUT", { status: 408 }],
    ["WITNESS_ROUTE_UNKNOWN", { status: 404 }],
    ["WITNESS_METHOD", { status: 405 }],
  ])("%s", (code, wanted) => {
    const error = new WitnessError(code, "the reason");
    const { status, headers, body } = refusalAnswer(error);
    expect(status).toBe(wanted.status);
    expect("retry-after" in headers).toBe(status === 503);
    const detail = decodeCborMap(body).get(-2);
    if (wanted.isClosed) expect(detail).not.toContain("the reason");
    else expect(detail).toBe("the reason");
    expect(isFault(error)).toBe(wanted.isFault === true);
  });

  test("a conflict is the size alone", () => {
    const error = new WitnessError("WITNESS_SIZE_CONFLICT", "the reason", { size: 0 });
    const { status, headers, body } = refusalAnswer(error);
    expect([status, headers["content-type"]]).toEqual([409, "text/x.tlog.size"]);
    expect(Buffer.from(body).toString()).toBe("0\n");
    expect(isFault(error)).toBe(false);
  });

  test("a defect tells nothing", () => {
    const error = new TypeError("secret");
    const { status, body } = refusalAnswer(error);
    expect(status).toBe(500);
    expect(Buffer.from(body).toString("latin1")).not.toContain("secret");
    expect(isFault(error)).toBe(true);
  });
});
