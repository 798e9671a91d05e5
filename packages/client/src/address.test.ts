import { describe, expect, test } from "@jest/globals";

import { ServiceAddress } from "./address.js";
import { refusalOf } from "./testing/refusal.js";

describe("ServiceAddress", () => {
  test.each([
    ["an origin", "https://ts.example", "https://ts.example/entries"],
    ["an origin with a slash", "http://127.0.0.1:8000/", "http://127.0.0.1:8000/entries"],
    ["a path", "https://example.org/scitt", "https://example.org/scitt/entries"],
    ["a path with a slash", "https://example.org/scitt/", "https://example.org/scitt/entries"],
  ])("hangs resources below %s", (_, url, want) => {
    expect(new ServiceAddress(url).resource("entries")).toBe(want);
  });

  test.each([
    ["no URL", "ts.example"],
    ["nothing", ""],
    ["another scheme", "ftp://ts.example"],
    ["a file", "file:///etc/passwd"],
    ["credentials", "https://user:secret@ts.example"],
    ["a query", "https://ts.example/?a=b"],
    ["a fragment", "https://ts.example/#a"],
  ])("refuses %s", async (_, url) => {
    const error = await refusalOf(() => new ServiceAddress(url));
    expect(error.code).toBe("CLIENT_URL_INVALID");
    expect(error.message).not.toContain("secret");
  });

  const address = new ServiceAddress("https://ts.example/scitt");
  const from = address.resource("entries");

  test.each([
    ["absolute", "https://ts.example/entries/ab", "https://ts.example/entries/ab"],
    ["absolute path", "/entries/ab", "https://ts.example/entries/ab"],
    ["relative", "entries/ab", "https://ts.example/scitt/entries/ab"],
    ["with a fragment", "/entries/ab#x", "https://ts.example/entries/ab"],
  ])("follows a Location: %s", (_, location, want) => {
    expect(address.follow(location, from)).toBe(want);
  });

  test.each([
    ["none", null],
    ["another host", "https://evil.example/entries/ab"],
    ["another host without a scheme", "//evil.example/entries/ab"],
    ["another port", "https://ts.example:444/entries/ab"],
    ["another scheme", "http://ts.example/entries/ab"],
    ["credentials", "https://user@ts.example/entries/ab"],
    ["a file", "file:///etc/passwd"],
    ["nonsense", "https://["],
  ])("does not follow a Location: %s", (_, location) => {
    expect(address.follow(location, from)).toBeUndefined();
  });
});
