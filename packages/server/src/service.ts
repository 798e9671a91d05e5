import { encodeCompleteness } from "@tallystick/catalog";
import type { Term } from "@tallystick/catalog";
import type { PublicKey, Signer } from "@tallystick/cose";
import { Log, spaceShortage } from "@tallystick/log";
import type { LogError, LogOptions, OnStep, Space, Standing } from "@tallystick/log";
import { Admission, firstPolicy, signPolicy } from "@tallystick/policy";
import type { PolicyDocument } from "@tallystick/policy";
import { SignedStatement, attachReceipts } from "@tallystick/statement";
import { withNoteSignatures } from "@tallystick/tlog";
import type { NoteSigner } from "@tallystick/tlog";

import { closeAll, closingOnFailure } from "./closing.js";
import { decodeCollateral } from "./collateral.js";
import { Notes } from "./notes.js";
import { openParts, wallClock } from "./opening.js";
import type { ServiceParts, WriteState } from "./opening.js";
import { Policies } from "./policies.js";
import type { CommittedPolicy } from "./policies.js";
import { appendRequest, register } from "./register.js";
import type { OnQueued, Registrar } from "./register.js";
import type { RoundWatch, Watcher } from "./rounds.js";
import { Witnessing } from "./witness/witnessing.js";
import type { WitnessOptions } from "./witness/options.js";
import type { SearchPlace } from "./search/follower.js";
import type { HeadOptions } from "./search/heads.js";
import type { SearchPage, SearchQuery } from "./search/query.js";
import type { SearchIndex } from "./search/search-index.js";
import type { Searching } from "./search/searching.js";

/** What a service is made of. */
export interface ServiceOptions {
  /** Where the log lives; the service closes it. */
  readonly store: LogOptions["store"];
  /** What vouches for it; the service closes it too. */
  readonly anchor: LogOptions["anchor"];
  /** `iss` of its receipts. */
  readonly issuer: string;
  /** `sub` of its receipts: the log's name. */
  readonly origin: string;
  /** Signs receipts, and nothing else; the policy in force names it (T23). */
  readonly signer: Signer;
  /** Public keys of others that receipts were signed with; none unless given. */
  readonly formerKeys?: readonly PublicKey[];
  /** Signs notes, and nothing else, under the log's name; no notes unless given. */
  readonly noteSigner?: NoteSigner;
  /** Whom to ask for cosignatures of notes, once the log is opened; nobody unless given. */
  readonly witnesses?: WitnessOptions;
  /** Seconds since the epoch; the machine's clock by default. */
  readonly now?: () => number;
  /** Room that there must be for registrations; no limit by default. */
  readonly space?: Space;
  /** Entries from which on a filter in memory spares looking for new ones, as `filterFrom` of `Log.open`. */
  readonly filterFrom?: number;
  /** Takes registrations although the clock reads earlier than the newest checkpoint. */
  readonly ignoreClock?: boolean;
  /** Where its search index lives; none unless given. */
  readonly search?: SearchPlace;
  /** How the index is committed to; never unless given, and not without an index. */
  readonly heads?: HeadOptions;
  /** Told once when the index fails; everything else goes on. Opening throws where it is not given. */
  readonly onSearchFailure?: (error: unknown) => void;
  /** Told of the steps of each commit. */
  readonly onStep?: OnStep;
  /** Told once when the log fails for good; the process has to end. */
  readonly onFatal?: (error: Error) => void;
}

/** An accepted statement. */
export interface Registration {
  readonly entryId: string;
  readonly index: number;
  /** `undefined` only while the log has a single entry, which no receipt can express. */
  readonly receipt: Uint8Array | undefined;
  readonly isDuplicate: boolean;
}

/** A transparency service over one log: registers statements and answers for them. */
export class TransparencyService {
  readonly issuer: string;
  readonly origin: string;
  readonly log: Log;
  /** Keys that receipts were ever signed with, the current one first (S7). */
  readonly keys: readonly PublicKey[];
  /** Published checkpoints as signed notes; `undefined` without a note key. */
  readonly notes: Notes | undefined;
  /** What asks witnesses; `undefined` where nobody is asked. */
  readonly witnessing: Witnessing | undefined;
  readonly #policies: Policies;
  readonly #now: () => number;
  readonly #state: WriteState;
  readonly #rounds: RoundWatch;
  readonly #search: Searching;
  readonly #space: Space | undefined;
  readonly #registrar: Registrar;
  // Of the service itself, which registers the heads of its index.
  readonly #ownRegistrar: Registrar;

  private constructor(options: ServiceOptions, { log, state, rounds, search }: ServiceParts) {
    this.issuer = options.issuer;
    this.origin = options.origin;
    this.log = log;
    this.keys = [options.signer.publicKey, ...(options.formerKeys ?? [])];
    this.notes = options.noteSigner && new Notes(log, options.noteSigner);
    this.#policies = new Policies(log);
    this.#state = state;
    this.#rounds = rounds;
    this.#now = options.now ?? wallClock;
    this.witnessing = this.#witnessingOf(options.witnesses);
    this.#search = search;
    this.#space = options.space;
    this.#ownRegistrar = this.#makeRegistrar();
    const { issuer, origin } = options;
    this.#registrar = { ...this.#ownRegistrar, reserved: { issuer, origin } };
  }

  /**
   * Creates the log with its first policy, signed by `operator`, at index 0 (T14). Unless a document is
   * given, that policy names this operator and nobody else. Where it throws, store and anchor are closed.
   *
   * @throws LogError `LOG_EXISTS` when the store has a log; PolicyError, StatementError when the
   * document is none or does not name the operator under the service's issuer
   */
  static async create(
    options: ServiceOptions,
    operator: Signer,
    first?: PolicyDocument,
  ): Promise<TransparencyService> {
    const { store, anchor, issuer, now = wallClock } = options;
    const admission = await closingOnFailure([store, anchor], async () => {
      const document = first ?? firstPolicy({ iss: issuer, key: operator.publicKey });
      const signed = await signPolicy(document, { issuer, issuedAt: now() }, operator);
      return Admission.bootstrap(SignedStatement.decode(signed), now());
    });
    const logId = crypto.getRandomValues(new Uint8Array(16));
    return TransparencyService.#over(options, (opened) =>
      Log.create(opened, appendRequest(admission), logId),
    );
  }

  /**
   * Opens an existing log, with all of its boot checks, and with witnesses holds it against what they
   * have of it. TypeError where there are witnesses and no note key. Where it throws, store and anchor
   * are closed.
   *
   * @throws LogError when there is none, it is in use, belongs to another key, or does not check
   */
  static async open(options: ServiceOptions): Promise<TransparencyService> {
    return TransparencyService.#over(
      options,
      (opened) => Log.open(opened),
      async (service) => {
        await service.policyInForce();
        await service.witnessing?.open();
      },
    );
  }

  #makeRegistrar(): Registrar {
    return {
      log: this.log,
      held: () => this.witnessing?.held(),
      policies: this.#policies,
      recent: () => this.#search.recent,
      now: this.#now,
      onVerified: (seconds) => {
        this.#rounds.onVerified(seconds);
      },
    };
  }

  #witnessingOf(options: WitnessOptions | undefined): Witnessing | undefined {
    if (options === undefined) return undefined;
    const { log, notes } = this;
    if (notes === undefined)
      throw new TypeError("witnesses cosign notes, and there is no note key");
    const witnessing = new Witnessing(options, { log, notes, now: this.#now });
    this.watch({
      onRound: () => {
        witnessing.wake();
      },
      onVerified: () => undefined,
    });
    return witnessing;
  }

  static async #over(
    options: ServiceOptions,
    open: (options: LogOptions) => Promise<Log>,
    begin: (service: TransparencyService) => Promise<void> = () => Promise.resolve(),
  ): Promise<TransparencyService> {
    const parts = await openParts(options, open);
    const service = await closingOnFailure(
      [parts.search, parts.log],
      () => new TransparencyService(options, parts),
    );
    return closingOnFailure([service], async () => {
      await begin(service);
      // I8: not before the witnesses were heard, for a head is an entry like any other.
      service.#commitWith(options.heads);
      return service;
    });
  }

  /**
   * Registers a signed statement; see `register`. T19: every registered statement has a receipt.
   * `onQueued` is told when the statement is admitted and waits for the log.
   *
   * @throws StatementError, PolicyError, LogError; ServerError `SERVER_HEAD_RESERVED`, `SERVER_HELD`
   */
  register(bytes: Uint8Array, onQueued?: OnQueued): Promise<Registration> {
    return this.#register(this.#registrar, bytes, onQueued);
  }

  async #register(
    registrar: Registrar,
    bytes: Uint8Array,
    onQueued?: OnQueued,
  ): Promise<Registration> {
    const registered = await register(registrar, bytes, onQueued);
    const { statement, index, size, sequenced, isDuplicate } = registered;
    const { entry, entryId } = statement;
    const receipt = await (size === 1
      ? undefined
      : sequenced === undefined || (isDuplicate && this.witnessing !== undefined)
        ? this.inclusionReceipt(entry)
        : this.log.receiptOf(sequenced));
    return { entryId, index, receipt, isDuplicate };
  }

  /**
   * Yields a receipt for an entry: under the newest checkpoint with a quorum of cosignatures, and with
   * them, where witnesses are asked and it covers the entry; else under the newest one. A frozen log
   * answers under its last one in any case: it may be the only one that counts under a cutoff.
   *
   * @throws LogError `LOG_ENTRY_NOT_FOUND`, `LOG_RECEIPT_UNAVAILABLE`, `LOG_CORRUPT`
   */
  async inclusionReceipt(entry: Uint8Array): Promise<Uint8Array> {
    const witnessed = this.witnessing?.forReceipts();
    // A tree of one entry has no receipt.
    if (witnessed === undefined || witnessed.size < 2) return this.log.inclusionReceipt(entry);
    const placement = await this.log.lookup(entry);
    if (placement === undefined || placement.index >= witnessed.size) {
      return this.log.inclusionReceipt(entry);
    }
    const receipt = await this.log.inclusionReceipt(entry, witnessed.size);
    return withNoteSignatures(receipt, witnessed.signatures);
  }

  /**
   * Yields the statement with a receipt attached, as {@link TransparencyService.inclusionReceipt}.
   *
   * @throws LogError `LOG_ENTRY_NOT_FOUND`, `LOG_RECEIPT_UNAVAILABLE`, `LOG_CORRUPT`
   */
  async transparentStatement(entry: Uint8Array): Promise<Uint8Array> {
    const receipt = await this.inclusionReceipt(entry);
    const body = await this.log.body(entry);
    // What is logged was admitted, whatever the policy says about subjects today.
    const statement = SignedStatement.decode(body, { isSubjectOptional: true });
    const placement = await this.log.lookup(entry);
    const { chain } = placement === undefined ? {} : decodeCollateral(placement.collateral);
    return attachReceipts(statement, [receipt], chain === undefined ? {} : { chain });
  }

  /** Yields the policy that the next statement is judged by. */
  policyInForce(): Promise<CommittedPolicy> {
    return this.#policies.inForce();
  }

  /** Yields the policy document that a control entry proposes or has put in force, as signed. */
  policyDocument(entryId: string): Promise<Uint8Array | undefined> {
    return this.#policies.document(entryId);
  }

  /** Tree size of the newest published checkpoint. */
  size(): number {
    return this.log.head().checkpoint.size;
  }

  /** Seconds since the newest published checkpoint. */
  checkpointAge(): number {
    return Math.max(0, this.#now() - this.log.head().checkpoint.time);
  }

  /** Whether registrations are taken; reads may go on where they are not. */
  isWritable(): boolean {
    const isWriter = !this.isStopped() && this.standing().kind === "writer";
    return isWriter && this.witnessing?.held() === undefined;
  }

  /** Whether the service is closing, or its log has failed for good. */
  isStopped(): boolean {
    return !this.#state.isWritable;
  }

  /** Whether the log takes entries, and if it can only be read, why. */
  standing(): Standing {
    return this.log.standing();
  }

  /** Yields why there is no room for registrations, `undefined` if there is. */
  shortage(): Promise<LogError | undefined> {
    return spaceShortage(this.#space);
  }

  /** Seconds since the anchor was written; before this process has, since the newest checkpoint. */
  anchorAge(): number {
    return this.#rounds.anchorAge() ?? this.checkpointAge();
  }

  /**
   * Yields the search index, as far as it has got.
   *
   * @throws {@link ServerError} `SERVER_SEARCH_OFF`, `SERVER_SEARCH_UNAVAILABLE`
   */
  requireSearch(): SearchIndex {
    return this.#search.require();
  }

  /** The search index, whether it can be used or not; `undefined` where there is none. */
  get searchIndex(): SearchIndex | undefined {
    return this.#search.index;
  }

  /**
   * Yields a page of what is found in the search index.
   *
   * @throws {@link ServerError} `SERVER_SEARCH_OFF`, `SERVER_SEARCH_UNAVAILABLE`; LogError
   */
  search(query: SearchQuery): Promise<SearchPage> {
    return this.#search.page(query);
  }

  /**
   * Yields all entries of a term up to the newest head of the index, as a completeness proof.
   *
   * @throws {@link ServerError} `SERVER_SEARCH_OFF`, `SERVER_SEARCH_UNAVAILABLE`,
   * `SERVER_HEAD_MISSING`, `SERVER_LIST_TOO_LONG`, `SERVER_BUSY`; LogError
   */
  async completeness(term: Term): Promise<Uint8Array> {
    const { kind, value, head, path, entries } = await this.#search.prove(term);
    const statement = await this.transparentStatement(head.entry);
    return encodeCompleteness({ kind, value, head: statement, path, entries });
  }

  /**
   * Commits a head of the index to the log, once it has caught up, and yields the size that it covers;
   * `undefined` where nothing has come since the last one.
   *
   * @throws {@link ServerError} `SERVER_SEARCH_OFF`, `SERVER_SEARCH_UNAVAILABLE`; PolicyError,
   * StatementError, LogError; TypeError without a key that signs heads
   */
  commitHead(): Promise<number | undefined> {
    return this.#search.commitHead();
  }

  #commitWith(options: HeadOptions | undefined): void {
    if (options === undefined) return;
    this.#search.commitWith(options, {
      now: this.#now,
      size: () => this.size(),
      register: (statement) => this.#register(this.#ownRegistrar, statement),
    });
    this.#search.wake();
  }

  /** Resolves once the search index has all that is published at the call, or has failed. */
  async searchSettled(): Promise<void> {
    await this.#search.settled();
  }

  /** Has a watcher told of rounds and verifications from here on. */
  watch(watcher: Watcher): void {
    this.#rounds.watch(watcher);
  }

  /** Finishes what is pending and closes the log. */
  async close(): Promise<void> {
    this.#state.isWritable = false;
    const witnessing = this.witnessing === undefined ? [] : [this.witnessing];
    await closeAll([...witnessing, this.#search, this.log]);
  }
}
