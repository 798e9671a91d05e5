import { describe, expect, test } from "@jest/globals";
import type { IncomingMessage } from "node:http";

import { clientName } from "./client.js";

function from(remoteAddress: string | undefined, forwarded?: string): IncomingMessage {
  const headers = forwarded === undefined ? {} : { "x-forwarded-for": forwarded };
  return { socket: { remoteAddress }, headers } as unknown as IncomingMessage;
}

describe("clientName", () => {
  test.each([
    ["IPv4", "192.0.2.7", "at 192.0.2.7"],
    ["IPv4 in IPv6", "::ffff:192.0.2.7", "at 192.0.2.7"],
    ["IPv6", "2001:db8:1:2:3:4:5:6", "at 2001:db8:1:2::/64"],
    ["another of the same /64", "2001:db8:1:2:ffff::1", "at 2001:db8:1:2::/64"],
    ["a short one", "2001:db8::1", "at 2001:db8:0:0::/64"],
    ["leading zeros", "2001:0DB8:0001::", "at 2001:db8:1:0::/64"],
    ["an embedded IPv4 address", "64:ff9b::192.0.2.7", "at 64:ff9b:0:0::/64"],
    ["a zone", "fe80::1%eth0", "at fe80:0:0:0::/64"],
    ["loopback", "::1", "at 0:0:0:0::/64"],
    ["a closed connection", undefined, "at "],
  ])("%s", (_name, address, name) => {
    expect(clientName(from(address), { proxies: 0 })).toBe(name);
  });

  test.each([
    ["no proxy: the header is anybody's", 0, "10.0.0.9, 198.51.100.1", "at 127.0.0.1"],
    ["one", 1, "198.51.100.1", "at 198.51.100.1"],
    [
      "one, and what the client made up before it",
      1,
      "203.0.113.9, 198.51.100.1",
      "at 198.51.100.1",
    ],
    ["two", 2, "198.51.100.1, 10.0.0.2", "at 198.51.100.1"],
    ["fewer hops than proxies", 3, "198.51.100.1", "at 127.0.0.1"],
    ["no address", 1, "somebody", "at 127.0.0.1"],
    ["no header", 1, undefined, "at 127.0.0.1"],
    ["IPv6 through a proxy", 1, "2001:db8::1", "at 2001:db8:0:0::/64"],
  ])("behind proxies: %s", (...[, proxies, forwarded, name]) => {
    expect(clientName(from("127.0.0.1", forwarded), { proxies })).toBe(name);
  });

  test("goes by the credential where one is shown, which no address can be", () => {
    const clientOf = (request: IncomingMessage): string | undefined =>
      request.socket.remoteAddress === "192.0.2.1" ? "192.0.2.2" : undefined;
    expect(clientName(from("192.0.2.1"), { proxies: 0, clientOf })).toBe("by 192.0.2.2");
    expect(clientName(from("192.0.2.2"), { proxies: 0, clientOf })).toBe("at 192.0.2.2");
  });
});
