import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { SignedStatement } from "@tallystick/statement";

import type { Outcome } from "./command.js";
import { releaseOf, writeDevices } from "./device.js";
import { report, rom, VENDOR, writeAppraisal, writeRegistration } from "./review.js";
import { ServeProcess } from "./server.js";
import { Workspace } from "./workspace.js";

const PAGE = resolve(import.meta.dirname, "../../../../docs/firmware.md");
const DEFAULT_URL = "http://127.0.0.1:8000";

/** A decision in JSON, with the exit code. */
export interface Told {
  readonly code: number | null;
  readonly json: Readonly<Record<string, unknown>>;
}

/** The commands of docs/firmware.md, run in order in this process, with the files that it speaks of. */
export class FirmwareWalk {
  readonly workspace: Workspace;
  readonly #said = new Map<string, Outcome>();
  #server: ServeProcess | undefined;
  /** Root of the devices, in PEM. */
  #root = "";

  private constructor(workspace: Workspace) {
    this.workspace = workspace;
  }

  static async run(): Promise<FirmwareWalk> {
    const walk = new FirmwareWalk(await Workspace.moveTo());
    for (const version of [6, 7]) {
      const score = version === 6 ? "5.3" : "none";
      await walk.workspace.write(`rot-${version}.bin`, rom(version));
      await walk.workspace.write(`report-${version}.json`, report(version, score));
    }
    const page = readFileSync(PAGE, "utf8");
    const blocks = [...page.matchAll(/```sh\n(.*?)```/gs)].map(([, block = ""]) => block);
    for (const line of blocks.flatMap((block) => block.trim().split("\n"))) {
      await walk.#step(line.replace(/^tally /, ""));
    }
    return walk;
  }

  /** What each command came to, by its text. */
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

  async #step(command: string): Promise<void> {
    const { workspace } = this;
    if (command.startsWith("init ")) await writeRegistration(workspace);
    if (command.startsWith("appraise ")) await writeAppraisal(workspace, "appraisal.json");
    if (command.startsWith("sign rim-7.cbor")) this.#root = await writeDevices(workspace);
    if (command.startsWith("sign release-7.json")) {
      const { entryId } = SignedStatement.decode(await workspace.read("rim-7.scitt"));
      await workspace.write("release-7.json", releaseOf(entryId));
    }
    if (command.includes("--policy device.json")) await this.writeDevicePolicy("device.json");
    if (command.startsWith("serve ")) {
      this.#server = await ServeProcess.start(workspace, command.slice("serve ".length));
      return;
    }
    const args = command.replace(DEFAULT_URL, this.service[1] ?? "").split(" ");
    this.#said.set(command, await workspace.tally(...args));
  }

  /** Writes the policy of an operator who looks at devices. */
  async writeDevicePolicy(
    name: string,
    evidence: object = {},
    changes: object = {},
  ): Promise<void> {
    await writeAppraisal(this.workspace, name, {
      vendors: { [VENDOR]: ["Example Silicon"] },
      evidence: { anchors: [this.#root], device: { vendor: "Example Silicon" }, ...evidence },
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
