import { encodeBase64url } from "@tallystick/cose";
import type { PublicKey } from "@tallystick/cose";
import type { VerifiedInclusion } from "@tallystick/receipt";
import { MAX_STATEMENT_BYTES, entryOf, formatEntryId } from "@tallystick/statement";

import { ServiceAddress } from "./address.js";
import { decodeStatement, otherStatement, requireEntryId, sleep } from "./entry-id.js";
import { ClientError } from "./error.js";
import { registerMany } from "./many.js";
import type { BatchResult } from "./many.js";
import { decodeKey, decodeKeySet } from "./keyset.js";
import type { ClientOptions } from "./options.js";
import { ReceiptCheck } from "./receipts.js";
import {
  parsePolicyDocument,
  parsePolicyInForce,
  parseSearchPage,
  parseServiceVersion,
} from "./record.js";
import type { PolicyInForce, SearchPage, ServiceVersion } from "./record.js";
import { decodeChainRecord, decodeChainRecords, decodeEntries } from "./replay.js";
import type { ReplayedEntry } from "./replay.js";
import {
  CBOR_MEDIA_TYPE,
  CBOR_SEQUENCE_MEDIA_TYPE,
  COMPLETENESS_MEDIA_TYPE,
  COSE_MEDIA_TYPE,
  JSON_MEDIA_TYPE,
  Requester,
  TEXT_MEDIA_TYPE,
} from "./requester.js";
import { queryOf } from "./search.js";
import type { SearchParameters } from "./search.js";

/** A statement that is on the log. */
export interface Registered {
  /** Computed from the statement, not taken from the service. */
  readonly entryId: string;
  /** Where fresh receipts of it are to be had. */
  readonly location: string;
  readonly receipt: Uint8Array;
  readonly inclusion: VerifiedInclusion;
}

/** A statement that a service has taken, and may not have on the log yet. */
export interface Submitted {
  /** Computed from the statement, not taken from the service. */
  readonly entryId: string;
  /** Where the receipt is, or will be. */
  readonly location: string;
  /** `undefined` while the registration runs. */
  readonly registered: Registered | undefined;
}

/** Longest receipt; `Receipt.decode` takes no longer one. */
const MAX_RECEIPT_BYTES = 65_536;

/** Longest key set, policy, version or collateral. */
const MAX_RECORD_BYTES = 4_194_304;

/** A client of one transparency service (SCRAPI-11). It holds no state but the keys it fetched. */
export class ServiceClient {
  readonly #address: ServiceAddress;
  readonly #requester: Requester;
  readonly #receipts: ReceiptCheck;
  readonly #maxBytes: number;

  /** @throws {@link ClientError} `CLIENT_URL_INVALID` */
  constructor(serviceUrl: string, options: ClientOptions = {}) {
    this.#address = new ServiceAddress(serviceUrl);
    if (options.token !== undefined) this.#address.requirePrivate();
    this.#maxBytes = options.maxResponseBytes ?? 67_108_864;
    this.#requester = new Requester(this.#address, {
      fetch: options.fetch ?? ((url, init) => fetch(url, init)),
      timeoutMs: options.timeoutMs ?? 30_000,
      patienceMs: options.patienceMs ?? 60_000,
      maxRetries: options.maxRetries ?? 20,
      wait: options.wait ?? sleep,
      now: options.now ?? Date.now,
      random: options.random ?? Math.random,
      token: options.token,
    });
    this.#receipts = new ReceiptCheck((kid) => this.key(kid), options.trust);
  }

  /**
   * Registers a signed statement and yields its receipt, which holds for that statement.
   *
   * S27: resolves only with the receipt in hand, however the service answers. Registering again is
   * harmless, so a call that failed half-way can be repeated.
   *
   * @throws {@link ClientError} every code but `CLIENT_URL_INVALID`
   */
  async register(statement: Uint8Array): Promise<Registered> {
    const { entry, entryId } = decodeStatement(statement, "CLIENT_STATEMENT_MALFORMED");
    const { location, receipt } = await this.#requester.register(statement, {
      entryUrl: this.#address.entry(entryId),
      maxBytes: this.#limit(MAX_RECEIPT_BYTES),
    });
    const inclusion = await this.#receipts.inclusion(receipt, entry);
    return { entryId, location, receipt, inclusion };
  }

  /**
   * Hands in a signed statement without waiting until it is registered. S27: that it is accepted is no
   * more than a word; {@link ServiceClient.receipt} tells later whether it is on the log.
   *
   * @throws {@link ClientError} as {@link ServiceClient.register}
   */
  async submit(statement: Uint8Array): Promise<Submitted> {
    const { entry, entryId } = decodeStatement(statement, "CLIENT_STATEMENT_MALFORMED");
    const { location, receipt } = await this.#requester.submit(statement, {
      entryUrl: this.#address.entry(entryId),
      maxBytes: this.#limit(MAX_RECEIPT_BYTES),
    });
    if (receipt === undefined) return { entryId, location, registered: undefined };
    const inclusion = await this.#receipts.inclusion(receipt, entry);
    return { entryId, location, registered: { entryId, location, receipt, inclusion } };
  }

  /**
   * Registers any number of statements, many with each request, and yields what became of each, in
   * order. Holds a few hundred of them at a time. One that is refused does not stop the others; what
   * the service could not take for now is sent again, with patience. A service without batches is
   * given one statement after the other.
   *
   * @throws {@link ClientError} `CLIENT_UNREACHABLE`, `CLIENT_TIMEOUT`, `CLIENT_UNAVAILABLE`,
   * `CLIENT_PROTOCOL`, `CLIENT_REFUSED` when the whole request is refused
   */
  registerAll(
    statements: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  ): AsyncGenerator<BatchResult, void, undefined> {
    return registerMany(statements, {
      requester: this.#requester,
      maxReceiptBytes: this.#limit(MAX_RECEIPT_BYTES),
      one: (statement) => this.register(statement),
      follow: (entryId) => this.receipt(entryId),
      verified: async (entryId, receipt) => {
        const inclusion = await this.#receipts.inclusion(receipt, requireEntryId(entryId));
        return { entryId, location: this.#address.entry(entryId), receipt, inclusion };
      },
    });
  }

  /**
   * Resolves the newest receipt of an entry, which holds for it; waits while it is being registered.
   *
   * @throws {@link ClientError} `CLIENT_REFUSED` when there is none, `CLIENT_RECEIPT_INVALID`,
   * `CLIENT_UNREACHABLE`, `CLIENT_TIMEOUT`, `CLIENT_UNAVAILABLE`, `CLIENT_PROTOCOL`;
   * TypeError when `entryId` is none
   */
  async receipt(entryId: string): Promise<Registered> {
    const entry = requireEntryId(entryId);
    const location = this.#address.entry(entryId);
    const maxBytes = this.#limit(MAX_RECEIPT_BYTES);
    const receipt = await this.#requester.receipt(location, maxBytes);
    const inclusion = await this.#receipts.inclusion(receipt, entry);
    return { entryId, location, receipt, inclusion };
  }

  /**
   * Reads a statement with the service's newest receipt attached, which holds for it.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt}
   */
  async transparentStatement(entryId: string): Promise<Uint8Array> {
    const entry = requireEntryId(entryId);
    const bytes = await this.#requester.read({
      path: `entries/${entryId}/statement`,
      mediaType: COSE_MEDIA_TYPE,
      maxBytes: this.#maxBytes,
    });
    const statement = decodeStatement(bytes, "CLIENT_PROTOCOL");
    if (statement.entryId !== entryId) throw otherStatement();
    if (statement.receipts.length === 0) {
      throw new ClientError("CLIENT_PROTOCOL", "transparent statement without a receipt");
    }
    for (const receipt of statement.receipts) await this.#receipts.inclusion(receipt, entry);
    return bytes;
  }

  /**
   * Reads the normalised statement: the very bytes whose SHA-256 the EntryID is.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt}
   */
  async statement(entryId: string): Promise<Uint8Array> {
    requireEntryId(entryId);
    const bytes = await this.#requester.read({
      path: `statements/${entryId}`,
      mediaType: COSE_MEDIA_TYPE,
      maxBytes: this.#maxBytes,
    });
    if (formatEntryId(entryOf(bytes)) !== entryId) throw otherStatement();
    return bytes;
  }

  /**
   * Reads a receipt of consistency between two tree sizes. Its signature can only be verified from
   * the older root: give both to `verifyConsistency` of `@tallystick/verifier`.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt};
   * TypeError unless the sizes are positive safe integers, the older below the newer
   */
  async consistency(oldSize: number, newSize: number): Promise<Uint8Array> {
    if (!Number.isSafeInteger(oldSize) || !Number.isSafeInteger(newSize)) {
      throw new TypeError("tree sizes are not safe integers");
    }
    if (oldSize < 1 || newSize <= oldSize) throw new TypeError(`sizes ${oldSize} and ${newSize}`);
    const bytes = await this.#requester.read({
      path: `consistency/${oldSize}/${newSize}`,
      mediaType: COSE_MEDIA_TYPE,
      maxBytes: this.#limit(MAX_RECEIPT_BYTES),
    });
    this.#receipts.consistency(bytes, newSize);
    return bytes;
  }

  /**
   * Reads the keys that the service signs receipts with. S9: a relying party keeps them as long as
   * it holds receipts, whatever the cache headers say; keys of unknown kinds are left out.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt}
   */
  async keys(): Promise<readonly PublicKey[]> {
    const path = ".well-known/scitt-keys";
    const maxBytes = this.#limit(MAX_RECORD_BYTES);
    // S5: application/cbor is what is accepted.
    return decodeKeySet(await this.#requester.read({ path, mediaType: CBOR_MEDIA_TYPE, maxBytes }));
  }

  /**
   * Reads one key by its kid.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt}
   */
  async key(kid: Uint8Array): Promise<PublicKey> {
    // S10, S13: application/cbor is accepted, and the unpadded base64url of any kid names it.
    const path = `.well-known/scitt-keys/${encodeBase64url(kid)}`;
    const maxBytes = this.#limit(MAX_RECORD_BYTES);
    const body = await this.#requester.read({ path, mediaType: CBOR_MEDIA_TYPE, maxBytes });
    return decodeKey(body, kid);
  }

  /**
   * Reads the registration policy in force, as the service tells it.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt}
   */
  async policy(): Promise<PolicyInForce> {
    return parsePolicyInForce(await this.#record("policy"));
  }

  /**
   * Reads the policy document that a control entry proposes or has put in force, as the service tells
   * it.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt}; TypeError when `entryId` is none
   */
  async policyDocument(entryId: string): Promise<unknown> {
    requireEntryId(entryId);
    return parsePolicyDocument(await this.#record(`policies/${entryId}`));
  }

  /**
   * Reads what an entry was admitted with beside the statement, in CBOR.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt}; TypeError when `entryId` is none
   */
  collateral(entryId: string): Promise<Uint8Array> {
    requireEntryId(entryId);
    const path = `entries/${entryId}/collateral`;
    const maxBytes = this.#limit(MAX_RECORD_BYTES);
    return this.#requester.read({ path, mediaType: CBOR_MEDIA_TYPE, maxBytes });
  }

  /**
   * Reads the chain record of the checkpoint that was signed at a size. What it says is for
   * `SignedCheckpoint.verify` of `@tallystick/receipt` to verify.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt};
   * TypeError unless the size is a positive safe integer
   */
  async checkpoint(size: number): Promise<Uint8Array> {
    if (!Number.isSafeInteger(size) || size < 1) throw new TypeError(`tree size ${size}`);
    return this.#chainRecord(`checkpoints/${size}`);
  }

  /**
   * Reads the chain record of the newest checkpoint; see {@link ServiceClient.checkpoint}.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt}
   */
  latestCheckpoint(): Promise<Uint8Array> {
    return this.#chainRecord("checkpoints/latest");
  }

  /**
   * Reads the newest checkpoint as a signed note (C2SP tlog-checkpoint), or that of a size. What it
   * says is for `VerifiedNote.verify` of `@tallystick/tlog` to verify.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt};
   * TypeError unless the size is a positive safe integer
   */
  note(size?: number): Promise<Uint8Array> {
    if (size !== undefined && (!Number.isSafeInteger(size) || size < 1)) {
      throw new TypeError(`tree size ${size}`);
    }
    const path = size === undefined ? "checkpoint" : `notes/${size}`;
    const maxBytes = this.#limit(MAX_RECORD_BYTES);
    return this.#requester.read({ path, mediaType: TEXT_MEDIA_TYPE, maxBytes });
  }

  /**
   * Reads the entries of one bundle of a replay, 256·n to 256·n + 255, as far as the newest checkpoint
   * covers them: as they come in, one in memory at a time. Nothing of them is checked.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt}, also between two entries;
   * TypeError unless the bundle is a safe integer from 0 on
   */
  replayEntries(bundle: number): AsyncGenerator<ReplayedEntry, void, undefined> {
    return decodeEntries(this.#bundle("entries", bundle), this.#limit(MAX_STATEMENT_BYTES));
  }

  /**
   * Reads the chain records of the checkpoints of the sizes 256·n + 1 to 256·n + 256, ascending;
   * see {@link ServiceClient.replayEntries} and {@link ServiceClient.checkpoint}.
   *
   * @throws {@link ClientError}, TypeError as {@link ServiceClient.replayEntries}
   */
  replayCheckpoints(bundle: number): AsyncGenerator<Uint8Array, void, undefined> {
    return decodeChainRecords(this.#bundle("checkpoints", bundle), this.#limit(MAX_RECEIPT_BYTES));
  }

  #bundle(
    what: "entries" | "checkpoints",
    bundle: number,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (!Number.isSafeInteger(bundle) || bundle < 0) throw new TypeError(`bundle ${bundle}`);
    return this.#requester.stream({
      path: `replay/${what}/${bundle}`,
      mediaType: CBOR_SEQUENCE_MEDIA_TYPE,
      maxBytes: this.#limit(MAX_RECEIPT_BYTES),
    });
  }

  async #chainRecord(path: string): Promise<Uint8Array> {
    const maxBytes = this.#limit(MAX_RECEIPT_BYTES);
    const body = await this.#requester.read({ path, mediaType: CBOR_MEDIA_TYPE, maxBytes });
    return decodeChainRecord(body);
  }

  /**
   * Reads who the service says it is.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt}
   */
  async version(): Promise<ServiceVersion> {
    return parseServiceVersion(await this.#record("version"));
  }

  /**
   * Searches the log: a page of what the service has found. It is the service's word, and so is that
   * there is nothing else.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt}
   */
  async search(query: SearchParameters): Promise<SearchPage> {
    return parseSearchPage(await this.#record(`search${queryOf(query)}`));
  }

  /**
   * Reads a completeness proof: all entries of an issuer or about a subject, up to the newest size that
   * the index was committed to at. Give it to `verifyCompleteness` of `@tallystick/verifier`.
   *
   * @throws {@link ClientError} as {@link ServiceClient.receipt}
   */
  completeness(query: Pick<SearchParameters, "iss" | "sub">): Promise<Uint8Array> {
    const path = `search/proof${queryOf(query)}`;
    return this.#requester.read({
      ...{ path, mediaType: COMPLETENESS_MEDIA_TYPE, maxBytes: this.#maxBytes },
    });
  }

  #record(path: string): Promise<Uint8Array> {
    const maxBytes = this.#limit(MAX_RECORD_BYTES);
    return this.#requester.read({ path, mediaType: JSON_MEDIA_TYPE, maxBytes });
  }

  #limit(maxBytes: number): number {
    return Math.min(maxBytes, this.#maxBytes);
  }
}
