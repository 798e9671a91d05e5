import { encodeBase64url } from "@tallystick/cose";

import { homePage } from "../home-page.js";
import { CACHE, json, ok } from "../route.js";
import type { Reply, RouteRequest } from "../route.js";
import type { TransparencyService } from "../service.js";
import { VERSION } from "../version.js";

/** Media type of the page for people, without its parameters. */
export const HTML_MEDIA_TYPE = "text/html";

/** Whether registrations are taken, and where not, why. */
export interface HomeState {
  readonly status: "accepting" | "no-space" | "read-only" | "frozen" | "held" | "unavailable";
  readonly reason?: string;
  /** What a quorum of witnesses claims, beside any other reason. */
  readonly held?: string;
}

/** `search` is there only where there is an index, `checkpoint` only with notes. */
export type Links = Readonly<Record<string, string>>;

/** What a service says of itself to who comes by. */
export interface Home {
  readonly name: "tallystick";
  readonly version: string;
  readonly issuer: string;
  readonly origin: string;
  /** Tree size of the newest checkpoint, its time in seconds since the epoch, and its age in seconds. */
  readonly size: number;
  readonly time: number;
  readonly age: number;
  readonly state: HomeState;
  /** The keys of its receipts by thumbprint (RFC 9679), the current one first. */
  readonly keys: readonly { readonly thumbprint: string; readonly status: "current" | "retired" }[];
  /** The key of its notes, a vkey; none unless it signs any. */
  readonly note?: string;
  /** Where else to look, by name, from the address of the service on. */
  readonly links: Links;
}

/** What the service is, in JSON for programs or as a page for people. */
export async function readHome(
  service: TransparencyService,
  { baseUrl, type }: RouteRequest,
): Promise<Reply> {
  const home = await homeOf(service);
  // Which of the two it is depends on the request, wherever it may be kept for all that.
  const vary = { vary: "accept" };
  if (type !== HTML_MEDIA_TYPE) {
    const links = Object.entries(home.links).map(
      ([name, path]) => [name, `${baseUrl}/${path}`] as const,
    );
    const reply = json({ ...home, links: Object.fromEntries<string>(links) });
    return { ...reply, headers: { ...reply.headers, ...vary } };
  }
  const { body, headers } = homePage(home);
  const kept = { type: `${HTML_MEDIA_TYPE}; charset=utf-8`, cache: CACHE.none };
  return ok(body, { ...kept, ...headers, ...vary });
}

async function homeOf(service: TransparencyService): Promise<Home> {
  const { issuer, origin, notes, keys } = service;
  const { size, time } = service.log.head().checkpoint;
  return {
    ...{ name: "tallystick", version: VERSION, issuer, origin },
    ...{ size, time, age: service.checkpointAge() },
    state: await stateOf(service),
    keys: keys.map((key, i) => ({
      thumbprint: encodeBase64url(key.thumbprint()),
      status: i === 0 ? "current" : "retired",
    })),
    ...(notes && { note: notes.key }),
    links: {
      ...(notes && { checkpoint: "checkpoint" }),
      newest: "checkpoints/latest",
      keys: ".well-known/scitt-keys",
      policy: "policy",
      ...(service.searchIndex && { search: "search" }),
      health: "health",
      openapi: "openapi.json",
    },
  };
}

async function stateOf(service: TransparencyService): Promise<HomeState> {
  const standing = service.standing();
  const claim = service.witnessing?.held();
  const held = claim === undefined ? {} : { held: claim };
  if (standing.kind === "reader") {
    const { code, reason } = standing;
    return { status: code === "LOG_FROZEN" ? "frozen" : "read-only", reason, ...held };
  }
  if (service.isStopped()) return { status: "unavailable", ...held };
  if (claim !== undefined) return { status: "held", reason: claim, ...held };
  const shortage = await service.shortage();
  return shortage === undefined ? { status: "accepting" } : { status: "no-space" };
}
