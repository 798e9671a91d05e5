import { X509Certificate } from "node:crypto";
import { Agent, request } from "node:https";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { SecureContextOptions } from "node:tls";

import type { Fetch } from "@tallystick/client";

/** What a client shows and trusts over TLS; PEM. */
export interface ClientTls {
  /** Trusted in place of the well-known authorities. */
  readonly ca?: Uint8Array;
  readonly cert?: Uint8Array;
  readonly key?: Uint8Array;
}

/**
 * Makes a `fetch` over TLS with material of its own, which Node's own one cannot take. It follows no
 * redirects and decodes no content, and so does as much as the client asks for.
 */
export function fetchOver(tls: ClientTls): Fetch {
  const agent = new Agent({ keepAlive: true, ...contextOf(tls) });
  return (url, init) =>
    new Promise((resolve, reject) => {
      const { method = "GET", signal } = init;
      const headers = Object.fromEntries(new Headers(init.headers));
      const options = { agent, method, headers, ...(signal && { signal }) };
      const sent = request(url, options, (answer) => {
        resolve(responseOf(answer));
      });
      sent.on("error", reject);
      sent.end(init.body instanceof Uint8Array ? init.body : undefined);
    });
}

/** Yields the material as the TLS library takes it. */
export function contextOf({ ca, cert, key }: ClientTls): SecureContextOptions {
  // The library takes a file without a single certificate for a list of none.
  if (ca !== undefined) new X509Certificate(Buffer.from(ca));
  return {
    minVersion: "TLSv1.2",
    ...(ca && { ca: Buffer.from(ca) }),
    ...(cert && { cert: Buffer.from(cert) }),
    ...(key && { key: Buffer.from(key) }),
  };
}

function responseOf(answer: IncomingMessage): Response {
  const { statusCode: status = 0, headers } = answer;
  const named = Object.entries(headers).map(([name, value]): [string, string] => [
    name,
    [value].flat().join(", "),
  ]);
  const isEmpty = status === 204 || status === 205 || status === 304;
  if (isEmpty) answer.resume();
  const body = isEmpty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>);
  return new Response(body, { status, headers: named });
}
