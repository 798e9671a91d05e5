import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";

/**
 * Names the client behind a request by its credential, `undefined` where it shows none. The names of
 * credentials and those of addresses never meet.
 */
export type ClientOf = (request: IncomingMessage) => string | undefined;

/** Where clients are told apart. */
export interface ClientOptions {
  /** How many proxies stand before the service, each of which adds to `X-Forwarded-For`. */
  readonly proxies: number;
  readonly clientOf?: ClientOf | undefined;
}

/** Names the client behind a request: by its credential, or by its address, of IPv6 the /64. */
export function clientName(request: IncomingMessage, options: ClientOptions): string {
  const named = options.clientOf?.(request);
  return named === undefined ? `at ${addressOf(request, options.proxies)}` : `by ${named}`;
}

function addressOf({ socket, headers }: IncomingMessage, proxies: number): string {
  const nearest = socket.remoteAddress ?? "";
  if (proxies === 0) return networkOf(nearest);
  const forwarded = [headers["x-forwarded-for"] ?? []].flat().join(",");
  // What the proxies have added stands at the end; what stands before that, anybody can have sent.
  const hops = [...forwarded.split(","), nearest].map((hop) => hop.trim());
  const client = hops[hops.length - 1 - proxies] ?? "";
  return networkOf(isIP(client) === 0 ? nearest : client);
}

// One subscriber has at least a /64, so an address below that tells nobody apart.
function networkOf(address: string): string {
  const [, mapped] = /^::ffff:([0-9.]+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  if (isIP(address) !== 6) return address;
  const [bare = ""] = address.split("%", 1);
  const [head = "", tail = ""] = bare.split("::");
  const [left, right] = [groupsOf(head), groupsOf(tail)];
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => 0);
  const groups = [...left, ...zeros, ...right].slice(0, 4);
  return `${groups.map((group) => group.toString(16)).join(":")}::/64`;
}

function groupsOf(text: string): readonly number[] {
  if (text === "") return [];
  // An IPv4 address at the end takes the place of two groups, which are none of the first four.
  return text
    .replace(/[0-9]+\.[0-9.]+$/, "0:0")
    .split(":")
    .map((group) => Number.parseInt(group, 16));
}
