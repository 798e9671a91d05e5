import { describe, expect, test } from "@jest/globals";

import { LogError, toLogError } from "./error.js";

describe("LogError", () => {
  test("carries code, message, name and cause", () => {
    const cause = new Error("disk");
    const error = new LogError("LOG_UNAVAILABLE", "the store failed", { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ code: "LOG_UNAVAILABLE", name: "LogError", cause });
    expect(error.message).toBe("the store failed");
  });
});

describe("toLogError", () => {
  test("passes its own kind unchanged", () => {
    const error = new LogError("LOG_CORRUPT", "tile 0/1");
    expect(toLogError(error, "LOG_UNAVAILABLE", "read failed")).toBe(error);
  });

  test.each([
    ["an error", new Error("EIO"), "read failed: EIO"],
    ["a thrown text", "EIO", "read failed: EIO"],
    ["nothing at all", undefined, "read failed: undefined"],
  ])("restates %s and keeps it as the cause", (_name, thrown, message) => {
    const error = toLogError(thrown, "LOG_UNAVAILABLE", "read failed");
    expect(error).toMatchObject({ code: "LOG_UNAVAILABLE", message });
    expect(error.cause).toBe(thrown);
  });
});
