import { PrivateKey } from "@tallystick/cose";
import { MemoryAnchor, MemoryStore } from "@tallystick/log";
import { firstPolicy, signPolicy } from "@tallystick/policy";
import type { PolicyDocument } from "@tallystick/policy";
import { TransparencyService, serve } from "@tallystick/server";
import type { RunningServer } from "@tallystick/server";

import { read } from "./tally-service.js";

export const ISSUER = "https://log.example";

/** The clock of every engine: 2026-09-21. */
export const TIME = 1_790_000_000;

/** A service over HTTP whose clock stands, with its operator's key at hand. */
export class Engine {
  readonly #service: TransparencyService;
  readonly #server: RunningServer;
  readonly operator: PrivateKey;

  private constructor(service: TransparencyService, server: RunningServer, operator: PrivateKey) {
    this.#service = service;
    this.#server = server;
    this.operator = operator;
  }

  /** Starts one whose first policy is that of its operator, changed as told. */
  static async start(change: Partial<PolicyDocument> = {}): Promise<Engine> {
    const [operator, signer] = await Promise.all([
      PrivateKey.generate("EdDSA"),
      PrivateKey.generate("EdDSA"),
    ]);
    const first = { ...firstPolicy({ iss: ISSUER, key: operator.publicKey }), ...change };
    const kept = { store: new MemoryStore(), anchor: new MemoryAnchor(), now: () => TIME };
    const named = { issuer: ISSUER, origin: "log.example/log", signer };
    const service = await TransparencyService.create({ ...kept, ...named }, operator, first);
    const server = await serve(service, { host: "127.0.0.1", port: 0 });
    return new Engine(service, server, operator);
  }

  get url(): string {
    return this.#server.url;
  }

  get size(): number {
    return this.#service.size();
  }

  /** The policy in force, and the entry that put it in force. */
  async policy(): Promise<{ readonly entryId: string; readonly policy: PolicyDocument }> {
    return JSON.parse(new TextDecoder().decode(await read(this.url, "/policy"))) as {
      entryId: string;
      policy: PolicyDocument;
    };
  }

  /** Signs the policy in force with some members set otherwise. */
  async propose(change: Partial<PolicyDocument>): Promise<Uint8Array> {
    const { entryId, policy } = await this.policy();
    const document = { ...policy, previous: entryId, ...change };
    return signPolicy(document, { issuer: ISSUER, issuedAt: TIME }, this.operator);
  }

  async close(): Promise<void> {
    await this.#server.close();
    await this.#service.close();
  }
}
