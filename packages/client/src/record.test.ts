import { describe, expect, test } from "@jest/globals";

import { parsePolicyInForce, parseSearchPage, parseServiceVersion } from "./record.js";
import { refusalOf } from "./testing/refusal.js";

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
}

const entryId = "0".repeat(64);
const version = { name: "tallystick", version: "1", api: "draft", issuer: "i", origin: "o" };

describe("parsePolicyInForce", () => {
  const policy = { format: "anything" };
  const named = { entryId, index: 3, policy };

  test("reads the members and leaves the documents alone", () => {
    const proposal = { ...named, index: 5, approvers: ["https://log.example"] };
    const body = bytesOf({ ...named, proposals: [{ ...proposal, later: 1 }], later: true });
    expect(parsePolicyInForce(body)).toEqual({ ...named, proposals: [proposal] });
    expect(parsePolicyInForce(bytesOf(named))).toEqual({ ...named, proposals: [] });
  });

  test.each([
    ["that are no list", {}, "no list of proposals"],
    ["of text", ["a"], "not an object"],
    ["without an entryId", [{ ...named, entryId: 1, approvers: [] }], "no entryId"],
    ["without approvers", [named], "no approvers"],
    ["with an approver that is no text", [{ ...named, approvers: ["a", 1] }], "no approvers"],
    ["without a document", [{ entryId, index: 1, approvers: [] }], "no document"],
  ])("refuses proposals %s", async (_, proposals, want) => {
    const error = await refusalOf(() => parsePolicyInForce(bytesOf({ ...named, proposals })));
    expect(error.code).toBe("CLIENT_PROTOCOL");
    expect(error.message).toContain(want);
  });

  test.each([
    ["HTML", "<html>", "not JSON"],
    ["a list", "[]", "no entryId"],
    ["null", "null", "not an object"],
    ["no entryId", { index: 0, policy: {} }, "no entryId"],
    ["a short entryId", { entryId: "00", index: 0, policy: {} }, "no entryId"],
    ["a negative index", { entryId, index: -1, policy: {} }, "no index"],
    ["an index as text", { entryId, index: "1", policy: {} }, "no index"],
    ["no document", { entryId, index: 1, policy: null }, "no document"],
  ])("refuses %s", async (_, value, want) => {
    const error = await refusalOf(() => parsePolicyInForce(bytesOf(value)));
    expect(error.code).toBe("CLIENT_PROTOCOL");
    expect(error.message).toContain(want);
  });

  test("refuses bytes that are not UTF-8", async () => {
    const error = await refusalOf(() => parsePolicyInForce(Uint8Array.of(0x22, 0xff, 0x22)));
    expect(error.message).toContain("not JSON in UTF-8");
  });
});

describe("parseSearchPage", () => {
  const hit = { index: 3, entryId, time: 1, issuer: "i", payload: "p", subject: null };
  const typed = { ...hit, contentType: "text/plain" };
  const page = { size: 4, hits: [typed], next: null };
  const mention = { kind: "digest", value: "sha-256:00", as: ["file", "later"] };
  const found = { ...typed, mentions: [mention] };
  const told = { ...page, partial: [], nextPartial: null };

  test("reads what was found, and leaves out what it does not know", () => {
    expect(parseSearchPage(bytesOf({ ...page, later: 1 }))).toEqual(page);
    const partial = [{ index: 2, entryId, later: 1 }];
    const hits = [{ ...found, mentions: [{ ...mention, later: 1 }] }];
    const answer = { ...page, hits, partial, nextPartial: 3 };
    expect(parseSearchPage(bytesOf(answer))).toEqual({
      ...{ ...page, hits: [found] },
      ...{ partial: [{ index: 2, entryId }], nextPartial: 3 },
    });
  });

  test.each([
    ["no size", { ...page, size: -1 }, "no size"],
    ["hits that are no list", { ...page, hits: {} }, "no hits"],
    ["a next page that is none", { ...page, next: "4" }, "no next"],
    ["a hit that is no object", { ...page, hits: [1] }, "a hit is not an object"],
    ["a hit without a place", { ...page, hits: [{ ...typed, entryId: "00" }] }, "no place"],
    ["mentions that are no list", { ...page, hits: [{ ...found, mentions: {} }] }, "no list"],
    ["a mention of nothing", { ...page, hits: [{ ...found, mentions: [{}] }] }, "a mention"],
    [
      "a mention in a role that is no text",
      { ...page, hits: [{ ...found, mentions: [{ ...mention, as: [1] }] }] },
      "a mention does not say",
    ],
    ["what is partial as no list", { ...page, partial: 1 }, "no list of what is partial"],
    ["no word of more that is partial", { ...page, partial: [] }, "whether more is partial"],
    ["a partial entry without a place", { ...told, partial: [{ index: 1 }] }, "no place"],
    ["a partial entry that is none", { ...told, partial: [null] }, "not an object"],
  ])("refuses %s", async (_, value, want) => {
    const error = await refusalOf(() => parseSearchPage(bytesOf(value)));
    expect(error.code).toBe("CLIENT_PROTOCOL");
    expect(error.message).toContain(want);
  });
});

describe("parseServiceVersion", () => {
  test("reads the five members", () => {
    expect(parseServiceVersion(bytesOf({ ...version, more: 1 }))).toEqual(version);
  });

  test.each(Object.keys(version))("refuses a version without %s", async (member) => {
    for (const value of [undefined, "", 5]) {
      const body = bytesOf({ ...version, [member]: value });
      const error = await refusalOf(() => parseServiceVersion(body));
      expect(error.code).toBe("CLIENT_PROTOCOL");
      expect(error.message).toBe(`version has no ${member}`);
    }
  });
});
