import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { encodeBase64url, PublicKey } from "@tallystick/cose";
import { LevelStore } from "@tallystick/log";

import { ISSUER, Registrant } from "./testing/load.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;
let registrant: Registrant;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "service");
  registrant = await Registrant.admit(workspace, "service");
});

afterAll(() => workspace.remove());

interface Health {
  readonly status: string;
  readonly size: number;
  readonly code?: string;
  readonly scrub?: Readonly<
    Record<"tree" | "bodies", { ageSeconds: number | null; verified: number }>
  >;
}

async function healthOf(url: string): Promise<Health> {
  return (await (await fetch(`${url}/health`)).json()) as Health;
}

/** Asks until the answer is as wanted; the suite's own time limit ends it otherwise. */
async function untilHealth(url: string, isMet: (health: Health) => boolean): Promise<Health> {
  for (;;) {
    const health = await healthOf(url);
    if (isMet(health)) return health;
    await new Promise((settle) => setImmediate(settle));
  }
}

describe("backup", () => {
  test("of a served log is one state of it, restores, and is in no one's way", async () => {
    const server = await ServeProcess.start(workspace, "service");
    expect(await registrant.registerAll(server.url, "before", 300)).toBe(300);
    const loading = registrant.registerAll(server.url, "meanwhile", 300);
    const { stdout, stderr } = await workspace.must("backup", "service", "live.backup");
    expect(await loading).toBe(300);
    const [, size = ""] = /^size: (\d+)$/m.exec(stdout) ?? [];
    expect(Number(size)).toBeGreaterThanOrEqual(302);
    expect(stdout).toMatch(/^root: [0-9a-f]{64}\nrows: \d+\nbytes: \d+\ndigest: [0-9a-f]{64}\n/m);
    expect(stderr).toMatch(/^keep .+anchor and the private keys elsewhere: they are not in it\n$/);
    expect(await workspace.modeOf("live.backup")).toBe("600");
    expect(await workspace.names()).not.toContain("live.backup.part");
    await server.running.until("stderr", /^backed up \d+ entries to .+live\.backup$/m);
    expect((await server.stop()).code).toBe(0);
    expect((await workspace.must("fsck", "service")).stdout).toMatch(/^sound: 602 entries/);

    const restored = await workspace.must("restore", "live.backup", "copy");
    expect(restored.stdout).toMatch(
      new RegExp(`^restored: ${size} entries of tallystick\\.local/log-[0-9a-f]{8}, root `, "m"),
    );
    const kid = PublicKey.fromJwk(
      await workspace.json("service/keys/receipt.pub.jwk"),
    ).thumbprint();
    expect(restored.stdout).toContain(`\nreceipt key: ${encodeBase64url(kid)}\n`);
    // What is older than the anchor is a rollback, and is served to be read only.
    await writeFile(workspace.at("copy/anchor"), await workspace.read("service/anchor"));
    await writeFile(
      workspace.at("copy/keys/receipt.jwk"),
      await workspace.read("service/keys/receipt.jwk"),
      { mode: 0o600 },
    );
    const old = await ServeProcess.start(workspace, "copy");
    expect(await healthOf(old.url)).toMatchObject({
      status: "read-only",
      code: "LOG_BEHIND_ANCHOR",
    });
    expect(await registrant.register(old.url, "too late")).toBe(503);
    expect((await old.stop()).stderr).toContain("LOG_BEHIND_ANCHOR");
  });

  test("of a stopped service is complete: with key and anchor it goes on", async () => {
    await workspace.must("backup", "service", "full.backup");
    await workspace.must("restore", "full.backup", "moved");
    for (const name of ["anchor", "keys/receipt.jwk"]) {
      await writeFile(workspace.at(`moved/${name}`), await workspace.read(`service/${name}`), {
        mode: 0o600,
      });
    }
    expect((await workspace.must("fsck", "moved")).stdout).toMatch(/^sound: 602 entries/);
    const server = await ServeProcess.start(workspace, "moved");
    expect(await registrant.register(server.url, "moved")).toBe(201);
    expect((await healthOf(server.url)).size).toBe(603);
    await server.stop();
  });

  test("is not written over a file, by a running server or none", async () => {
    await workspace.write("mine", "mine");
    const stopped = await workspace.tally("backup", "service", "mine");
    expect(stopped.code).toBe(2);
    expect(stopped.stderr).toMatch(
      /^tally: CLI_FILE_EXISTS: .+mine exists and is not overwritten\n$/,
    );
    const server = await ServeProcess.start(workspace, "service");
    const { code, stderr } = await workspace.tally("backup", "service", "mine");
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^tally: CLI_CONTROL_FAILED: the running server says: CLI_FILE_EXISTS: .+mine exists and is not overwritten\n$/,
    );
    await server.stop();
    expect(await readFile(workspace.at("mine"), "utf8")).toBe("mine");
  });

  test("of a damaged log is not made", async () => {
    await workspace.must("restore", "full.backup", "damaged");
    const log = workspace.at("damaged/log");
    const files = (await readdir(log)).filter((name) => /\.(ldb|log)$/.test(name));
    for (const name of files) {
      const bytes = await readFile(join(log, name));
      if (bytes.length < 10_000) continue;
      const at = Math.floor(bytes.length / 2);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await writeFile(join(log, name), bytes);
    }
    const { code } = await workspace.tally("backup", "damaged", "damaged.backup");
    expect(code).toBe(2);
    expect(await workspace.names()).not.toContain("damaged.backup");
  });
});

describe("restore", () => {
  test("refuses a damaged backup and leaves nothing", async () => {
    const bytes = await workspace.read("full.backup");
    for (const at of [0, 5, 100, Math.floor(bytes.length / 2), bytes.length - 1]) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      await workspace.write("damaged.backup", damaged);
      const { code, stderr } = await workspace.tally("restore", "damaged.backup", "never");
      expect(code).toBe(2);
      expect(stderr).toMatch(/^tally: [A-Z_]+: (the )?backup /);
    }
    expect((await workspace.names()).filter((name) => name.startsWith("never"))).toEqual([]);
  });

  test("refuses a directory with something in it", async () => {
    const { code, stderr } = await workspace.tally("restore", "full.backup", "service");
    expect(code).toBe(2);
    expect(stderr).toBe(
      "tally: CLI_DIRECTORY_INVALID: service is not empty, nothing was changed\n",
    );
  });

  test("holds no private key and no anchor, and says what to do about it", async () => {
    const { stderr } = await workspace.must("restore", "full.backup", "bare");
    expect(await workspace.names("bare")).toEqual(["config.json", "keys", "log"]);
    expect(await workspace.names("bare/keys")).toEqual([
      "note.pub.jwk",
      "operator.pub.jwk",
      "receipt.pub.jwk",
    ]);
    expect(stderr).toContain("put the receipt key back at bare/keys/receipt.jwk, mode 0600");
    expect(stderr).toContain("bare/anchor, as it was last");
    expect(stderr).toContain("is a rollback");
    const text = Buffer.from(await workspace.read("full.backup")).toString("latin1");
    expect(text).not.toContain('"d":');
    expect(await workspace.modeOf("bare")).toBe("700");
  });
});

describe("freeze", () => {
  test("closes a stopped log for good", async () => {
    await workspace.must("restore", "full.backup", "cold");
    for (const name of ["anchor", "keys/receipt.jwk"]) {
      await writeFile(workspace.at(`cold/${name}`), await workspace.read(`service/${name}`), {
        mode: 0o600,
      });
    }
    const { stdout } = await workspace.must("freeze", "cold", "--why", "moved elsewhere");
    expect(stdout).toMatch(
      /^frozen: 602 entries, root [0-9a-f]{64}\nreason: .+: moved elsewhere\n$/,
    );
    const again = await workspace.must("freeze", "cold", "--why", "another");
    expect(again.stdout).toContain(": moved elsewhere\n");
    const server = await ServeProcess.start(workspace, "cold");
    expect(await healthOf(server.url)).toMatchObject({ status: "read-only", code: "LOG_FROZEN" });
    await server.stop();
    // It goes with the backup.
    await workspace.must("backup", "cold", "cold.backup");
    await workspace.must("restore", "cold.backup", "colder");
    const { stdout: found } = await workspace.tally("doctor", "colder", "--writes", "1");
    expect(found).toMatch(/^bad: standing: would not start: LOG_ANCHOR_MISSING: /m);
    await writeFile(workspace.at("colder/anchor"), await workspace.read("cold/anchor"));
    const { stdout: anchored } = await workspace.tally("doctor", "colder", "--writes", "1");
    expect(anchored).toMatch(/^bad: standing: read-only: LOG_FROZEN: .+: moved elsewhere$/m);
  });

  test("closes a served log under load, and nothing acknowledged is lost", async () => {
    const server = await ServeProcess.start(workspace, "moved");
    const before = (await healthOf(server.url)).size;
    const loading = registrant.registerAll(server.url, "last", 400);
    await untilHealth(server.url, ({ size }) => size > before);
    await workspace.must("freeze", "moved", "--why", "key\nlost");
    const taken = await loading;
    const after = await healthOf(server.url);
    expect(after).toMatchObject({ status: "read-only", code: "LOG_FROZEN", size: before + taken });
    expect(taken).toBeLessThan(400);
    expect(await registrant.register(server.url, "after")).toBe(503);
    await requireTold(server.url);
    const { stderr } = await server.stop();
    expect(stderr).toMatch(/^tally: read-only from here on: closed .+: key\\nlost$/m);
    const { stdout } = await workspace.must("fsck", "moved");
    expect(stdout).toMatch(new RegExp(`^sound: ${before + taken} entries`));
  });
});

/** Whoever registers one statement, or a folder of them, is told why the log is closed. */
async function requireTold(service: string): Promise<void> {
  await mkdir(workspace.at("late"));
  await workspace.write("late/late.txt", "late");
  const about = ["--iss", ISSUER, "--sub", "late", "--type", "text/plain"];
  const out = ["--key", "issuer.jwk", ...about, "--out", "late/late.scitt"];
  await workspace.must("sign", "late/late.txt", ...out);
  for (const file of ["late/late.scitt", "late"]) {
    const { code, stderr } = await workspace.tally(
      ...["register", file, "--service", service, "--out", "told"],
    );
    expect(code).toBe(2);
    expect(stderr).toMatch(/the log takes no entries \(Read Only: .+ for good at \S+: key lost\)/);
  }
}

describe("a server that was killed", () => {
  test("leaves a socket behind that stops nobody", async () => {
    const server = await ServeProcess.start(workspace, "service");
    server.running.child.kill("SIGKILL");
    await server.running.ended;
    expect((await stat(workspace.at("service/control.sock"))).isSocket()).toBe(true);
    await workspace.must("backup", "service", "after-kill.backup");
    const again = await ServeProcess.start(workspace, "service");
    await workspace.must("backup", "service", "again.backup");
    await again.stop();
    expect(await workspace.names("service")).not.toContain("control.sock");
    expect(await workspace.read("after-kill.backup")).toEqual(await workspace.read("again.backup"));
  });
});

describe("scrub", () => {
  test("verifies the log while it is served, and its age is told", async () => {
    const server = await ServeProcess.start(workspace, "service");
    // Before the first cycle it tells of those of the processes before.
    const { scrub } = await untilHealth(server.url, (health) => {
      return health.scrub?.bodies.verified === 602;
    });
    expect(scrub).toMatchObject({ tree: { verified: 602 }, bodies: { verified: 602 }, errors: 0 });
    await server.stop();
  });

  test("can be left out", async () => {
    const server = await ServeProcess.start(workspace, "service", "--scrub-rate", "0");
    expect(await healthOf(server.url)).not.toHaveProperty("scrub");
    await server.stop();
  });

  test("finds damage beyond the checks at boot within a cycle, and freezes the log", async () => {
    await workspace.must("restore", "full.backup", "rotten");
    for (const name of ["anchor", "keys/receipt.jwk"]) {
      await writeFile(workspace.at(`rotten/${name}`), await workspace.read(`service/${name}`), {
        mode: 0o600,
      });
    }
    const options = ["--scrub-rate", "1000000", "--scrub-pause", "1"];
    const server = await ServeProcess.start(workspace, "rotten", ...options);
    // More than boot looks back over, in statements of a kind that a compressor cannot shrink.
    const noise = (): string =>
      Array.from({ length: 60_000 }, () => Math.random().toString(36).slice(2)).join("");
    for (let i = 0; i < 40; i++) expect(await registrant.register(server.url, noise())).toBe(201);
    await server.stop();
    await turnBodyOf(100, workspace.at("rotten/log"));
    const again = await ServeProcess.start(workspace, "rotten", ...options);
    const { code } = await untilHealth(again.url, ({ status }) => status === "read-only");
    expect(code).toBe("LOG_FROZEN");
    const { stderr } = await again.stop();
    expect(stderr).toMatch(/^tally: the scrub found damage: .+$/m);
    expect((await workspace.tally("fsck", "rotten")).code).not.toBe(0);
  });
});

/** Turns one bit in the stored body of an early entry, past the log. */
async function turnBodyOf(index: number, log: string): Promise<void> {
  const store = await LevelStore.open(log);
  const key = Uint8Array.of(0x73, 0, 0, 0, 0, 0, 0, 0, index);
  const value = await store.get(key);
  if (value === undefined) throw new Error(`no body of entry ${index}`);
  value[20] = (value[20] ?? 0) ^ 1;
  await store.write([{ key, value }]);
  await store.close();
}
