import { expect, test } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const README = resolve(import.meta.dirname, "../README.md");
const DEFAULT_URL = "http://127.0.0.1:8000";

test("the commands of the README run as they stand", async () => {
  const [, block = ""] = /```sh\n(.*?)```/s.exec(await readFile(README, "utf8")) ?? [];
  const commands = [...block.matchAll(/^npx tally (.+)$/gm)].map(([, line = ""]) => line);
  expect(commands.length).toBeGreaterThan(16);
  const workspace = await Workspace.make();
  try {
    await runAll(commands, workspace);
  } finally {
    await workspace.remove();
  }
}, 120_000);

async function runAll(commands: readonly string[], workspace: Workspace): Promise<void> {
  await workspace.write("package.json", "{}");
  await workspace.write("package-lock.json", "{}");
  let server: ServeProcess | undefined;
  for (const command of commands) {
    if (command.startsWith("serve ")) {
      // On any free port, in place of the default one.
      server = await ServeProcess.start(workspace, command.slice("serve ".length));
      continue;
    }
    if (command.startsWith("fsck ")) await server?.stop();
    const [line = "", file] = command.replaceAll(DEFAULT_URL, server?.url ?? "").split(" > ");
    const { stdout } = await workspace.must(...line.split(" "));
    if (file !== undefined) await workspace.write(file, stdout);
  }
}
