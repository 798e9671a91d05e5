import { PrivateKey, type Jwk } from "@tallystick/cose";
import { inclusionNodes, inclusionPath, leafHash, treeRoot } from "@tallystick/merkle";
import { issueInclusionReceipt, SignedCheckpoint } from "@tallystick/receipt";
import { attachReceipts, SignedStatement, signStatement } from "@tallystick/statement";

import { encodeBundle } from "../bundle.js";

/** When logs of these suites sign, unless told otherwise. */
export const LOG_TIME = 1_790_000_000;

/** Who signs a statement in memory. */
export interface Signer {
  readonly iss: string;
  readonly key: PrivateKey;
}

/** Yields a signed statement over a payload. */
export async function statementOf(
  { iss, key }: Signer,
  payload: Uint8Array | string,
  contentType: string,
): Promise<SignedStatement> {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const claims = { issuer: iss, subject: "fw:example/rot", payload: bytes, contentType };
  return SignedStatement.decode(await signStatement(claims, key));
}

/** A log in memory, with everything that a bundle of it needs. */
export class SignedLog {
  readonly issuer: string;
  readonly origin: string;
  readonly #key: PrivateKey;
  readonly entries: readonly SignedStatement[];
  readonly #time: number;

  private constructor(name: string, key: PrivateKey, rest: Contents) {
    this.issuer = `https://${name}.example`;
    this.origin = `${name}.example/1`;
    this.#key = key;
    this.entries = rest.entries;
    this.#time = rest.time;
  }

  static async make(
    name: string,
    entries: readonly SignedStatement[],
    time: number = LOG_TIME,
  ): Promise<SignedLog> {
    return new SignedLog(name, await PrivateKey.generate("ES256"), { entries, time });
  }

  /** Yields another history under the same key. */
  fork(entries: readonly SignedStatement[]): SignedLog {
    const [name = ""] = this.origin.split(".", 1);
    return new SignedLog(name, this.#key, { entries, time: this.#time });
  }

  /** The service as it stands in a trust file. */
  get pinned(): {
    readonly issuer: string;
    readonly origin: string;
    readonly keys: readonly Jwk[];
  } {
    return { issuer: this.issuer, origin: this.origin, keys: [this.#key.publicKey.toJwk()] };
  }

  #leaves(): readonly Uint8Array[] {
    return this.entries.map(({ entry }) => leafHash(entry));
  }

  /** Signs a checkpoint of a size, of all entries by default. */
  checkpoint(size: number = this.entries.length): Promise<SignedCheckpoint> {
    const root = treeRoot(this.#leaves().slice(0, size));
    const { issuer, origin } = this;
    return SignedCheckpoint.sign({ issuer, origin, size, root, time: this.#time }, this.#key);
  }

  /** Yields an entry as a transparent statement, with a receipt of the whole log. */
  async transparent(index: number): Promise<Uint8Array> {
    const statement = this.entries[index];
    if (statement === undefined) throw new Error(`no entry ${index}`);
    const size = this.entries.length;
    const leaves = this.#leaves();
    const nodes = inclusionNodes(index, size).map(({ level, index: at }) =>
      treeRoot(leaves.slice(at * 2 ** level, (at + 1) * 2 ** level)),
    );
    const path = inclusionPath(index, size, nodes);
    const receipt = issueInclusionReceipt(await this.checkpoint(), { index, size, path });
    return attachReceipts(statement, [receipt]);
  }

  /** Yields a bundle of chosen entries, and of what else is given. */
  async bundle({ indexes, size, more = [] }: Choice = {}): Promise<Uint8Array> {
    const chosen = indexes ?? this.entries.map((_, index) => index);
    const own = await Promise.all(chosen.map((index) => this.transparent(index)));
    const checkpoint = (await this.checkpoint(size)).encode();
    return encodeBundle({ statements: [...own, ...more], checkpoint, keys: new Uint8Array() });
  }
}

interface Contents {
  readonly entries: readonly SignedStatement[];
  readonly time: number;
}

/** What goes into a bundle. */
export interface Choice {
  /** All of them by default. */
  readonly indexes?: readonly number[];
  /** Of the checkpoint. */
  readonly size?: number;
  /** Transparent statements of elsewhere. */
  readonly more?: readonly Uint8Array[];
}
