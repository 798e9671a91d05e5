import type { Checkpoint } from "@tallystick/receipt";

import { LogError, toLogError } from "./error.js";
import { controlKey, FROZEN_KEY, META_KEY, openRow } from "./layout.js";
import { PinnedRows, type RowSource } from "./pinned.js";
import { decodeControl, decodeFrozen, decodeMeta, type Frozen, type Meta } from "./record.js";

/** What a stored log says of itself. */
export interface LogLabel extends Meta {
  /** The newest checkpoint, its signature unseen. */
  readonly newest: Checkpoint;
  /** Why and when it was closed to entries, if it was. */
  readonly frozen: Frozen | undefined;
  /** Thumbprints of the keys that may sign the next one. */
  readonly receiptKeys: readonly Uint8Array[];
}

/**
 * Yields what a store says of the log that it holds, intact but unverified: for tools that must not
 * open the log itself.
 *
 * @throws {@link LogError} `LOG_NOT_FOUND`, `LOG_SCHEMA_UNSUPPORTED`, `LOG_CORRUPT`, `LOG_UNAVAILABLE`
 */
export async function readLabel(rows: RowSource): Promise<LogLabel> {
  const pinned = await PinnedRows.pin(rows);
  try {
    const [meta, frozen] = await rows.getMany([META_KEY, FROZEN_KEY]);
    if (meta === undefined) throw new LogError("LOG_CORRUPT", "meta is missing");
    const key = controlKey(pinned.control);
    const [control] = await pinned.getMany([key]);
    if (control === undefined) throw new LogError("LOG_CORRUPT", "the control entry is missing");
    const fixed = decodeMeta(openRow({ key: META_KEY, value: meta }));
    const { receiptKeys = [fixed.kid] } = decodeControl(openRow({ key, value: control }));
    return {
      ...fixed,
      receiptKeys,
      newest: pinned.stated,
      frozen: frozen && decodeFrozen(openRow({ key: FROZEN_KEY, value: frozen })),
    };
  } catch (error) {
    throw toLogError(error, "LOG_UNAVAILABLE", "read failed");
  }
}
