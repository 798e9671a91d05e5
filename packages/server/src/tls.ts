import { X509Certificate } from "node:crypto";
import { createServer } from "node:https";
import type { Server, ServerOptions } from "node:https";
import { createSecureContext } from "node:tls";
import type { SecureContextOptions } from "node:tls";

/** What a server shows and trusts over TLS; PEM. */
export interface TlsMaterial {
  /** The server's certificate, and those that certify it after it. */
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
  /** Certificates that clients' certificates have to lead to; clients are asked for none unless given. */
  readonly clientCa?: Uint8Array | undefined;
}

/** Longest time for a handshake, in milliseconds. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Makes a server that speaks TLS 1.2 and later. A client's certificate is asked for where there is
 * something to hold it against, and not insisted on: what it may do without one is for access control
 * to say, in words that the client understands.
 *
 * Throws what the TLS library says about unusable material.
 */
export function createTlsServer(material: TlsMaterial, options: ServerOptions): Server {
  // S29: nobody on the way reads or changes what is sent.
  return createServer({
    ...options,
    ...contextOf(material),
    requestCert: material.clientCa !== undefined,
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  });
}

/**
 * Has new connections use other material; those that are open keep theirs. Whether clients are asked
 * for certificates cannot be changed.
 *
 * Throws what the TLS library says about unusable material, and has then changed nothing.
 */
export function reloadTls(server: Server, material: TlsMaterial): void {
  const context = contextOf(material);
  createSecureContext(context);
  server.setSecureContext(context);
}

function contextOf({ cert, key, clientCa }: TlsMaterial): SecureContextOptions {
  // The library takes a file without a single certificate for a list of none.
  if (clientCa !== undefined) new X509Certificate(Buffer.from(clientCa));
  return {
    cert: Buffer.from(cert),
    key: Buffer.from(key),
    ...(clientCa === undefined ? {} : { ca: Buffer.from(clientCa) }),
    minVersion: "TLSv1.2",
  };
}
