import {
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  watch,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

import { PrivateKey } from "@tallystick/cose";
import type { Jwk } from "@tallystick/cose";

import { Running, SERVE_OPTIONS, mustTally, tally } from "./command.js";
import type { CommandOptions, Outcome } from "./command.js";

/** Who signs the statements that are registered. */
export const ISSUER = "https://issuer.example";

/** What an oracle trusts, and what it signs statements with. */
export interface Trust {
  readonly issuer: string;
  readonly origin: string;
  readonly receiptKey: Jwk;
  readonly statementKey: Jwk;
}

/** A server that accepts requests. */
export interface Serving {
  readonly url: string;
  readonly running: Running;
}

/** What `tally fsck --json` says, as far as it is looked at. */
export interface FsckReport {
  readonly exit: number | null;
  readonly verdict: string;
  readonly size: number;
  readonly root: string | null;
  readonly problems: readonly {
    readonly kind: string;
    readonly where: string;
  }[];
  readonly stderr: string;
}

/** What starting a server came to. */
export type Start = Serving | { readonly url: undefined; readonly outcome: Outcome };

/** A temporary folder of services, and of whatever else a suite leaves on the disk. */
export class Ground {
  readonly path: string;
  // Owned by begin; ended by clear.
  readonly #started = new Set<Running>();
  #count = 0;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes one with the service `template`, whose policy admits the issuer's key. */
  static async make(): Promise<Ground> {
    const ground = new Ground(await mkdtemp(join(tmpdir(), "tally-faults-")));
    const { path } = ground.template;
    const key = ground.at("issuer.jwk");
    await mustTally(["init", path]);
    await ground.copyTo("blank");
    await writeFile(key, JSON.stringify((await PrivateKey.generate("EdDSA")).toJwk()));
    const pub = PrivateKey.fromJwk(JSON.parse(await readFile(key, "utf8"))).publicKey;
    await writeFile(ground.at("issuer.pub.jwk"), JSON.stringify(pub.toJwk()));
    const add = ["trust", "add", ground.at("issuer.pub.jwk"), "--iss", ISSUER, "--dir", path];
    await mustTally(add);
    return ground;
  }

  /** The service as it was before its policy admitted anybody. */
  get blank(): Site {
    return new Site(this, this.at("blank"));
  }

  get template(): Site {
    return new Site(this, this.at("template"));
  }

  at(name: string): string {
    return join(this.path, name);
  }

  /** Copies a service that nothing runs on, the template unless another is given. */
  copy(from: Site = this.template): Promise<Site> {
    return this.copyTo(`site-${this.#count++}`, from);
  }

  /** Copies a service to a place of a given name. */
  async copyTo(name: string, from: Site = this.template): Promise<Site> {
    const path = this.at(name);
    await mkdir(path);
    for (const entry of await readdir(from.path, {
      recursive: true,
      withFileTypes: true,
    })) {
      const source = join(entry.parentPath, entry.name);
      const target = join(path, relative(from.path, source));
      // LevelDB never changes a table; whoever does so here has to replace it.
      if (entry.name.endsWith(".ldb"))
        await link(source, target).catch(() => copyFile(source, target));
      else if (entry.isDirectory()) await mkdir(target);
      // A server that was killed leaves its socket, which cannot be copied.
      else if (entry.isFile()) await copyFile(source, target);
    }
    return new Site(this, path);
  }

  begin(args: readonly string[], options?: CommandOptions): Running {
    const running = new Running(args, options);
    this.#started.add(running);
    void running.ended.then(() => this.#started.delete(running));
    return running;
  }

  async trust(): Promise<Trust> {
    const read = async (path: string): Promise<Record<string, unknown>> =>
      JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
    const { issuer, origin } = await read(this.at("template/config.json"));
    return {
      issuer: String(issuer),
      origin: String(origin),
      receiptKey: (await read(this.at("template/keys/receipt.pub.jwk"))) as unknown as Jwk,
      statementKey: (await read(this.at("issuer.jwk"))) as unknown as Jwk,
    };
  }

  /** Ends what runs. */
  async end(): Promise<void> {
    for (const running of this.#started) {
      running.kill();
      await running.ended;
    }
  }

  /** Ends what runs and removes everything. */
  async clear(): Promise<void> {
    await this.end();
    await rm(this.path, { recursive: true, force: true });
  }
}

/** A service directory. */
export class Site {
  readonly path: string;
  readonly #ground: Ground;
  /** What every server of it is started with beside what is asked. */
  readonly #own: readonly string[];

  constructor(ground: Ground, path: string, own: readonly string[] = []) {
    this.#ground = ground;
    this.path = path;
    this.#own = own;
  }

  /** Yields the same directory, whose servers are started with more options. */
  with(...own: readonly string[]): Site {
    return new Site(this.#ground, this.path, own);
  }

  at(name: string): string {
    return join(this.path, name);
  }

  /** Starts a server and waits until it accepts requests or has ended. */
  async start(options?: CommandOptions, ...args: readonly string[]): Promise<Start> {
    const running = this.#ground.begin(
      ["serve", this.path, ...SERVE_OPTIONS, ...this.#own, ...args],
      options,
    );
    const match = await running.said(/^listening on (\S+)$/m);
    if (match?.[1] !== undefined) return { url: match[1], running };
    return { url: undefined, outcome: await running.ended };
  }

  /** Starts a server and kills it once it has touched the log; yields what it came to. */
  async killAtBoot(options?: CommandOptions): Promise<Outcome> {
    const seen = new AbortController();
    const changes = watch(this.at("log"), { signal: seen.signal });
    const running = this.#ground.begin(
      ["serve", this.path, ...SERVE_OPTIONS, ...this.#own],
      options,
    );
    void running.ended.then(() => {
      seen.abort();
    });
    try {
      for await (const change of changes) if (change.filename?.startsWith("LOG") !== true) break;
    } catch {
      // It ended by itself.
    }
    running.kill();
    return running.ended;
  }

  /** Starts a server that has to accept requests. */
  async serve(options?: CommandOptions, ...args: readonly string[]): Promise<Serving> {
    const start = await this.start(options, ...args);
    if (start.url !== undefined) return start;
    const { code, stderr } = start.outcome;
    throw new Error(`tally serve: exit ${String(code)}\n${stderr}`);
  }

  async fsck(): Promise<FsckReport> {
    return fsckReport(await tally(["fsck", this.path, "--json"]));
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}

/** Reads what `tally fsck --json` printed, if it printed anything. */
export function fsckReport({
  code,
  stdout,
  stderr,
}: Pick<Outcome, "code" | "stdout" | "stderr">): FsckReport {
  const none = { verdict: "none", size: 0, root: null, problems: [] };
  const report = stdout === "" ? none : (JSON.parse(stdout) as typeof none);
  return { ...report, exit: code, stderr };
}

/** Ends a server as a power cut would, and yields what it came to. */
export function kill({ running }: Serving): Promise<Outcome> {
  running.kill();
  return running.ended;
}

/** Ends a server as an operator would. */
export function stop({ running }: Serving): Promise<Outcome> {
  running.kill("SIGTERM");
  return running.ended;
}
