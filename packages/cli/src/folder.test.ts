import { mkdir } from "node:fs/promises";

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { signStatement } from "@tallystick/statement";

import { start } from "./testing/command.js";
import { TALLY } from "./testing/command.js";
import { ISSUER, Registrant, signBare } from "./testing/load.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;
let server: ServeProcess;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "service");
  await Registrant.admit(workspace, "service");
  server = await ServeProcess.start(workspace, "service");
  const key = PrivateKey.fromJwk(await workspace.json("issuer.jwk"));
  for (const folder of ["good", "mixed", "empty"]) await mkdir(workspace.at(folder));
  for (let i = 0; i < 40; i++) {
    const payload = new TextEncoder().encode(`piece ${i}`);
    const about = { payload, contentType: "text/plain", issuer: ISSUER, subject: `s/${i}` };
    await workspace.write(`good/${i}.scitt`, await signStatement(about, key));
    if (i < 3) await workspace.write(`mixed/${i}.scitt`, await signStatement(about, key));
  }
  await workspace.write("mixed/broken.scitt", "no statement");
  await workspace.write("mixed/old.transparent.scitt", "is left alone");
  await workspace.write("mixed/notes.txt", "is left alone");
});

afterAll(() => workspace.remove());

const to = (out: string): string[] => ["--service", server.url, "--out", out];

describe("tally register of a folder", () => {
  test("registers all of it, and says nothing on the way where nobody watches", async () => {
    const { code, stdout, stderr } = await workspace.tally("register", "good", ...to("done"));
    expect([code, stdout]).toEqual([0, "registered: 40\nrefused: 0\nwrote: done, 40 files\n"]);
    expect(stderr).toBe("");
    expect(await workspace.names("done")).toHaveLength(40);
    await workspace.must("trust", "export", "--service", server.url, "--out", "trust.json");
    await workspace.must("verify", "done/7.transparent.scitt", "--trust", "trust.json");
  });

  test("goes on past what is refused, and tells of it", async () => {
    const { code, stdout, stderr } = await workspace.tally("register", "mixed", ...to("some"));
    expect([code, stdout]).toEqual([1, "registered: 3\nrefused: 1\nwrote: some, 3 files\n"]);
    expect(stderr).toMatch(
      /^broken\.scitt: CLIENT_STATEMENT_MALFORMED: not a signed statement: .+\n$/,
    );
    const names = await workspace.names("some");
    expect(names).toEqual([0, 1, 2].map((i) => `${i}.transparent.scitt`));
  });

  test("tells it in one JSON object", async () => {
    const args = ["register", "mixed", ...to("some"), "--json"];
    const { code, stdout } = await workspace.tally(...args);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      registered: 3,
      refused: [{ file: "broken.scitt", error: { code: "CLIENT_STATEMENT_MALFORMED" } }],
    });
  });

  test("ends where the service cannot be reached", async () => {
    const away = ["--service", "http://127.0.0.1:9", "--out", "never"];
    const { code, stderr } = await workspace.tally("register", "good", ...away);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^tally: CLIENT_UNREACHABLE: .+ cannot be reached: /),
    ]);
    expect(await workspace.names("never")).toEqual([]);
  });

  test("and of a file takes what has no sub where the policy lets it pass", async () => {
    const key = PrivateKey.fromJwk(await workspace.json("issuer.jwk"));
    const { policy } = (await (await fetch(`${server.url}/policy`)).json()) as { policy: object };
    const first = { ...policy, operators: [], isSubjectOptional: true };
    await workspace.write("first.json", JSON.stringify(first));
    await workspace.must("init", "lenient", "--policy", "first.json");
    const lenient = await ServeProcess.start(workspace, "lenient");
    await mkdir(workspace.at("bare"));
    await workspace.write("bare/1.scitt", await signBare("one", key));
    await workspace.write("two.scitt", await signBare("two", key));
    const at = ["--service", lenient.url, "--out"];
    await workspace.must("register", "bare", ...at, "bare-done");
    await workspace.must("register", "two.scitt", ...at, "two.transparent.scitt");
    await workspace.must("trust", "export", ...at, "lenient.json");
    for (const name of ["bare-done/1.transparent.scitt", "two.transparent.scitt"]) {
      const { stdout } = await workspace.must("verify", name, "--trust", "lenient.json");
      expect(stdout).toContain(`statement of ${ISSUER} about no subject`);
    }
    const strict = await workspace.tally("register", "bare", ...to("never"));
    expect([strict.code, strict.stderr]).toEqual([1, expect.stringContaining("claim sub (2)")]);
    await lenient.stop();
  });

  test("wants statements", async () => {
    const { code, stderr } = await workspace.tally("register", "empty", ...to("never"));
    expect([code, stderr]).toEqual([
      3,
      "tally: CLI_USAGE: no *.scitt in empty; see tally register --help\n",
    ]);
  });
});

describe("a progress line", () => {
  /** Runs the command with a terminal of its own. */
  async function onTerminal(...args: string[]): Promise<string> {
    const command = [process.execPath, TALLY, ...args].map((part) => `'${part}'`).join(" ");
    const running = workspace.adopt(
      start("script", ["-qec", command, "/dev/null"], workspace.path),
    );
    running.child.stdin?.end();
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    return stdout;
  }

  const ERASED = "\r\u001b[K";
  const LINE = /^\[[#-]{24}\] \d+ \/ \d+, \d+ (statements|entries)\/s/;
  /** What was shown in the place of what was there. */
  const statusesIn = (shown: string): readonly string[] => shown.split(ERASED).slice(1);
  const posix = process.platform === "linux" ? test : test.skip;

  posix("of register is there on a terminal, and is taken away", async () => {
    const shown = await onTerminal("register", "good", ...to("done"));
    expect(statusesIn(shown)[0]).toMatch(LINE);
    expect(statusesIn(shown).at(-1)).toMatch(/^registered: 40\r\n/);
  });

  posix.each([
    ["--quiet", ["--quiet"]],
    ["--json", ["--json"]],
  ])("of register stays away with %s", async (_name, options) => {
    const shown = await onTerminal("register", "good", ...to("done"), ...options);
    expect(shown).not.toContain("\u001b[K");
  });

  posix("of audit and fsck is there on a terminal, unless --quiet", async () => {
    const audit = ["audit", "--service", server.url, "--trust", "trust.json"];
    expect(statusesIn(await onTerminal(...audit))[0]).toMatch(LINE);
    expect(await onTerminal(...audit, "--quiet")).not.toContain("\u001b[K");
    await server.stop();
    expect(statusesIn(await onTerminal("fsck", "service"))[0]).toMatch(LINE);
    expect(await onTerminal("fsck", "service", "--quiet")).not.toContain("\u001b[K");
    const noTerminal = await workspace.must("fsck", "service");
    expect(noTerminal.stderr).toBe("");
  });
});
