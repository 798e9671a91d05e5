import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { decodeCborMap } from "@tallystick/cose";
import type { AlgorithmName, CborMap } from "@tallystick/cose";
import type { PolicyDocument } from "@tallystick/policy";

import { Running, mustTally } from "../faults/command.js";

/** What a service answers a registration with. */
export interface Answer {
  readonly status: number;
  readonly location: string;
  readonly body: Uint8Array;
}

/** What a service says of a refusal (RFC 9290). */
export interface Refusal {
  readonly status: number;
  readonly title: unknown;
  readonly detail: unknown;
}

/** A service of `tally serve`, in a directory of its own. */
export class TallyService {
  readonly #folder: string;
  readonly #running: Running;
  readonly url: string;

  private constructor(folder: string, running: Running, url: string) {
    this.#folder = folder;
    this.#running = running;
    this.url = url;
  }

  /** Makes and starts one, under a first policy with the operator that `tally init` makes. */
  static async start(
    alg: AlgorithmName,
    policy: Omit<PolicyDocument, "operators" | "previous">,
  ): Promise<TallyService> {
    const folder = await mkdtemp(join(tmpdir(), "tally-identities-"));
    await writeFile(join(folder, "first.json"), JSON.stringify(policy));
    const directory = join(folder, "service");
    await mustTally(["init", directory, "--alg", alg, "--policy", join(folder, "first.json")]);
    const running = new Running(["serve", directory, "--port", "0"], { limitMs: 600_000 });
    const said = await running.said(/^listening on (\S+)\n/m);
    if (said === undefined) throw new Error((await running.ended).stderr);
    return new TallyService(folder, running, said[1] ?? "");
  }

  at(name: string): string {
    return join(this.#folder, name);
  }

  /** The service's directory; no command but its own may open it while it runs. */
  get directory(): string {
    return this.at("service");
  }

  async post(statement: Uint8Array): Promise<Answer> {
    return post(this.url, statement);
  }

  async read(path: string): Promise<Uint8Array> {
    return read(this.url, path);
  }

  async json(name: string): Promise<unknown> {
    return JSON.parse(await readFile(this.at(name), "utf8"));
  }

  async stop(): Promise<void> {
    this.#running.kill("SIGTERM");
    await this.#running.ended;
  }

  async remove(): Promise<void> {
    this.#running.kill();
    await this.#running.ended;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Sends a statement for registration. */
export async function post(url: string, statement: Uint8Array): Promise<Answer> {
  const response = await fetch(`${url}/entries`, {
    method: "POST",
    headers: { "content-type": "application/cose" },
    body: new Uint8Array(statement),
  });
  const body = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, location: response.headers.get("location") ?? "", body };
}

/** Sends a statement that has to be refused. */
export async function refusal(url: string, statement: Uint8Array): Promise<Refusal> {
  const { status, body } = await post(url, statement);
  if (status < 400) throw new Error(`registered with status ${status}`);
  const problem: CborMap = decodeCborMap(body);
  return { status, title: problem.get(-1), detail: problem.get(-2) };
}

/** Reads a resource that is there. */
export async function read(url: string, path: string): Promise<Uint8Array> {
  const response = await fetch(`${url}${path}`);
  if (response.status !== 200) throw new Error(`${path}: status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
