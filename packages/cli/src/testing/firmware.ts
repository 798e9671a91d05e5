import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { SignedStatement } from "@tallystick/statement";

import { start, type Outcome } from "./command.js";
import { writeDevices } from "./device.js";
import { VENDOR, writeAppraisal } from "./review.js";
import { ServeProcess } from "./server.js";
import { Workspace } from "./workspace.js";

const ROOT = resolve(import.meta.dirname, "../../../..");
const DEFAULT_URL = "http://127.0.0.1:8000";

/** A decision in JSON, with the exit code. */
export interface Told {
  readonly code: number | null;
  readonly json: Readonly<Record<string, unknown>>;
}

/** The blocks of docs/firmware.md, each run by a shell in order, in an empty folder. */
export class FirmwareWalk {
  readonly workspace: Workspace;
  readonly #said = new Map<string, Outcome>();
  #server: ServeProcess | undefined;

  private constructor(workspace: Workspace) {
    this.workspace = workspace;
  }

  /**
   * Walks the whole page; `beforeInit` may admit more to the log. Throws, with what was said, at the
   * first block that a shell would stop in.
   */
  static async run(beforeInit?: (workspace: Workspace) => Promise<void>): Promise<FirmwareWalk> {
    const walk = new FirmwareWalk(await Workspace.moveTo());
    const page = readFileSync(resolve(ROOT, "docs/firmware.md"), "utf8");
    const [first = "", ...blocks] = [...page.matchAll(/^```sh\n(.*?)^```/gms)].map(
      ([, block = ""]) => block,
    );
    const setup = first.replace("$PWD/../tallystick", () => ROOT);
    try {
      for (const block of blocks) {
        if (block.startsWith("tally init ")) await beforeInit?.(walk.workspace);
        await walk.#do(block, setup);
      }
    } catch (thrown) {
      await walk.end();
      throw thrown;
    }
    return walk;
  }

  /** What each block came to, by its text. */
  get said(): ReadonlyMap<string, Outcome> {
    return this.#said;
  }

  async end(): Promise<void> {
    await this.#server?.stop();
    await this.workspace.remove();
  }

  /** The option that names the service. */
  get service(): readonly string[] {
    return ["--service", this.#server?.url ?? DEFAULT_URL];
  }

  async #do(block: string, setup: string): Promise<void> {
    const { workspace } = this;
    if (block.startsWith("tally serve ")) {
      // On any free port, in place of the default one.
      this.#server = await ServeProcess.start(workspace, "data");
      return;
    }
    // What the page says a device or its maker gives.
    if (block.startsWith("# needs root.pem\n")) {
      await workspace.write("root.pem", await writeDevices(workspace));
    }
    const script = setup + block.replaceAll(DEFAULT_URL, this.service[1] ?? "");
    const { child, ended } = start("bash", ["-eu", "-c", script], workspace.path);
    child.stdin?.end();
    const outcome = await ended;
    if (outcome.code !== 0) {
      throw new Error(`exit ${String(outcome.code)} of:\n${script}\n${outcome.stderr}`);
    }
    this.#said.set(block, outcome);
  }

  /** Writes the policy of an operator who looks at devices. */
  async writeDevicePolicy(
    name: string,
    evidence: object = {},
    changes: object = {},
  ): Promise<void> {
    const root = await readFile(this.workspace.at("root.pem"), "utf8");
    await writeAppraisal(this.workspace, name, {
      vendors: { [VENDOR]: ["Example Silicon"] },
      evidence: { anchors: [root], device: { vendor: "Example Silicon" }, ...evidence },
      ...changes,
    });
  }

  /** Signs a file, as the vendor by default, and registers it; yields what that came to. */
  async register(
    name: string,
    type: string,
    signer: readonly string[] = ["--key", "vendor.jwk", "--iss", VENDOR],
  ): Promise<Outcome & { readonly entryId: string }> {
    const { workspace } = this;
    await workspace.must(
      ...["sign", name, ...signer, "--sub", "fw:example/rot"],
      ...["--type", type, "--out", `${name}.scitt`],
    );
    const { entryId } = SignedStatement.decode(await workspace.read(`${name}.scitt`));
    const args = [`${name}.scitt`, ...this.service, "--out", `${name}.transparent`];
    return { entryId, ...(await workspace.tally("register", ...args)) };
  }

  /** Writes a bundle of every entry. */
  bundle(): Promise<Outcome> {
    const args = [...this.service, "--trust", "trust.json", "--out", "all.bundle"];
    return this.workspace.must("bundle", ...args);
  }

  /** Appraises, and yields the decision in JSON. */
  async appraise(...args: readonly string[]): Promise<Told> {
    const { code, stdout } = await this.workspace.tally("appraise", ...args, "--json");
    return { code, json: JSON.parse(stdout) as Told["json"] };
  }
}
