import type { ServiceAddress } from "./address.js";
import { ClientError } from "./error.js";
import { exchange } from "./exchange.js";
import type { Answer, Exchange, ExchangeOptions } from "./exchange.js";
import { Patience } from "./patience.js";
import type { PatienceOptions } from "./patience.js";
import { PROBLEM_MEDIA_TYPE, decodeProblem, formatRefusal, readOnlyError } from "./problem.js";

/** Media types of the API (SCRAPI-11 §2). */
export const COSE_MEDIA_TYPE = "application/cose";
export const CBOR_MEDIA_TYPE = "application/cbor";
/** RFC 8742 §5. */
export const CBOR_SEQUENCE_MEDIA_TYPE = "application/cbor-seq";
export const JSON_MEDIA_TYPE = "application/json";
/** Of completeness proofs. */
export const COMPLETENESS_MEDIA_TYPE = "application/vnd.tallystick.completeness+cbor";
/** Of signed notes. */
export const TEXT_MEDIA_TYPE = "text/plain";

/** Media type of CBOR sequences (RFC 8742 §5). */
export const SEQUENCE_MEDIA_TYPE = "application/cbor-seq";

/** How many times longer than for one statement an answer for many is waited for. */
const BATCH_TIMES = 10;

/** A resource to read. */
export interface ResourceRequest {
  /** Below the service's address. */
  readonly path: string;
  /** What the answer has to be; also asked for. */
  readonly mediaType: string;
  /** Longest answer that is read as a whole, a refusal among them. */
  readonly maxBytes: number;
}

/** What a registration is followed with. */
export interface Following {
  /** Where the receipt is, unless the service says otherwise. */
  readonly entryUrl: string;
  readonly maxBytes: number;
}

/** What a batch is sent with. */
export interface Batching {
  readonly maxBytes: number;
  readonly patience: Patience;
}

/** Speaks to one service: asks, waits, asks again, and tells an answer from a refusal. */
export class Requester {
  readonly #address: ServiceAddress;
  readonly #options: ExchangeOptions & PatienceOptions;

  constructor(address: ServiceAddress, options: ExchangeOptions & PatienceOptions) {
    this.#address = address;
    this.#options = options;
  }

  /**
   * Reads a resource that is there or is not.
   *
   * @throws {@link ClientError} `CLIENT_UNREACHABLE`, `CLIENT_TIMEOUT`, `CLIENT_REFUSED`,
   * `CLIENT_UNAVAILABLE`, `CLIENT_PROTOCOL`
   */
  async read({ path, mediaType, maxBytes }: ResourceRequest): Promise<Uint8Array> {
    const url = this.#address.resource(path);
    const request = { url, accept: mediaType, maxBytes };
    return bodyOf(await this.#ask(request, this.#patience()), mediaType);
  }

  /**
   * Reads a resource as it comes in, however long it is. Only the beginning is asked for again when the
   * service is busy.
   *
   * @throws {@link ClientError} as {@link Requester.read}, also between two chunks
   */
  async *stream(request: ResourceRequest): AsyncGenerator<Uint8Array, void, undefined> {
    const { path, mediaType, maxBytes } = request;
    const url = this.#address.resource(path);
    const asked = { url, accept: mediaType, maxBytes, isStreamed: true };
    const answer = await this.#ask(asked, this.#patience());
    if (answer.chunks === undefined) throw otherType(answer, mediaType);
    yield* answer.chunks;
  }

  /**
   * Registers a statement and follows it until its receipt is there (SCRAPI-11 §2.3, §2.4).
   *
   * A `Location` on another origin is not followed; `entryUrl` takes its place.
   *
   * @throws {@link ClientError} as {@link Requester.read}
   */
  async register(
    statement: Uint8Array,
    { entryUrl, maxBytes }: Following,
  ): Promise<{ readonly location: string; readonly receipt: Uint8Array }> {
    const patience = this.#patience();
    const { location, answer } = await this.#post(
      { body: statement },
      { entryUrl, maxBytes, patience },
    );
    if (answer.body.length > 0) return { location, receipt: bodyOf(answer, COSE_MEDIA_TYPE) };
    await patience.pause(answer.retryAfterMs, { reason: RUNNING });
    return { location, receipt: await this.#follow(location, { maxBytes, patience }) };
  }

  /**
   * Registers a statement, asks not to be kept waiting (RFC 7240) and follows nothing. `receipt` is
   * `undefined` while the registration runs.
   *
   * @throws {@link ClientError} as {@link Requester.read}
   */
  async submit(
    statement: Uint8Array,
    following: Following,
  ): Promise<{ readonly location: string; readonly receipt: Uint8Array | undefined }> {
    const posting = { body: statement, prefer: "respond-async" };
    const patience = this.#patience();
    const { location, answer } = await this.#post(posting, { ...following, patience });
    const isDone = answer.body.length > 0;
    return { location, receipt: isDone ? bodyOf(answer, COSE_MEDIA_TYPE) : undefined };
  }

  /**
   * Registers a sequence of statements and reads the sequence of results.
   *
   * @throws {@link ClientError} as {@link Requester.read}
   */
  async batch(sequence: Uint8Array, { maxBytes, patience }: Batching): Promise<Uint8Array> {
    const url = this.#address.resource("batch");
    const post = { mediaType: SEQUENCE_MEDIA_TYPE, body: sequence };
    const request = { url, accept: SEQUENCE_MEDIA_TYPE, post, maxBytes };
    const timeoutMs = BATCH_TIMES * this.#options.timeoutMs;
    const answer = await this.#ask(request, patience, timeoutMs);
    // A sequence may have no item.
    return answer.body.length === 0 ? answer.body : bodyOf(answer, SEQUENCE_MEDIA_TYPE);
  }

  /** Yields the waits of one call. */
  patience(): Patience {
    return this.#patience();
  }

  /**
   * Reads a receipt, waiting while the registration runs.
   *
   * @throws {@link ClientError} as {@link Requester.read}
   */
  receipt(entryUrl: string, maxBytes: number): Promise<Uint8Array> {
    return this.#follow(entryUrl, { maxBytes, patience: this.#patience() });
  }

  async #post(
    { body, prefer }: { readonly body: Uint8Array; readonly prefer?: string },
    { entryUrl, maxBytes, patience }: Following & { readonly patience: Patience },
  ): Promise<{ readonly location: string; readonly answer: Answer }> {
    const url = this.#address.resource("entries");
    const accept = `${CBOR_MEDIA_TYPE}, ${COSE_MEDIA_TYPE}`;
    const preferred = prefer === undefined ? {} : { prefer };
    const post = { mediaType: COSE_MEDIA_TYPE, body, ...preferred };
    const answer = await this.#ask({ url, accept, post, maxBytes }, patience);
    return { location: this.#address.follow(answer.location, url) ?? entryUrl, answer };
  }

  async #follow(
    url: string,
    { maxBytes, patience }: { readonly maxBytes: number; readonly patience: Patience },
  ): Promise<Uint8Array> {
    for (;;) {
      const answer = await this.#ask({ url, accept: COSE_MEDIA_TYPE, maxBytes }, patience);
      if (answer.body.length > 0) return bodyOf(answer, COSE_MEDIA_TYPE);
      await patience.pause(answer.retryAfterMs, { reason: RUNNING });
    }
  }

  // S3: a status is handled by its class, and problem details are believed over the code.
  async #ask(
    request: Exchange,
    patience: Patience,
    timeoutMs: number = this.#options.timeoutMs,
  ): Promise<Answer> {
    for (;;) {
      const answer = await exchange(request, { ...this.#options, timeoutMs });
      const { status, retryAfterMs } = answer;
      const isProblem = answer.mediaType === PROBLEM_MEDIA_TYPE;
      if (status >= 200 && status <= 299 && !isProblem) return answer;
      const refusal = isProblem
        ? decodeProblem(status, answer.body)
        : { status, title: undefined, detail: undefined };
      const said = formatRefusal(refusal);
      if (status === 429 || status === 503 || (status >= 500 && retryAfterMs !== undefined)) {
        const final = retryAfterMs === undefined ? readOnlyError(refusal) : undefined;
        if (final !== undefined) throw final;
        const reason = `the service is not available (${said})`;
        await patience.pause(retryAfterMs, { reason, refusal });
      } else if (status >= 500) {
        throw new ClientError("CLIENT_UNAVAILABLE", `the service failed: ${said}`, { refusal });
      } else if (status >= 400 || isProblem) {
        throw new ClientError("CLIENT_REFUSED", said, { refusal });
      } else {
        const message = `status ${status} is no answer; redirects are not followed`;
        throw new ClientError("CLIENT_PROTOCOL", message, { refusal });
      }
    }
  }

  #patience(): Patience {
    return new Patience(this.#options);
  }
}

const RUNNING = "the registration is still running";

function bodyOf(answer: Answer, want: string): Uint8Array {
  const { status, mediaType, body } = answer;
  if (body.length === 0) {
    throw new ClientError("CLIENT_PROTOCOL", `status ${status} without a body, want ${want}`);
  }
  if (mediaType === want) return body;
  throw otherType(answer, want);
}

function otherType({ mediaType }: Answer, want: string): ClientError {
  const got = /^[a-z0-9.+-]{1,60}\/[a-z0-9.+-]{1,60}$/.test(mediaType) ? mediaType : "of no type";
  return new ClientError("CLIENT_PROTOCOL", `answer is ${got}, want ${want}`);
}
