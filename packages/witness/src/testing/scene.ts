import { PrivateKey } from "@tallystick/cose";
import { noteSigner, VerifierKey } from "@tallystick/tlog";
import type { NoteSigner } from "@tallystick/tlog";

import { WitnessError } from "../error.js";
import type { WitnessErrorCode } from "../error.js";
import { formatFreshState } from "../state.js";
import type { StateStore } from "../store.js";
import { originHash, Witness } from "../witness.js";
import { MemoryStore } from "./memory-store.js";
import { ReferenceKey, ReferenceLog } from "./reference-log.js";

export const NAME = "witness.example/w1";
export const ORIGIN = "log.example/1";

/** A witness of one log, whose clock stands until it is set. */
export class Scene {
  readonly key: ReferenceKey = new ReferenceKey(ORIGIN);
  readonly log: ReferenceLog = new ReferenceLog(this.key, 20);
  readonly hash: string = originHash(ORIGIN);
  readonly store: MemoryStore = new MemoryStore();
  readonly signers: readonly NoteSigner[];
  now = 1_700_000_000;

  private constructor(signers: readonly NoteSigner[]) {
    this.signers = signers;
  }

  static async open({ isPostQuantum = false }: { isPostQuantum?: boolean } = {}): Promise<Scene> {
    const classical = noteSigner(NAME, "ed25519-cosignature", await PrivateKey.generate("EdDSA"));
    const more = isPostQuantum
      ? [noteSigner(NAME, "ml-dsa-44-cosignature", await PrivateKey.generate("ML-DSA-44"))]
      : [];
    const scene = new Scene([classical, ...more]);
    await scene.store.replace(scene.hash, 0, formatFreshState(ORIGIN));
    return scene;
  }

  /** The vkey of the witness's Ed25519 key. */
  get vkey(): string {
    return this.signers[0]?.key.format() ?? "";
  }

  /** A witness over the store, as a process that starts anew. */
  witness(store: StateStore = this.store): Witness {
    const keys = [VerifierKey.parse(this.key.vkey)];
    const logs = [{ origin: ORIGIN, keys }];
    return new Witness({ signers: this.signers, logs, store, now: () => this.now });
  }
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Yields the code with which the promise is rejected; anything else fails the test. */
export async function rejection(promise: Promise<unknown>): Promise<WitnessErrorCode> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof WitnessError) return error.code;
    throw error;
  }
  throw new Error("was not rejected");
}
