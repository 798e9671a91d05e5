import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { PrivateKey } from "@tallystick/cose";
import type { AlgorithmName } from "@tallystick/cose";
import type { PolicyDocument } from "@tallystick/policy";

import { Running, mustTally } from "../faults/command.js";
import { makeCertified } from "./certified.js";
import type { Certified } from "./certified.js";
import { contentRules } from "./content-rules.js";
import type { Rules } from "./content-rules.js";

/** Who signs the statements of a bench by a key of the policy. */
export const ISSUER = "https://issuer.example";

/** Who signs by a key that certificates vouch for. */
export const CERTIFIED_ISSUER = "https://certified.example";

const PINNED: readonly AlgorithmName[] = ["ES256", "EdDSA", "ES384"];

/** Longest run of one server. */
const SERVER_LIMIT_MS = 6 * 3_600_000;

/** A signer of statements. */
export interface SceneSigner {
  readonly issuer: string;
  readonly key: PrivateKey;
  readonly chain?: readonly Uint8Array[];
}

/** The keys that the policies of a bench admit; made once, for RSA takes its time. */
export class Signers {
  /** Signs review reports. */
  readonly lab: PrivateKey;
  readonly #pinned: ReadonlyMap<AlgorithmName, PrivateKey>;
  readonly #certified: Certified;

  private constructor(
    pinned: ReadonlyMap<AlgorithmName, PrivateKey>,
    certified: Certified,
    lab: PrivateKey,
  ) {
    this.#pinned = pinned;
    this.#certified = certified;
    this.lab = lab;
  }

  static async make(): Promise<Signers> {
    const keys = await Promise.all(
      PINNED.map(async (name) => [name, await PrivateKey.generate(name)] as const),
    );
    return new Signers(new Map(keys), await makeCertified(), await PrivateKey.generate("ES512"));
  }

  /** Yields who signs with an algorithm; with PS256 that is somebody with a chain. */
  of(algorithm: AlgorithmName): SceneSigner {
    if (algorithm === "PS256") {
      const { key, chain } = this.#certified;
      return { issuer: CERTIFIED_ISSUER, key, chain };
    }
    const key = this.#pinned.get(algorithm);
    if (key === undefined) throw new Error(`nobody signs with ${algorithm}`);
    return { issuer: ISSUER, key };
  }

  /** Yields rules that read what is registered. */
  rules(): Rules {
    return contentRules(ISSUER, this.lab.publicKey);
  }

  /** Yields the policy that admits all of them, by rules if given; the operator comes from elsewhere. */
  policy(rules?: Rules): PolicyDocument {
    const keys = [...this.#pinned.values()].map(({ publicKey }) => publicKey.toJwk());
    return {
      format: "tallystick-policy/1",
      previous: null,
      operators: [],
      issuers: [{ iss: ISSUER, keys }],
      anchors: [{ certificate: this.#certified.anchor, issuers: [CERTIFIED_ISSUER] }],
      algorithms: [...PINNED, "PS256"],
      maxStatementBytes: 1_048_576,
      ...(rules && { rules }),
    };
  }
}

/** Where a server is. */
export interface Served {
  readonly url: string;
  readonly pid: number;
}

/** How a server is started. */
export interface ServeOptions {
  readonly options?: readonly string[];
  /** Command and arguments to run it under, such as strace. */
  readonly under?: readonly string[];
}

/** A service on a fresh directory, which syncs as it does for everybody. */
export class Scene {
  readonly folder: string;
  // Owned by serve and stop.
  #running: Running | undefined;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes a service whose policy admits the signers, by rules if given. */
  static async make(signers: Signers, parent: string, rules?: Rules): Promise<Scene> {
    const scene = new Scene(await mkdtemp(join(parent, "tally-bench-")));
    const policy = scene.at("policy.json");
    await writeFile(policy, JSON.stringify(signers.policy(rules)));
    await mustTally(["init", scene.service, "--policy", policy]);
    return scene;
  }

  get service(): string {
    return this.at("service");
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  /** Starts the server and yields its address and process. */
  async serve({ options = [], under }: ServeOptions = {}): Promise<Served> {
    const args = ["serve", this.service, "--port", "0", "--log-level", "silent", ...options];
    const running = new Running(args, { limitMs: SERVER_LIMIT_MS, ...(under && { under }) });
    this.#running = running;
    const match = await running.said(/^listening on (\S+)$/m);
    const { pid } = running.child;
    if (match?.[1] === undefined || pid === undefined) {
      throw new Error(`tally serve: ${(await running.ended).stderr}`);
    }
    return { url: match[1], pid };
  }

  /** Stops the server, or kills it with `SIGKILL`. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.#running?.kill(signal);
    await this.#running?.ended;
    this.#running = undefined;
  }

  /** Yields a file of the service that holds JSON. */
  async json(...names: readonly string[]): Promise<unknown> {
    return JSON.parse(await readFile(join(this.service, ...names), "utf8"));
  }

  async clear(): Promise<void> {
    await this.stop("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Yields the options that lift the limits on one client, where this version of the server has any. */
export async function unlimiting(): Promise<readonly string[]> {
  const help = await mustTally(["serve", "--help"]);
  const found = help.matchAll(/--(?:write|read)-rate(?= <)/g);
  return [...found].flatMap(([option]) => [option, "0"]);
}
