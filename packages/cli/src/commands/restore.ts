import { randomBytes } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import type { Command } from "commander";
import { PublicKey, encodeHex, formatThumbprint, parseJson } from "@tallystick/cose";
import type { Backup, Manifest } from "@tallystick/log";

import { isVacant, ServiceDirectory } from "../directory.js";
import { CliError } from "../error.js";
import { codeOf, failed, makeDirectory, syncDirectory, writeWhole } from "../file.js";
import { isRetiredKeyName } from "../receipt-keys.js";
import { PUBLIC_FILES } from "../safekeeping.js";
import type { Session } from "../session.js";

const PRIVATE_DIRECTORY = 0o700;

export function addRestore(program: Command, session: Session): void {
  program
    .command("restore")
    .description("make a service directory from a backup, and check all of it")
    .argument("<file>", "made by tally backup")
    .argument("<dir>", "made by this command, or empty")
    .option("--json", "print the result as one JSON object")
    .action(async (file: string, dir: string) => {
      const { manifest } = await restore(resolve(file), dir);
      const directory = await ServiceDirectory.open(dir);
      report(manifest, directory, session);
    });
}

/** All or nothing: built beside the place, checked, synced, and given its name at the end. */
async function restore(file: string, dir: string): Promise<Backup> {
  if (!(await isVacant(dir))) {
    throw new CliError("CLI_DIRECTORY_INVALID", `${dir} is not empty, nothing was changed`);
  }
  const { readManifest } = await import("@tallystick/log");
  const manifest = await readManifest(file);
  if (!manifest.files.has("config.json")) {
    throw new CliError("CLI_DIRECTORY_INVALID", "the backup holds no config.json, so no service");
  }
  const draft = `${resolve(dir)}.tmp-${randomBytes(4).toString("hex")}`;
  let backup: Backup;
  try {
    await makeDirectory(draft, PRIVATE_DIRECTORY);
    await mkdir(join(draft, "keys"), { mode: PRIVATE_DIRECTORY });
    await writeFiles(manifest, draft);
    backup = await restoreInto(join(draft, "log"), file, keysOf(manifest));
    await syncDirectory(join(draft, "keys"));
    await syncDirectory(draft);
    await rename(draft, resolve(dir));
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    const isOfSystem = /^E[A-Z0-9]+$/.test(codeOf(error) ?? "");
    throw isOfSystem ? failed(`cannot make ${dir}`, error) : error;
  }
  await syncDirectory(dirname(draft));
  return backup;
}

async function restoreInto(
  logPath: string,
  path: string,
  key: readonly PublicKey[],
): Promise<Backup> {
  const { LevelStore, restoreLog } = await import("@tallystick/log");
  const store = await LevelStore.open(logPath, { create: true });
  try {
    return await restoreLog({ path, store, key });
  } finally {
    await store.close();
  }
}

// Names come out of the file, so only those that a backup is made with are written.
async function writeFiles({ files }: Manifest, draft: string): Promise<void> {
  const retired = retiredIn(files);
  if (retired.length > 0) await mkdir(join(draft, "keys", "retired"), { mode: PRIVATE_DIRECTORY });
  for (const name of [...PUBLIC_FILES, ...retired]) {
    const bytes = files.get(name);
    if (bytes !== undefined) await writeWhole(join(draft, name), bytes);
  }
}

function retiredIn(files: Manifest["files"]): readonly string[] {
  return [...files.keys()].filter(isRetiredKeyName);
}

function keysOf(manifest: Manifest): readonly PublicKey[] {
  return ["keys/receipt.pub.jwk", ...retiredIn(manifest.files)].map((name) =>
    keyOf(manifest, name),
  );
}

function keyOf({ files }: Manifest, name: string): PublicKey {
  const bytes = files.get(name);
  try {
    return PublicKey.fromJwk(parseJson(bytes ?? new Uint8Array(0)));
  } catch (cause) {
    const message = "the backup holds no receipt key to check it by";
    throw new CliError("CLI_KEY_INVALID", message, { cause });
  }
}

function report(
  manifest: Manifest,
  { path, anchorPath, receiptKeyPath, noteKeyPath }: ServiceDirectory,
  { output, isJson }: Session,
): void {
  const { size, root, origin, time } = manifest;
  const hex = encodeHex(root);
  // The backup brings along what it is checked by: each key that a signature may have held under is told.
  const thumbprints = [...new Set(keysOf(manifest).map((key) => formatThumbprint(key)))];
  if (isJson) output.printJson({ directory: path, origin, size, root: hex, time, thumbprints });
  else {
    const [current, ...former] = thumbprints;
    output.print(`restored: ${size} entries of ${origin}, root ${hex}`);
    output.print(`newest checkpoint: ${new Date(1000 * time).toISOString()}`);
    output.print(`receipt key: ${current ?? ""}`);
    for (const name of former) output.print(`former receipt key: ${name}`);
  }
  output.note(
    "every entry, body and checkpoint in it was checked, by the keys above, which are its",
  );
  output.note("own: compare each of them with those that you know. Before it is served:");
  output.note(`  put the receipt key back at ${receiptKeyPath}, mode 0600`);
  if (manifest.files.has("keys/note.pub.jwk")) {
    output.note(
      `  put the note key back at ${noteKeyPath}, likewise; no notes are signed without it`,
    );
  }
  output.note(`  put the anchor of the original at ${anchorPath}, as it was last`);
  output.note(
    "A backup that is older than the log was is a rollback: entries that were acknowledged",
  );
  output.note(
    "after it are missing. The anchor shows that, and so do witnesses: without the anchor, or",
  );
  output.note(
    "with one that knows of more, the log can only be read. Never make a new anchor for an old",
  );
  output.note(`backup. Compare with: tally doctor ${path}`);
}
