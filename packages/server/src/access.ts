import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { PeerCertificate } from "node:tls";

import { ServerError } from "./error.js";

/** What a credential may be used for; `admin` includes `register`. */
export const SCOPES = ["register", "admin"] as const;

export type Scope = (typeof SCOPES)[number];

/** A bearer token, as the server knows it. */
export interface TokenRecord {
  readonly name: string;
  /** Of the token as it is sent, 32 bytes. */
  readonly sha256: Uint8Array;
  readonly scopes: readonly Scope[];
}

/** Who is let in. */
export interface AccessOptions {
  /** Asked for each request, so that a change counts from the next one on; no tokens unless given. */
  readonly tokens?: () => readonly TokenRecord[];
  /** Whether certificates of clients count that the TLS layer has verified. */
  readonly certificates?: boolean;
  /** Whether reading needs a credential, too. */
  readonly authReads?: boolean;
}

/** Paths that tell a supervisor about the process, and nothing about the log. */
const PROBES: ReadonlySet<string> = new Set(["/health", "/ready"]);

const METRICS_PATH = "/metrics";

const PLAIN_TARGET = /^\/[A-Za-z0-9._~/-]*$/;

interface Client {
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/**
 * Decides which requests are let in, before anything of them is read: whatever may change something
 * needs a credential, reading only where that is asked for.
 */
export class AccessControl {
  readonly #options: AccessOptions;
  // Handshakes are rare and connections are kept, so a certificate is looked at once.
  readonly #certified = new WeakMap<TLSSocket, Client | undefined>();

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /**
   * Yields the name of the request's credential; `undefined` where it has none and needs none. A token
   * that is not known is refused wherever it is shown.
   *
   * @throws {@link ServerError} `SERVER_UNAUTHENTICATED`, `SERVER_FORBIDDEN`
   */
  admit(request: IncomingMessage): string | undefined {
    const client = this.#clientOf(request);
    const need = this.#needOf(request);
    if (need === undefined) return client?.name;
    if (client === undefined) throw new ServerError("SERVER_UNAUTHENTICATED", this.#advice());
    const { name, scopes } = client;
    if (need === "any" || scopes.includes(need) || scopes.includes("admin")) return name;
    throw new ServerError("SERVER_FORBIDDEN", `it needs the scope ${need}`);
  }

  #needOf({ method = "", url = "" }: IncomingMessage): Scope | "any" | undefined {
    if (method !== "GET" && method !== "HEAD") return "register";
    if (this.#options.authReads !== true || PROBES.has(url)) return undefined;
    // What the framework might take for another path than it looks like is for those who may read all.
    return PLAIN_TARGET.test(url) && !url.startsWith(METRICS_PATH) ? "any" : "admin";
  }

  #clientOf({ headers, socket }: IncomingMessage): Client | undefined {
    const { authorization } = headers;
    if (authorization !== undefined && this.#options.tokens !== undefined) {
      return this.#bearer(authorization, this.#options.tokens());
    }
    if (this.#options.certificates !== true || !(socket instanceof TLSSocket)) return undefined;
    if (!this.#certified.has(socket)) this.#certified.set(socket, certified(socket));
    return this.#certified.get(socket);
  }

  #bearer(authorization: string, tokens: readonly TokenRecord[]): Client {
    const [, token] = /^Bearer +([A-Za-z0-9\-._~+/]{1,500}=*) *$/i.exec(authorization) ?? [];
    const digest = createHash("sha256")
      .update(token ?? "")
      .digest();
    let found: TokenRecord | undefined;
    // All of them, whichever it is: how long it takes tells nothing about what was shown.
    for (const record of tokens) if (timingSafeEqual(record.sha256, digest)) found = record;
    if (found === undefined || token === undefined) {
      throw new ServerError("SERVER_UNAUTHENTICATED", "the token is not known here");
    }
    return { name: `token:${found.name}`, scopes: found.scopes };
  }

  #advice(): string {
    const { tokens, certificates = false } = this.#options;
    const ways = [
      ...(tokens === undefined ? [] : ["send a bearer token"]),
      ...(certificates ? ["use a client certificate that this service trusts"] : []),
    ];
    return ways.length === 0 ? "nothing can be registered here" : ways.join(", or ");
  }
}

// What the TLS layer could not verify is no credential; reading stays open to whoever shows it.
function certified(socket: TLSSocket): Client | undefined {
  // A session that was begun without a certificate counts as authorized once it is resumed.
  const peer: Partial<PeerCertificate> = socket.getPeerCertificate();
  const { raw, subject, fingerprint256 } = peer;
  if (!socket.authorized || raw === undefined || fingerprint256 === undefined) return undefined;
  const { CN: name }: { readonly CN?: unknown } = subject ?? {};
  const isName = typeof name === "string" && name !== "";
  return { name: `cert:${isName ? name : fingerprint256}`, scopes: ["register"] };
}
