import { cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";

import { FAILPOINT } from "./failpoint.js";
import { Registrant } from "./testing/load.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;
let registrant: Registrant;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "made");
  registrant = await Registrant.admit(workspace, "made");
});

beforeEach(async () => {
  await rm(workspace.at("service"), { recursive: true, force: true });
  await cp(workspace.at("made"), workspace.at("service"), { recursive: true });
});

afterEach(() => {
  Reflect.deleteProperty(process.env, FAILPOINT);
});

afterAll(() => workspace.remove());

interface Health {
  readonly status: string;
  readonly code?: string;
  readonly reason?: string;
}

async function healthOf(url: string): Promise<readonly [number, Health]> {
  const response = await fetch(`${url}/health`);
  return [response.status, (await response.json()) as Health];
}

/** Registers some and stops, so that a copy of the log from before has lost something. */
async function growBy(count: number): Promise<void> {
  const server = await ServeProcess.start(workspace, "service");
  expect(await registrant.registerAll(server.url, "grown", count)).toBe(count);
  await server.stop();
}

describe("an anchor elsewhere", () => {
  test("is made with the service, named in its configuration, and used", async () => {
    await mkdir(workspace.at("disk"));
    const place = workspace.at("disk/anchor");
    const { stderr } = await workspace.must("init", "apart", "--anchor", "disk/anchor");
    expect(stderr).toContain(`  anchor        ${place} `);
    expect(await workspace.names("apart")).toEqual(["config.json", "keys", "log"]);
    expect(await workspace.json("apart/config.json")).toMatchObject({ anchor: place });
    expect(await workspace.modeOf("disk/anchor")).toBe("600");
    expect((await workspace.must("fsck", "apart")).stdout).toMatch(/^sound: 1 entries/);
    await rename(place, `${place}.away`);
    const { code, stdout } = await workspace.tally("fsck", "apart");
    expect([code, stdout]).toEqual([2, expect.stringMatching(/missing: anchor: /)]);
  });

  test("is not made over a file that is there", async () => {
    await workspace.write("precious", "not to be lost");
    const { code, stderr } = await workspace.tally("init", "over", "--anchor", "precious");
    expect([code, stderr]).toEqual([2, expect.stringContaining("precious exists")]);
    expect(Buffer.from(await workspace.read("precious")).toString()).toBe("not to be lost");
    expect(await workspace.names()).not.toContain("over");
  });

  test("is not left behind where no service comes to be", async () => {
    await workspace.write("file", "");
    const { code } = await workspace.tally("init", "file/service", "--anchor", "gone");
    expect(code).toBe(2);
    expect(await workspace.names()).not.toContain("gone");
  });

  test.each([5, ""])("that the configuration calls %p is no place", async (anchor) => {
    const config = { ...(await workspace.json("service/config.json")), anchor };
    await workspace.write("service/config.json", JSON.stringify(config));
    const { code, stderr } = await workspace.tally("fsck", "service");
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining("anchor in config.json is no path"),
    ]);
  });

  test("needs a name", async () => {
    expect((await workspace.tally("init", "nameless", "--anchor", "")).code).toBe(3);
  });
});

describe("a log put back to an older copy", () => {
  test("is served to be read, and says what is missing and what can be done", async () => {
    await cp(workspace.at("service/log"), workspace.at("older"), { recursive: true });
    await growBy(3);
    await rm(workspace.at("service/log"), { recursive: true });
    await rename(workspace.at("older"), workspace.at("service/log"));

    const fsck = await workspace.tally("fsck", "service");
    expect([fsck.code, fsck.stdout]).toEqual([2, expect.stringMatching(/^incomplete: 2 entries/)]);
    // Where synced writes were timed, it would say that they could not be: nothing is written beside such a log.
    await mkdir(workspace.at("service/log/.sync-probe"));
    const server = await ServeProcess.start(workspace, "service");
    await server.running.until("stderr", /LOG_BEHIND_ANCHOR: read-only, nothing is registered: .+/);
    const [status, health] = await healthOf(server.url);
    expect([status, health]).toEqual([
      503,
      expect.objectContaining({
        status: "read-only",
        size: 2,
        code: "LOG_BEHIND_ANCHOR",
        reason: expect.stringMatching(
          /3 entries are missing.*tally restore.*tally freeze/,
        ) as unknown,
      }),
    ]);
    expect(await registrant.register(server.url, "refused")).toBe(503);
    expect((await fetch(`${server.url}/policy`)).status).toBe(200);
    const { code, stderr } = await server.stop();
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("EISDIR")]);
    await rm(workspace.at("service/log/.sync-probe"), { recursive: true });
    const refused = await workspace.tally("recover", "service", "--rebuild-anchor");
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/are missing/)]);
  }, 60_000);
});

describe("a lost anchor", () => {
  test("keeps the log from being served until it is made again", async () => {
    await growBy(2);
    await rm(workspace.at("service/anchor"));
    const served = await workspace.tally("serve", "service", "--port", "0");
    const advice: unknown = expect.stringContaining("tally recover DIR --rebuild-anchor");
    expect([served.code, served.stderr]).toEqual([2, advice]);
    expect(await workspace.names("service")).not.toContain("anchor");

    const { stderr } = await workspace.must("recover", "service", "--rebuild-anchor");
    expect(stderr).toMatch(/^appended \d+ checkpoints to service\/anchor\n$/);
    expect((await workspace.must("fsck", "service")).stdout).toMatch(/^sound: 4 entries/);
    const again = await ServeProcess.start(workspace, "service");
    expect((await healthOf(again.url))[1]).toMatchObject({ status: "ok" });
    expect(await registrant.register(again.url, "taken")).toBe(201);
    await again.stop();
  }, 60_000);

  test("is not made again without the word for it", async () => {
    expect((await workspace.tally("recover", "service")).code).toBe(3);
  });

  test("that is damaged is refused, named as such by fsck, and set aside", async () => {
    const bytes = await readFile(workspace.at("service/anchor"));
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    await writeFile(workspace.at("service/anchor"), bytes);
    const { code, stderr } = await workspace.tally("serve", "service", "--port", "0");
    expect([code, stderr]).toEqual([2, expect.stringMatching(/anchor: .+--rebuild-anchor/)]);
    const fsck = await workspace.tally("fsck", "service");
    expect([fsck.code, fsck.stdout]).toEqual([
      1,
      expect.stringMatching(/^corrupt: 2 entries[^]+unreadable: anchor: anchor: no intact/),
    ]);
    const { stderr: told } = await workspace.must("recover", "service", "--rebuild-anchor");
    const [, aside = ""] = /^the damaged anchor is kept as (.+)$/m.exec(told) ?? [];
    expect(aside).toMatch(/anchor\.damaged-\d+$/);
    expect((await workspace.names("service")).join()).toMatch(/anchor\.damaged-\d+/);
    expect((await workspace.must("fsck", "service")).stdout).toMatch(/^sound: 2 entries/);
  });
});

describe("a failpoint", () => {
  test.each(["built", "signed", "committed", "anchored", "published"])(
    "%s kills the process, and the log opens as a writer again",
    async (step) => {
      process.env[FAILPOINT] = `${step}:2`;
      const server = await ServeProcess.start(workspace, "service");
      expect(await registrant.register(server.url, "first")).toBe(201);
      const cut = registrant.register(server.url, "second");
      await expect(cut).rejects.toThrow();
      await server.running.ended;
      expect(server.running.child.signalCode).toBe("SIGKILL");
      Reflect.deleteProperty(process.env, FAILPOINT);
      const again = await ServeProcess.start(workspace, "service");
      expect((await healthOf(again.url))[1]).toMatchObject({ status: "ok" });
      expect([200, 201]).toContain(await registrant.register(again.url, "second"));
      await again.stop();
      expect((await workspace.must("fsck", "service")).stdout).toMatch(/^sound: 4 entries/);
    },
    60_000,
  );

  test("that throws ends the server with 70", async () => {
    process.env[FAILPOINT] = "readBack:1:throw";
    const server = await ServeProcess.start(workspace, "service");
    expect(await registrant.register(server.url, "unknown").catch(() => 503)).toBe(503);
    const { code, stderr } = await server.running.ended;
    expect([code, stderr]).toEqual([70, expect.stringContaining("failpoint readBack:1:throw")]);
  });

  test("that throws where a start anchors what a crash left out ends it with 70 as well", async () => {
    process.env[FAILPOINT] = "readBack:1";
    const server = await ServeProcess.start(workspace, "service");
    await expect(registrant.register(server.url, "left out")).rejects.toThrow();
    await server.running.ended;
    process.env[FAILPOINT] = "anchored:1:throw";
    const { code, stderr } = await workspace.tally("serve", "service", "--port", "0");
    expect([code, stderr]).toEqual([
      70,
      expect.stringMatching(/must be opened again: .*failpoint anchored:1:throw/),
    ]);
    Reflect.deleteProperty(process.env, FAILPOINT);
    const again = await ServeProcess.start(workspace, "service");
    expect((await healthOf(again.url))[1]).toMatchObject({ status: "ok" });
    expect([200, 201]).toContain(await registrant.register(again.url, "left out"));
    await again.stop();
  }, 60_000);

  test.each(["nowhere:1", "built", "built:0", "built:1:exit", "built:1 "])(
    "%p is none",
    async (text) => {
      process.env[FAILPOINT] = text;
      const { code, stderr } = await workspace.tally("serve", "service", "--port", "0");
      expect([code, stderr]).toEqual([3, expect.stringContaining(FAILPOINT)]);
    },
  );
});

describe("a full disk", () => {
  test("is told with 507, and the server goes on", async () => {
    const server = await ServeProcess.start(workspace, "service", "--min-free-mib", "999999999");
    expect(await registrant.register(server.url, "no room")).toBe(507);
    expect((await healthOf(server.url))[0]).toBe(200);
    expect((await server.stop()).code).toBe(0);
  });

  test.each(["-1", "much", "1.5", "1e3"])("has no floor of %s", async (floor) => {
    const args = ["serve", "service", "--port", "0", `--min-free-mib=${floor}`];
    expect((await workspace.tally(...args)).code).toBe(3);
  });
});
