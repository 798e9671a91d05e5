/**
 * A witness of transparency logs (C2SP tlog-witness): it remembers the last checkpoint of each log that
 * it watches, cosigns the next one if a proof shows that it extends that, and never cosigns two that
 * contradict. So whoever demands its cosignature cannot be shown another history than everybody else.
 *
 * {@link Witness} is the whole of it, without HTTP and files; {@link witnessHandler} and
 * {@link serveWitness} put it on a port, {@link FileStore} its state on a disk.
 *
 * The other side is {@link askWitness}: a log asks a witness for a cosignature, and believes nothing but
 * what verifies. {@link latestAt} reads what a witness has of a log.
 *
 * @packageDocumentation
 */
export {
  ASK_OUTCOMES,
  type Asked,
  type AskOptions,
  type AskOutcome,
  askWitness,
  type CosignRequest,
  latestAt,
  type OwnLog,
  type OwnNote,
  ownNoteIn,
  type WitnessPeer,
} from "./ask.js";
export { WitnessError, type WitnessErrorCode, type WitnessErrorOptions } from "./error.js";
export { FileStore } from "./file-store.js";
export {
  type Listening,
  type RunningWitness,
  serveWitness,
  type ServingOptions,
  witnessHandler,
} from "./http.js";
export { formatFreshState } from "./state.js";
export type { StateStore, StoredState } from "./store.js";
export {
  MAX_ORIGIN_BYTES,
  originHash,
  type WatchedLog,
  Witness,
  type WitnessOptions,
} from "./witness.js";
