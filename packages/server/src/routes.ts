import { COMPLETENESS_MEDIA_TYPE } from "@tallystick/catalog";
import type { ScrubAges } from "@tallystick/log";

import { CLIENT_SHARE, MAX_PROOF_BYTES_HELD, SharedBudget } from "./budget.js";
import type { Metrics } from "./metrics.js";
import { OpenApi } from "./openapi.js";
import { operationOf } from "./operations.js";
import { readReady } from "./ready.js";
import type { Readiness } from "./ready.js";
import type { Registrations } from "./registrations.js";
import type { Reply, Route, RouteRequest } from "./route.js";
import { postBatch } from "./routes/batch.js";
import type { Batches } from "./routes/batch.js";
import {
  COSE_MEDIA_TYPE,
  postEntry,
  readCollateral,
  readReceipt,
  readStatement,
  readTransparentStatement,
} from "./routes/entries.js";
import { CBOR_MEDIA_TYPE, readKey, readKeys } from "./routes/keys.js";
import { HTML_MEDIA_TYPE, readHome } from "./routes/home.js";
import { readNewestNote, readNote } from "./routes/notes.js";
import {
  CBOR_SEQUENCE_MEDIA_TYPE,
  readCheckpoint,
  readReplayCheckpoints,
  readReplayEntries,
} from "./routes/replay.js";
import {
  JSON_MEDIA_TYPE,
  TEXT_MEDIA_TYPE,
  readMetrics,
  readConsistency,
  readHealth,
  readPolicy,
  readPolicyDocument,
  readVersion,
} from "./routes/status.js";
import { proofsUnderway, readCompleteness, readSearch } from "./routes/search.js";
import { BYTES_MEDIA_TYPE, readEntryBundle, readTile } from "./routes/tiles.js";
import type { TransparencyService } from "./service.js";

type Answer = (service: TransparencyService, request: RouteRequest) => Reply | Promise<Reply>;

/** What routes tell besides what the service knows. */
export interface RouteOptions extends Readiness {
  /** How old the last whole passes of the log's scrub are, where one runs. */
  readonly scrub?: () => ScrubAges;
  /** Most bytes of completeness proofs that are held at once. */
  readonly maxProofBytesHeld?: number;
}

/** What routes are made of. */
export interface RouteParts extends RouteOptions {
  readonly service: TransparencyService;
  readonly metrics: Metrics;
  readonly registrations: Registrations;
  readonly batches: Omit<Batches, "registrations">;
}

/** Every resource of the service: the four of SCRAPI first, then its own. */
export function routesOf(parts: RouteParts): readonly Route[] {
  const { service, metrics, registrations, batches, scrub } = parts;
  const most = parts.maxProofBytesHeld ?? MAX_PROOF_BYTES_HELD;
  const proofs = {
    held: new SharedBudget({ most, mostOfOne: most * CLIENT_SHARE, what: "bytes of proofs" }),
    underway: proofsUnderway(),
  };
  let document: OpenApi | undefined;
  const get = (path: string, produces: string, answer: Answer): Route => ({
    method: "GET",
    path,
    produces,
    answer: async (request) => answer(service, request),
    operation: operationOf("GET", path),
  });
  const routes: readonly Route[] = [
    {
      method: "POST",
      path: "/entries",
      produces: COSE_MEDIA_TYPE,
      consumes: COSE_MEDIA_TYPE,
      answer: (request) => postEntry(registrations, request),
      operation: operationOf("POST", "/entries"),
    },
    get("/entries/:id", COSE_MEDIA_TYPE, (_service, request) =>
      readReceipt(service, registrations, request),
    ),
    get("/.well-known/scitt-keys", CBOR_MEDIA_TYPE, readKeys),
    get("/.well-known/scitt-keys/:kid", CBOR_MEDIA_TYPE, readKey),
    {
      method: "POST",
      path: "/batch",
      produces: CBOR_SEQUENCE_MEDIA_TYPE,
      consumes: CBOR_SEQUENCE_MEDIA_TYPE,
      isStreamed: true,
      operation: operationOf("POST", "/batch"),
      answer: (request) => postBatch({ ...batches, registrations }, request),
    },
    get("/entries/:id/statement", COSE_MEDIA_TYPE, readTransparentStatement),
    get("/entries/:id/collateral", CBOR_MEDIA_TYPE, readCollateral),
    get("/statements/:id", COSE_MEDIA_TYPE, readStatement),
    get("/consistency/:old/:new", COSE_MEDIA_TYPE, readConsistency),
    get("/checkpoints/:size", CBOR_MEDIA_TYPE, readCheckpoint),
    get("/checkpoint", TEXT_MEDIA_TYPE, readNewestNote),
    get("/notes/:size", TEXT_MEDIA_TYPE, readNote),
    // The narrower path first: the other one would take it for a tile.
    get("/tile/entries/*tile", BYTES_MEDIA_TYPE, readEntryBundle),
    get("/tile/*tile", BYTES_MEDIA_TYPE, readTile),
    get("/replay/entries/:bundle", CBOR_SEQUENCE_MEDIA_TYPE, readReplayEntries),
    get("/replay/checkpoints/:bundle", CBOR_SEQUENCE_MEDIA_TYPE, readReplayCheckpoints),
    get("/search", JSON_MEDIA_TYPE, readSearch),
    get("/search/proof", COMPLETENESS_MEDIA_TYPE, (_service, request) =>
      readCompleteness(service, request, proofs),
    ),
    { ...get("/", JSON_MEDIA_TYPE, readHome), alsoProduces: [HTML_MEDIA_TYPE] },
    get("/policy", JSON_MEDIA_TYPE, readPolicy),
    get("/policies/:id", JSON_MEDIA_TYPE, readPolicyDocument),
    get("/health", JSON_MEDIA_TYPE, () => readHealth(service, scrub)),
    get("/ready", JSON_MEDIA_TYPE, () => readReady(service, parts)),
    get("/metrics", TEXT_MEDIA_TYPE, () => readMetrics(metrics)),
    get("/version", JSON_MEDIA_TYPE, readVersion),
    get("/openapi.json", JSON_MEDIA_TYPE, (_service, { baseUrl }) => {
      document ??= new OpenApi(routes);
      return document.read(baseUrl);
    }),
  ];
  return routes;
}
