import { spawn } from "node:child_process";
import { once } from "node:events";
import { access } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import type { Bench } from "./registration.js";
import { Scene } from "./scene.js";

const LOADER = fileURLToPath(new URL("../../../log/dist/testing/loader-main.js", import.meta.url));

/** Bytes of a body that is loaded; what is in them makes no difference to the tree. */
const BODY_BYTES = 256;

/** Yields whether there is a program that fills logs. */
export async function hasLoader({ options }: Bench): Promise<boolean> {
  return access(options.loader ?? LOADER).then(
    () => true,
    () => false,
  );
}

/** Makes a service whose log the loader has filled up to a size; nobody serves it yet. */
export async function makeLoaded(size: number, bench: Bench): Promise<Scene> {
  const { options, signers, note } = bench;
  const scene = await Scene.make(signers, options.parent);
  if (size === 0) return scene;
  try {
    note(`filling a log with ${size} entries`);
    const program = options.loader ?? LOADER;
    const args = [program, scene.service, String(size), "--bytes", String(BODY_BYTES)];
    const loader = spawn(process.execPath, args, {
      env: { ...process.env, NODE_OPTIONS: "" },
      stdio: ["ignore", "ignore", "inherit"],
    });
    const [code] = (await once(loader, "exit")) as [number | null];
    if (code !== 0) throw new Error(`the loader ended with ${String(code)}`);
    return scene;
  } catch (error) {
    await scene.clear();
    throw error;
  }
}
