import { encodeCbor } from "@tallystick/cose";
import type { Signer } from "@tallystick/cose";

import type { Fetch } from "../exchange.js";
import { ServiceClient } from "../service.js";
import type { ClientOptions } from "../options.js";
import { SERVICE } from "./scene.js";

/** A request as it went over the wire. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: Uint8Array | undefined;
}

type Answer = () => Response | Promise<Response>;

/** A service in memory that gives prepared answers in order, by path; and what it was asked. */
export class Wire {
  readonly sent: Sent[] = [];
  readonly waits: number[] = [];
  readonly #answers: Map<string, Answer[]>;

  constructor(answers: Readonly<Record<string, readonly Answer[]>>) {
    this.#answers = new Map(Object.entries(answers).map(([path, list]) => [path, [...list]]));
  }

  readonly fetch: Fetch = async (url, init) => {
    const body = init.body as Uint8Array | undefined;
    const method = init.method ?? "";
    const path = url.startsWith(`${SERVICE}/`) ? url.slice(SERVICE.length) : url;
    this.sent.push({ method, path, headers: new Headers(init.headers), body });
    const answers = this.#answers.get(`${method} ${path}`) ?? [];
    // The last answer is given for good.
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer === undefined) throw new Error(`nothing prepared for ${method} ${path}`);
    return await answer();
  };

  /** A client on this wire whose waits take no time and are written down. */
  client(options: ClientOptions = {}): ServiceClient {
    return new ServiceClient(SERVICE, {
      fetch: this.fetch,
      wait: (ms) => {
        this.waits.push(ms);
        return Promise.resolve();
      },
      random: () => 0,
      now: () => Date.UTC(2026, 0, 1),
      ...options,
    });
  }

  paths(): string[] {
    return this.sent.map(({ method, path }) => `${method} ${path}`);
  }
}

type HeaderList = Readonly<Record<string, string>>;

export function answer(status: number, headers: HeaderList = {}, body?: Uint8Array): Answer {
  return () => new Response(body === undefined ? null : new Uint8Array(body), { status, headers });
}

export function cose(status: number, body: Uint8Array, headers: HeaderList = {}): Answer {
  return answer(status, { "content-type": "application/cose", ...headers }, body);
}

export function json(value: unknown): Answer {
  const body = new TextEncoder().encode(JSON.stringify(value));
  return answer(200, { "content-type": "application/json; charset=utf-8" }, body);
}

export function problem(
  status: number,
  [title, detail]: readonly [string, string],
  headers: HeaderList = {},
): Answer {
  const type = "application/concise-problem-details+cbor";
  const details = new Map([
    [-1, title],
    [-2, detail],
  ]);
  return answer(status, { "content-type": type, ...headers }, encodeCbor(details));
}

export function keySet(...keys: readonly Signer[]): Answer {
  const body = encodeCbor(keys.map(({ publicKey }) => publicKey.toCoseKey()));
  return answer(200, { "content-type": "application/cbor" }, body);
}

export function oneKey({ publicKey }: Signer): Answer {
  return answer(200, { "content-type": "application/cbor" }, encodeCbor(publicKey.toCoseKey()));
}
