import { rm } from "node:fs/promises";
import { join } from "node:path";

import type { PrivateKey } from "@tallystick/cose";
import type { SearchPlace } from "@tallystick/server";

import type { ServiceDirectory } from "./directory.js";
import { CliError } from "./error.js";
import { codeOf, failed } from "./file.js";
import { readPrivateKey } from "./keyfile.js";

/**
 * Yields where the search index of a service lives: `index/` in its directory, in a store of its own,
 * so that it can be thrown away. `isFresh` has what is there thrown away first.
 */
export function searchPlace({ path }: ServiceDirectory, isFresh = false): SearchPlace {
  const place = join(path, "index");
  const clear = async (): Promise<void> => {
    try {
      for (const folder of [place, `${place}.kept`]) {
        await rm(folder, { recursive: true, force: true });
      }
    } catch (error) {
      throw failed(`cannot remove ${place}`, error);
    }
  };
  // Owned by open.
  let isCleared = !isFresh;
  return {
    clear,
    open: async () => {
      if (!isCleared) await clear();
      isCleared = true;
      const { LevelStore } = await import("@tallystick/log");
      const store = await LevelStore.open(place, { create: true });
      // Nothing in it is lost that cannot be made anew.
      await store.discardKept();
      return store;
    },
  };
}

/**
 * Reads the key that signs heads of the index, and nothing else.
 *
 * @throws {@link CliError} `CLI_KEY_INVALID` where there is none, `CLI_FILE_FAILED`
 */
export async function indexKey({ indexKeyPath: path }: ServiceDirectory): Promise<PrivateKey> {
  try {
    return await readPrivateKey(path);
  } catch (cause) {
    if (!(cause instanceof CliError) || codeOf(cause.cause) !== "ENOENT") throw cause;
    const message = `no key signs the index, make one with: tally keygen --alg EdDSA --out ${path}`;
    throw new CliError("CLI_KEY_INVALID", message, { cause });
  }
}
