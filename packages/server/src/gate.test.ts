import { expect, test } from "@jest/globals";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";

import { Gate } from "./gate.js";
import { DEFAULT_LIMITS } from "./limits.js";

/** A registration that a proxy, or who pretends to be one, sent on. */
function sentOn(): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.method = "POST";
  request.headers = { "x-forwarded-for": "192.0.2.1" };
  return request;
}

test("a proxy that is not known of is warned of once an hour, however many requests say so", () => {
  let clock = 5000;
  const told: string[] = [];
  const onNotice = (line: string): void => {
    told.push(line);
  };
  const gate = new Gate(DEFAULT_LIMITS, { onNotice, now: () => clock });
  const admit = (): void => {
    const request = sentOn();
    gate.admit(request, new ServerResponse(request));
  };
  // A stranger's, long before the operator puts a proxy there.
  admit();
  admit();
  expect(told).toEqual([expect.stringContaining("--proxies is 0")]);
  clock += 3_600_000 - 1;
  admit();
  expect(told).toHaveLength(1);
  clock += 1;
  admit();
  admit();
  expect(told).toHaveLength(2);
  expect(gate.unheeded).toBe(5);
});
