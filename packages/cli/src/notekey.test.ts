import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { copyFile, rm } from "node:fs/promises";

import { PrivateKey } from "@tallystick/cose";

import { ServiceDirectory } from "./directory.js";
import { openNoteKey, readNoteKey } from "./notekey.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
});

afterAll(() => workspace.remove());

interface Told {
  readonly note: string | undefined;
  readonly status: number;
  readonly stderr: string;
}

/** Serves a directory, and yields what it tells of its notes. */
async function served(dir: string): Promise<Told> {
  const server = await ServeProcess.start(workspace, dir);
  const version: unknown = await (await fetch(`${server.url}/version`)).json();
  const { status } = await fetch(`${server.url}/checkpoint`);
  const { stderr } = await server.stop();
  return { note: (version as { readonly note?: string }).note, status, stderr };
}

async function without(dir: string, ...names: readonly string[]): Promise<ServiceDirectory> {
  await workspace.must("init", dir, "--origin", `${dir}.example/log`);
  for (const name of names) await rm(workspace.at(`${dir}/keys/${name}`));
  return ServiceDirectory.open(workspace.at(dir));
}

describe("a service directory", () => {
  test("has a note key from the start, whose vkey the service tells", async () => {
    const directory = await without("whole");
    const { note, status, stderr } = await served("whole");
    expect([note, status]).toEqual([await readNoteKey(directory), 200]);
    expect(stderr).not.toContain("note");
  });

  test("that is older than notes is given a key when it is served, which is said once", async () => {
    await without("older", "note.jwk", "note.pub.jwk");
    const first = await served("older");
    expect(first.status).toBe(200);
    expect(first.stderr).toContain("made the note key older/keys/note.jwk");
    expect(first.stderr).toContain(`its vkey, for witnesses and monitors: ${first.note ?? ""}\n`);
    expect(await workspace.modeOf("older/keys/note.jwk")).toBe("600");
    const second = await served("older");
    expect([second.note, second.status]).toEqual([first.note, 200]);
    expect(second.stderr).not.toContain("note key");
  });

  test("that has lost its note key is served without notes, and is given no other", async () => {
    await without("lost", "note.jwk");
    const { note, status, stderr } = await served("lost");
    expect([note, status]).toEqual([undefined, 404]);
    expect(stderr).toContain(
      "no notes are signed until the note key is put back at lost/keys/note.jwk",
    );
    expect(await workspace.names("lost/keys")).not.toContain("note.jwk");
  });

  test("whose note key is another than the public one beside it is not served", async () => {
    await without("swapped");
    await without("other");
    await copyFile(workspace.at("other/keys/note.jwk"), workspace.at("swapped/keys/note.jwk"));
    const { code, stderr } = await workspace.tally("serve", "swapped", "--port", "0");
    expect(code).toBe(2);
    expect(stderr).toContain("note.pub.jwk is not the public key of swapped/keys/note.jwk");
    // The log was let go of.
    await copyFile(
      workspace.at("other/keys/note.pub.jwk"),
      workspace.at("swapped/keys/note.pub.jwk"),
    );
    expect((await served("swapped")).status).toBe(200);
  });

  test("refuses a note key of another algorithm", async () => {
    const directory = await without("ecdsa", "note.pub.jwk");
    const key = await PrivateKey.generate("ES256");
    await workspace.write("ecdsa/keys/note.jwk", JSON.stringify(key.toJwk()));
    await expect(openNoteKey(directory, () => undefined)).rejects.toMatchObject({
      code: "CLI_KEY_INVALID",
    });
  });

  test("whose log has a plus in its name has no notes, and says so", async () => {
    const config = { issuer: "https://a.example", origin: "a+b", algorithm: "ES256" } as const;
    const directory = await ServiceDirectory.create(workspace.at("plus"), config);
    const lines: string[] = [];
    expect(await openNoteKey(directory, (line) => lines.push(line))).toBeUndefined();
    expect(lines).toEqual(["tally: no notes are signed: the log's name, a+b, cannot name a key"]);
    const { code, stderr } = await workspace.tally("init", "new", "--origin", "a+b");
    expect([code, stderr]).toEqual([3, expect.stringContaining("--origin is no name of a log")]);
  });
});

test("a backup holds the public note key, and a restored service signs nothing until it has its own", async () => {
  const directory = await without("backed");
  await workspace.must("backup", "backed", "backup.tally");
  const { stderr } = await workspace.must("restore", "backup.tally", "restored");
  expect(stderr).toContain("put the note key back at restored/keys/note.jwk");
  const restored = await ServiceDirectory.open(workspace.at("restored"));
  expect(await readNoteKey(restored)).toBe(await readNoteKey(directory));
  expect(await openNoteKey(restored, () => undefined)).toBeUndefined();
});
