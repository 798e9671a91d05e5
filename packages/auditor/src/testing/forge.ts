import { PrivateKey, encodeCbor } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { RightEdge, leafHash } from "@tallystick/merkle";
import { Admission, PolicyState, firstPolicy, signApproval, signPolicy } from "@tallystick/policy";
import type { PolicyDocument } from "@tallystick/policy";
import { SignedCheckpoint, chainDigest, encodeChainLink } from "@tallystick/receipt";
import { SignedStatement, VerifiedStatement, signStatement } from "@tallystick/statement";

import type { AuditTrust, LogSource, SourceEntry } from "../source.js";

export const ISSUER = "https://log.example";
export const ORIGIN = "log.example/log";
export const VENDOR = "https://vendor.example";
export const TIME = 1_790_000_000;

/** What a round records otherwise than a sound log would. */
export interface RoundOptions {
  /** When the entries were decided on. */
  readonly decided?: number;
  /** What the collateral names as the policy. */
  readonly policy?: Uint8Array;
  /** What the checkpoint says otherwise. */
  readonly checkpoint?: {
    readonly root?: Uint8Array;
    readonly origin?: string;
    readonly time?: number;
  };
  /** Signs the checkpoint. */
  readonly signer?: PrivateKey;
  readonly previousDigest?: Uint8Array;
}

/** Makes logs as the engine would, and others that no engine would make. */
export class Forge {
  readonly operator: PrivateKey;
  readonly second: PrivateKey;
  readonly receipt: PrivateKey;
  readonly vendor: PrivateKey;
  readonly entries: SourceEntry[] = [];
  readonly records: { readonly size: number; readonly record: Uint8Array }[] = [];
  readonly edge: RightEdge = RightEdge.empty();
  state: PolicyState | undefined;
  /** The clock. */
  time: number = TIME;

  private constructor(keys: readonly PrivateKey[]) {
    const [operator, second, receipt, vendor] = keys;
    if (!operator || !second || !receipt || !vendor) throw new Error("no keys");
    this.operator = operator;
    this.second = second;
    this.receipt = receipt;
    this.vendor = vendor;
  }

  /** A log with its first policy, which admits the vendor. */
  static async make(change: Partial<PolicyDocument> = {}): Promise<Forge> {
    const keys = Array.from({ length: 4 }, () => PrivateKey.generate("ES256"));
    const forge = new Forge(await Promise.all(keys));
    const first = firstPolicy({ iss: ISSUER, key: forge.operator.publicKey });
    const issuers = [{ iss: VENDOR, keys: [forge.vendor.publicKey.toJwk()] }];
    await forge.round([await forge.sign({ ...first, issuers, ...change })]);
    return forge;
  }

  get trust(): AuditTrust {
    return { receiptKeys: [this.receipt.publicKey], issuer: ISSUER, origin: ORIGIN };
  }

  get document(): PolicyDocument {
    if (this.state === undefined) throw new Error("no policy");
    return this.state.inForce.policy.document;
  }

  sign(document: PolicyDocument, operator: PrivateKey = this.operator): Promise<Uint8Array> {
    return signPolicy(document, { issuer: ISSUER, issuedAt: TIME }, operator);
  }

  /** Signs the policy that follows the one in force. */
  propose(
    change: Partial<PolicyDocument>,
    operator: PrivateKey = this.operator,
  ): Promise<Uint8Array> {
    const entry = this.state?.inForce.entry ?? new Uint8Array();
    const previous = Buffer.from(entry).toString("hex");
    return this.sign({ ...this.document, previous, ...change }, operator);
  }

  approve(
    proposal: Uint8Array,
    issuer: string,
    operator: PrivateKey = this.second,
  ): Promise<Uint8Array> {
    const { entryId } = SignedStatement.decode(proposal);
    return signApproval(entryId, { issuer, issuedAt: TIME }, operator);
  }

  statement(text: string, key: PrivateKey = this.vendor): Promise<Uint8Array> {
    const payload = new TextEncoder().encode(text);
    const claims = { issuer: VENDOR, subject: "a/b" };
    return signStatement({ payload, contentType: "text/plain", ...claims }, key);
  }

  statements(from: number, before: number): Promise<readonly Uint8Array[]> {
    return Promise.all(
      Array.from({ length: before - from }, (_, i) => this.statement(`statement ${from + i}`)),
    );
  }

  /** Logs statements under one checkpoint. */
  async round(statements: readonly Uint8Array[], options: RoundOptions = {}): Promise<void> {
    for (const statement of statements) await this.#add(statement, options);
    await this.checkpoint(options);
  }

  /** Signs the tree as it is, chained to the record before. */
  async checkpoint(options: RoundOptions = {}): Promise<void> {
    const { size } = this.edge;
    const stated = {
      issuer: ISSUER,
      origin: ORIGIN,
      size,
      root: this.edge.root(),
      time: this.time,
    };
    const signed = await SignedCheckpoint.sign(
      { ...stated, ...options.checkpoint },
      options.signer ?? this.receipt,
    );
    const last = this.records.at(-1);
    const previousDigest =
      options.previousDigest ?? (last ? chainDigest(last.record) : new Uint8Array(32));
    const link = { checkpoint: signed.encode(), previousDigest, previousSize: last?.size ?? 0 };
    this.records.push({ size, record: encodeChainLink(link) });
  }

  async #add(bytes: Uint8Array, { decided = this.time, policy }: RoundOptions): Promise<void> {
    const statement = SignedStatement.decode(bytes);
    const inForce = this.state?.inForce.entry ?? null;
    const collateral = new Map<string, CborValue>([
      ["time", decided],
      ["policy", policy ?? inForce],
    ]);
    const index = this.edge.size;
    this.entries.push({ statement: statement.normalised, collateral: encodeCbor(collateral) });
    this.edge.append(leafHash(statement.entry));
    await this.#advance(statement, index, decided).catch(() => undefined);
  }

  async #advance(statement: SignedStatement, index: number, time: number): Promise<void> {
    const { state } = this;
    if (state === undefined) {
      this.state = PolicyState.genesis(await Admission.bootstrap(statement, time));
      return;
    }
    const verified = await VerifiedStatement.verify(statement, state.inForce.policy, { time });
    this.state = state.next(Admission.admit(verified, state, time), index);
  }
}

/** Gives what a forge has made. */
export function sourceOf({ entries, records }: Pick<Forge, "entries" | "records">): LogSource {
  return {
    newest: () => {
      const newest = records.at(-1);
      if (newest === undefined) throw new Error("no checkpoint");
      return Promise.resolve(newest);
    },
    async *entries(bundle) {
      yield* await Promise.resolve(entries.slice(bundle * 256, (bundle + 1) * 256));
    },
    async *checkpoints(bundle) {
      const within = records.filter(({ size }) => Math.floor((size - 1) / 256) === bundle);
      yield* await Promise.resolve(within.map(({ record }) => record));
    },
  };
}

/** Yields a copy with one bit changed. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const flipped = bytes.slice();
  const at = Math.floor(bit / 8) % flipped.length;
  flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit % 8));
  return flipped;
}
