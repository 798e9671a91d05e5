import { describe, expect, test } from "@jest/globals";

import { Chance } from "./chance.js";
import { Disk, eventsOf } from "./disk.js";
import type { Event, Loss } from "./disk.js";
import { lossesOf } from "./loss.js";
import { parseTrace, pathsOf, stringsOf } from "./strace.js";

const FOLDER = "/s";
const LOG = "/s/log/1.log";

function hex(text: string): string {
  return Array.from(Buffer.from(text), (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join(
    "",
  );
}

function write(at: number, text: string): Event {
  return {
    kind: "write",
    path: LOG,
    at,
    bytes: new TextEncoder().encode(text),
  };
}

function contentOf(disk: Disk, loss: Loss, path = LOG): string | undefined {
  const bytes = disk.image(loss).get(path);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

function run(...events: readonly Event[]): Disk {
  const disk = new Disk(new Map());
  for (const event of events) disk.apply(event);
  return disk;
}

const KEPT: Loss = { names: "kept", data: (pending) => pending };
const DROPPED: Loss = { names: "kept", data: () => [] };
const LOST: Loss = { names: "lost", data: () => [] };

describe("the disk after a power cut", () => {
  const create: Event = { kind: "create", path: LOG, isTruncated: true };
  const sync: Event = { kind: "sync", path: LOG };

  test("keeps what was synced, whatever else it loses", () => {
    const disk = run(create, write(0, "ab"), sync, write(2, "cd"));
    expect(contentOf(disk, KEPT)).toBe("abcd");
    expect(contentOf(disk, DROPPED)).toBe("ab");
    expect(contentOf(disk, LOST)).toBe("ab");
  });

  test("may lose a file that no sync has followed", () => {
    expect(contentOf(run(create, write(0, "ab")), DROPPED)).toBe("");
    expect(contentOf(run(create, write(0, "ab")), LOST)).toBeUndefined();
  });

  test("makes names durable by the sync of any file, content by its own alone", () => {
    const other: Event = { kind: "create", path: "/s/x", isTruncated: true };
    const disk = run(create, write(0, "ab"), other, {
      kind: "sync",
      path: "/s/x",
    });
    expect(contentOf(disk, LOST)).toBe("");
  });

  test("may have a name replaced or not, and never half", () => {
    const disk = run(
      ...[create, write(0, "old"), sync],
      { kind: "create", path: "/s/tmp", isTruncated: true },
      {
        kind: "write",
        path: "/s/tmp",
        at: 0,
        bytes: new TextEncoder().encode("new"),
      },
      { kind: "sync", path: "/s/tmp" },
      { kind: "rename", from: "/s/tmp", to: LOG },
    );
    expect(contentOf(disk, DROPPED)).toBe("new");
    expect(contentOf(disk, LOST)).toBe("old");
  });

  test("gives a file two names, of which either may go", () => {
    const line = `7 link("${hex(LOG)}", "${hex("/s/kept")}") = 0`;
    const [link] = eventsOf(parseTrace(line), FOLDER);
    if (link === undefined) throw new Error("no event");
    const remove: Event = { kind: "remove", path: LOG };
    const disk = run(create, write(0, "ab"), sync, link, remove, { kind: "sync", path: "/s/kept" });
    expect(contentOf(disk, LOST, "/s/kept")).toBe("ab");
    expect(contentOf(disk, LOST)).toBeUndefined();
  });

  test("leaves a hole of zeros where a later write was kept and an earlier one was not", () => {
    const disk = run(create, write(0, "ab"), write(2, "cd"));
    const late: Loss = { names: "kept", data: (pending) => pending.slice(1) };
    expect(contentOf(disk, late)).toBe("\0\0cd");
  });

  test("tears a write at the sectors of the file", () => {
    const disk = run(create, write(0, "x".repeat(300)), sync, write(300, "y".repeat(1000)));
    const losses = lossesOf(new Chance(7, "torn")).filter(({ name }) =>
      name.startsWith("torn at 512"),
    );
    const seen = new Set<string>();
    for (let i = 0; i < 200; i++) {
      for (const loss of losses) seen.add(contentOf(disk, loss) ?? "");
    }
    // Three sectors are touched, each there or not.
    expect(seen.size).toBe(8);
    for (const text of seen)
      expect(text).toMatch(/^x{300}(?:y{212}|\0{212}|)(?:y{512}|\0{512}|)(?:y{276}|)$/);
  });

  test("cuts a file and truncates one that is made anew", () => {
    expect(
      contentOf(run(create, write(0, "abcd"), { kind: "cut", path: LOG, length: 2 }), KEPT),
    ).toBe("ab");
    expect(contentOf(run(create, write(0, "abcd"), sync, create), KEPT)).toBe("");
  });
});

describe("a trace", () => {
  const id = "ab".repeat(32);
  const location = `location: http://127.0.0.1/entries/${id}`;
  const trace = [
    `7 openat(AT_FDCWD<${hex("/tmp")}>, "${hex(LOG)}", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 20<${hex(LOG)}>`,
    `7 write(20<${hex(LOG)}>, "${hex("ab")}", 2 <unfinished ...>`,
    `8 fdatasync(21<${hex("/elsewhere")}>) = 0`,
    `7 <... write resumed>)              = 2`,
    `7 write(20<${hex(LOG)}>, "${hex("cd")}", 2) = 2`,
    `7 fdatasync(20<${hex(LOG)}>)           = -1 EIO (Input/output error) (INJECTED)`,
    `7 fdatasync(20<${hex(LOG)}>)           = 0`,
    `7 rename("${hex(LOG)}", "${hex("/s/log/2.log")}") = 0`,
    `9 writev(23<${hex("socket:[1]")}>, [{iov_base="${hex(`HTTP/1.1 201 Created\r\n${location}\r\n\r\n`)}", iov_len=9}], 1) = 150`,
    `9 +++ exited with 0 +++`,
  ].join("\n");

  test("is parsed into the calls that came to an end, in that order", () => {
    const calls = parseTrace(trace);
    expect(calls.map(({ name }) => name)).toEqual([
      ...["openat", "fdatasync", "write", "write", "fdatasync", "fdatasync", "rename", "writev"],
    ]);
    expect(calls.map(({ isInjected }) => isInjected).indexOf(true)).toBe(4);
    const [, , first] = calls;
    expect(first && pathsOf(first)).toEqual([LOG]);
    expect(first && stringsOf(first)).toEqual([new TextEncoder().encode("ab")]);
  });

  test("gives what happened to the files, and what was promised", () => {
    const events = eventsOf(parseTrace(trace), FOLDER);
    expect(events).toEqual([
      { kind: "create", path: LOG, isTruncated: true },
      write(0, "ab"),
      write(2, "cd"),
      { kind: "sync", path: LOG },
      { kind: "rename", from: LOG, to: "/s/log/2.log" },
      { kind: "acknowledge", entryId: id },
    ]);
  });

  test("with a call that is not modelled is refused", () => {
    const call = `7 pwritev(20<${hex(LOG)}>, [], 0, 0) = 1`;
    expect(() => eventsOf(parseTrace(call), FOLDER)).toThrow("not modelled");
  });
});
