import { ClientError } from "./error.js";

/** Where a service is, and where its resources are below that. */
export class ServiceAddress {
  readonly #base: URL;

  /**
   * Takes the URL that the service's paths hang below: its origin, or a path on it.
   *
   * @throws {@link ClientError} `CLIENT_URL_INVALID`
   */
  constructor(serviceUrl: string) {
    const base = parseUrl(serviceUrl);
    if (base === undefined || !/^https?:$/.test(base.protocol)) {
      throw new ClientError("CLIENT_URL_INVALID", "service address is no http or https URL");
    }
    if (base.search !== "" || base.hash !== "" || base.username !== "" || base.password !== "") {
      throw new ClientError(
        "CLIENT_URL_INVALID",
        "service address has credentials, a query or a fragment",
      );
    }
    if (!base.pathname.endsWith("/")) base.pathname += "/";
    this.#base = base;
  }

  /**
   * Demands that a token may go there; see {@link requirePrivate}.
   *
   * @throws {@link ClientError} `CLIENT_URL_INVALID`
   */
  requirePrivate(): void {
    requirePrivate(this.#base);
  }

  /** Yields the URL of a resource; `path` is relative and made of path-safe segments. */
  resource(path: string): string {
    return new URL(path, this.#base).href;
  }

  /** Yields the receipt resource of an entry (SCRAPI-11 §2.4). */
  entry(entryId: string): string {
    return this.resource(`entries/${entryId}`);
  }

  /**
   * Yields where a `Location` header leads, `undefined` when it leaves the service's origin: a
   * service must not send its clients elsewhere.
   */
  follow(location: string | null, from: string): string | undefined {
    const target = location === null ? undefined : parseUrl(location, from);
    if (target?.origin !== this.#base.origin || target.username !== "") return undefined;
    target.hash = "";
    return target.href;
  }
}

/**
 * Demands that nobody on the way can read a token that is sent: TLS, or this very machine.
 *
 * @throws {@link ClientError} `CLIENT_URL_INVALID`
 */
export function requirePrivate({ protocol, hostname }: URL): void {
  const isHere = /^(localhost|127\.[0-9.]+|\[::1\])$/.test(hostname);
  if (protocol === "https:" || isHere) return;
  throw new ClientError("CLIENT_URL_INVALID", "a token goes to an https address, or to loopback");
}

function parseUrl(text: string, base?: string): URL | undefined {
  return URL.canParse(text, base) ? new URL(text, base) : undefined;
}
