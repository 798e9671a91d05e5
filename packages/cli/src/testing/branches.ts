import { cp } from "node:fs/promises";

import { PrivateKey } from "@tallystick/cose";
import { signPolicy, withIssuerKey } from "@tallystick/policy";
import { publishedFiles } from "@tallystick/server";
import type { TransparencyService } from "@tallystick/server";
import { signStatement } from "@tallystick/statement";

import { ServiceDirectory } from "../directory.js";
import { readNoteKey } from "../notekey.js";
import { openService } from "../opening.js";
import { StaticFolder } from "../static-folder.js";
import type { Workspace } from "./workspace.js";

export const ISSUER = "https://log.example";
export const ORIGIN = "log.example/log";
export const VENDOR = "https://vendor.example";

/**
 * One log in several copies of its directory, each of which goes its own way under the same keys: what
 * an operator would make who shows a different log to each.
 */
export class Branches {
  readonly #workspace: Workspace;
  readonly #vendor: PrivateKey;
  // Owned by grow.
  #count = 0;

  private constructor(workspace: Workspace, vendor: PrivateKey) {
    this.#workspace = workspace;
    this.#vendor = vendor;
  }

  /** Makes a log whose policy admits a vendor, and a file that pins its keys, `trust.json`. */
  static async make(workspace: Workspace, dir: string): Promise<Branches> {
    const config = { issuer: ISSUER, origin: ORIGIN, algorithm: "ES256" } as const;
    const directory = await ServiceDirectory.create(workspace.at(dir), config);
    const vendor = await PrivateKey.generate("EdDSA");
    const branches = new Branches(workspace, vendor);
    await branches.with(dir, async (service) => {
      const { policy, entryId } = await service.policyInForce();
      const named = { iss: VENDOR, key: vendor.publicKey };
      const document = withIssuerKey(policy.document, entryId, named);
      const issuedAt = Math.floor(Date.now() / 1000);
      const operator = await directory.operatorKey();
      await service.register(await signPolicy(document, { issuer: ISSUER, issuedAt }, operator));
    });
    const keys = [(await directory.receiptPublicKey()).toJwk()];
    const pinned = { issuer: ISSUER, origin: ORIGIN, keys, note: await readNoteKey(directory) };
    await workspace.write("trust.json", JSON.stringify({ services: [pinned] }));
    return branches;
  }

  /** Opens the service of a directory for as long as something is done with it. */
  async with<T>(dir: string, act: (service: TransparencyService) => Promise<T>): Promise<T> {
    const directory = await ServiceDirectory.open(this.#workspace.at(dir));
    const opening = { advice: "in use", onNoteKey: () => undefined };
    const service = await openService(directory, opening);
    try {
      return await act(service);
    } finally {
      await service.close();
    }
  }

  /** Registers statements, as many in each round as its number says, and exports the log. */
  async grow(
    dir: string,
    rounds: readonly number[],
    { out, subject = "a/b" }: { readonly out: string; readonly subject?: string },
  ): Promise<number> {
    return this.with(dir, async (service) => {
      for (const round of rounds) {
        const statements = Array.from({ length: round }, () => {
          const payload = new TextEncoder().encode(`statement ${this.#count++}`);
          const header = { contentType: "text/plain", issuer: VENDOR, subject };
          return signStatement({ payload, ...header }, this.#vendor);
        });
        const signed = await Promise.all(statements);
        await Promise.all(signed.map((statement) => service.register(statement)));
      }
      const folder = await StaticFolder.open(this.#workspace.at(out), service);
      for await (const file of publishedFiles(service, folder.before)) await folder.put(file);
      return service.size();
    });
  }

  /** Copies a directory or an export. */
  async fork(from: string, to: string): Promise<void> {
    await cp(this.#workspace.at(from), this.#workspace.at(to), { recursive: true });
  }
}
