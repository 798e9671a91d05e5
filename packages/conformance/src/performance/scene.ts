import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { PrivateKey } from "@tallystick/cose";
import type { AlgorithmName } from "@tallystick/cose";

import { Running, mustTally } from "../faults/command.js";

/** Who signs the statements of a bench. */
export const ISSUER = "https://issuer.example";

/** Longest run of one server. */
const SERVER_LIMIT_MS = 3_600_000;

/** A service on a fresh directory, which syncs as it does for everybody. */
export class Scene {
  readonly folder: string;
  readonly keys: Map<AlgorithmName, PrivateKey> = new Map<AlgorithmName, PrivateKey>();
  // Owned by serve and stop.
  #running: Running | undefined;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes a service whose policy admits one key of each algorithm. */
  static async make(
    algorithms: readonly AlgorithmName[],
    parent: string = tmpdir(),
  ): Promise<Scene> {
    const scene = new Scene(await mkdtemp(join(parent, "tally-bench-")));
    await mustTally(["init", scene.service]);
    for (const name of algorithms) {
      const key = await PrivateKey.generate(name);
      scene.keys.set(name, key);
      const file = scene.at(`${name}.pub.jwk`);
      await writeFile(file, JSON.stringify(key.publicKey.toJwk()));
      await mustTally(["trust", "add", file, "--iss", ISSUER, "--dir", scene.service]);
    }
    return scene;
  }

  get service(): string {
    return this.at("service");
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  key(name: AlgorithmName): PrivateKey {
    const key = this.keys.get(name);
    if (key === undefined) throw new Error(`the scene has no key of ${name}`);
    return key;
  }

  /** Starts the server and yields its address and process. */
  async serve(
    ...options: readonly string[]
  ): Promise<{ readonly url: string; readonly pid: number }> {
    // The load comes from one address, and is to be as high as it can be.
    const unlimited = ["--write-rate", "0", "--read-rate", "0"];
    const args = ["serve", this.service, "--port", "0", ...unlimited, ...options];
    const running = new Running(args, { limitMs: SERVER_LIMIT_MS });
    this.#running = running;
    const match = await running.said(/^listening on (\S+)$/m);
    const { pid } = running.child;
    if (match?.[1] === undefined || pid === undefined) {
      throw new Error(`tally serve: ${(await running.ended).stderr}`);
    }
    return { url: match[1], pid };
  }

  /** Stops the server. */
  async stop(): Promise<void> {
    this.#running?.kill("SIGTERM");
    await this.#running?.ended;
    this.#running = undefined;
  }

  async config(): Promise<Readonly<Record<string, unknown>>> {
    return JSON.parse(await readFile(join(this.service, "config.json"), "utf8")) as Record<
      string,
      unknown
    >;
  }

  async clear(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
