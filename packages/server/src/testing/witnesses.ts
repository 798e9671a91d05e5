import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";

import { PrivateKey } from "@tallystick/cose";
import { noteSigner, VerifierKey } from "@tallystick/tlog";
import type { NoteSigner } from "@tallystick/tlog";
import { formatFreshState, originHash, Witness, witnessHandler } from "@tallystick/witness";
import type { StateStore, StoredState } from "@tallystick/witness";

import type { KeptEvidence, NoteKeeper } from "../witness/keeper.js";
import { ORIGIN, TIME } from "./service.js";

class MemoryStates implements StateStore {
  readonly #states = new Map<string, StoredState>();

  read(name: string): Promise<StoredState | undefined> {
    return Promise.resolve(this.#states.get(name));
  }

  replace(name: string, expected: number, bytes: Uint8Array): Promise<void> {
    this.#states.set(name, { version: expected + 1, bytes });
    return Promise.resolve();
  }
}

/** A witness of the log of the fixture on a port of its own, which can be made to misbehave. */
export class TestWitness {
  readonly name: string;
  readonly url: string;
  readonly signer: NoteSigner;
  /** What it is when it behaves. */
  readonly honest: RequestListener;
  /** What answers. */
  behaviour: RequestListener;
  readonly #server: Server;

  private constructor(
    { name, signer }: { readonly name: string; readonly signer: NoteSigner },
    honest: RequestListener,
    server: Server,
  ) {
    this.name = name;
    this.signer = signer;
    this.honest = honest;
    this.behaviour = honest;
    this.#server = server;
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    this.url = `http://127.0.0.1:${String(port)}`;
    server.on("request", (request, response) => {
      response.on("error", () => undefined);
      this.behaviour(request, response);
    });
  }

  /** Starts one that watches the fixture's log under a key of its notes. */
  static async start(name: string, noteKey: PrivateKey): Promise<TestWitness> {
    const key = await PrivateKey.generate("EdDSA");
    const signer = noteSigner(`witness.example/${name}`, "ed25519-cosignature", key);
    const store = new MemoryStates();
    await store.replace(originHash(ORIGIN), 0, formatFreshState(ORIGIN));
    const keys = [VerifierKey.of(ORIGIN, "ed25519", noteKey.publicKey)];
    const logs = [{ origin: ORIGIN, keys }];
    const witness = new Witness({ signers: [signer], logs, store, now: () => TIME });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new TestWitness({ name, signer }, witnessHandler(witness), server);
  }

  /** Its line in a policy. */
  get line(): string {
    return `witness ${this.name} ${this.signer.key.format()} ${this.url}\n`;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
  }
}

/** Keeps notes and evidence in memory. */
export class MemoryKeeper implements NoteKeeper {
  note: Uint8Array | undefined;
  readonly evidence: Map<string, string> = new Map<string, string>();

  readonly read = (): Promise<Uint8Array | undefined> => Promise.resolve(this.note);

  write = (note: Uint8Array): Promise<void> => {
    this.note = note;
    return Promise.resolve();
  };

  readonly writeEvidence = (name: string, evidence: Uint8Array): Promise<string> => {
    this.evidence.set(name, new TextDecoder().decode(evidence));
    return Promise.resolve(`memory/${name}`);
  };

  readonly readEvidence = (): Promise<readonly KeptEvidence[]> => {
    const encoder = new TextEncoder();
    const all = [...this.evidence].map(([name, text]) => {
      return { place: `memory/${name}`, evidence: encoder.encode(text) };
    });
    return Promise.resolve(all);
  };
}
