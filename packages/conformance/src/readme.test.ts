import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ROOT } from "./testing/shared.js";

const README = readFileSync(join(ROOT, "README.md"), "utf8");
const MANIFEST = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  readonly scripts: Readonly<Record<string, string>>;
};

/** Every command of the README's shell blocks, in order. */
const blocks = [...README.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, text = ""]) => text.trim());
const [opening = "", ...walk] = blocks;
const commands = walk.flatMap((block) => block.split("\n"));

/** What a newcomer's folder holds, by links into this one; what the commands make is its own. */
const LINKED = [
  ...["node_modules", "package.json", "package-lock.json", "packages", "scripts"],
  "docs",
];

/** What the decisions come to, by the firmware that they are on. */
const DECISIONS: readonly (readonly [string, number, RegExp])[] = [
  ["--subject rot-7.bin", 0, /^allow: every entry of /m],
  ["--subject rot-8.bin", 1, /^deny: every entry of /m],
];

describe("the README", () => {
  let folder: string;
  let server: ChildProcessWithoutNullStreams;
  let url: string;
  let printed = "";

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "tallystick-readme-"));
    for (const name of LINKED) symlinkSync(join(ROOT, name), join(folder, name));
    mkdirSync(join(ROOT, "build"), { recursive: true });
    symlinkSync(join(ROOT, "build"), join(folder, "build"));
    // `npm start` on a free port, and without the build before it, which has just been done.
    const start = MANIFEST.scripts["start"]?.split(" ") ?? [];
    expect(start.slice(0, 2)).toEqual(["node", "packages/cli/bin/tally.js"]);
    server = spawn(process.execPath, [...start.slice(1), "--port", "0"], { cwd: folder });
    url = await new Promise((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        printed += chunk.toString();
        const [, found] = /^listening on (\S+)$/m.exec(printed) ?? [];
        // The two streams are not ordered: the suggestions may come before or after.
        if (found !== undefined && /--out package\.transparent\.scitt$/m.test(printed))
          resolve(found);
      };
      server.stdout.on("data", read);
      server.stderr.on("data", read);
      server.on("exit", (code) => {
        reject(new Error(`exit ${String(code)}: ${printed}`));
      });
    });
  }, 60_000);

  afterAll(() => {
    server.kill("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  function run(command: string): { status: number | null; output: string } {
    const text = command.replaceAll("http://127.0.0.1:8000", url);
    const { status, stdout, stderr } = spawnSync(text, {
      cwd: folder,
      shell: true,
      encoding: "utf8",
    });
    return { status, output: `${stdout}${stderr}` };
  }

  async function stopServer(): Promise<number | null> {
    const stopped = new Promise<number | null>((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    return stopped;
  }

  test("opens with the two lines", () => {
    expect(opening.split("\n")).toEqual(["npm ci && npm start", "npm ci && npm test"]);
    expect(readFileSync(join(ROOT, ".ci", "run"), "utf8")).toContain("npm ci && npm test");
  });

  test("the service says what it made, where the keys are and what to try next", () => {
    expect(printed).toContain(join("data", "keys"));
    expect(
      printed.match(/tally (keygen|trust add|register|verify)/g)?.length,
    ).toBeGreaterThanOrEqual(3);
  });

  test("every command of the walk-through works as written", async () => {
    expect(commands.length).toBeGreaterThanOrEqual(19);
    for (const command of commands) {
      // The last one wants the service stopped, as the text says.
      if (command.includes("fsck")) expect(await stopServer()).toBe(0);
      const { status, output } = run(command);
      const [, wanted = 0, says = /^/] =
        DECISIONS.find(([subject]) => command.includes(subject)) ?? [];
      expect({ command, status, output }).toEqual({
        ...{ command, status: wanted },
        output: expect.stringMatching(says) as unknown,
      });
    }
  }, 420_000);

  test("one changed byte of the statement or the file is a no, and another key as well", () => {
    const [transparent, trust, payload] = ["sbom.transparent.scitt", "trust.json", "sbom.json"];
    expect(existsSync(join(folder, transparent))).toBe(true);
    const verify = `npx tally verify ${transparent} --trust ${trust} --payload ${payload}`;
    writeFileSync(join(folder, payload), readFileSync(join(folder, "build/tallystick.cdx.json")));
    expect(run(verify).status).toBe(0);
    for (const name of [transparent, payload]) {
      const path = join(folder, name);
      const good = readFileSync(path);
      for (const place of [40, Math.floor(good.length / 2), good.length - 1]) {
        const bad = Buffer.from(good);
        bad[place] = (bad[place] ?? 0) ^ 1;
        writeFileSync(path, bad);
        expect({ name, place, status: run(verify).status }).toEqual({ name, place, status: 1 });
      }
      writeFileSync(path, good);
    }
    const path = join(folder, trust);
    const text = readFileSync(path, "utf8");
    const [, x = ""] = /"x": *"([^"]+)"/.exec(text) ?? [];
    const other = x.startsWith("A") ? `B${x.slice(1)}` : `A${x.slice(1)}`;
    writeFileSync(path, text.replace(x, other));
    expect(run(verify).status).not.toBe(0);
  }, 60_000);
});
