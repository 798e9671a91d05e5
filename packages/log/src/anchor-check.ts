import type { Anchor, AnchorRecord } from "./anchor.js";
import { LogError } from "./error.js";
import { checkpointKey, hexPrefix, isEqual } from "./layout.js";
import { decodeChainLink } from "./record.js";
import type { Survey } from "./survey.js";

// Records held against the store in one read.
const RECORDS_AT_ONCE = 64;

/** What {@link checkAnchor} needs. */
export interface AnchorCheckOptions {
  readonly anchor: Anchor;
  /** Tree size of the store's head; what the anchor holds beyond it is not looked at here. */
  readonly size: number;
}

/**
 * Holds the anchor against the kept checkpoints: its chain must be whole, and every record up to the
 * size must be a checkpoint that is kept. Yields how many records were read, a few at a time. An
 * anchor may begin late.
 *
 * @throws {@link LogError} `LOG_UNAVAILABLE`
 */
export async function* checkAnchor(
  survey: Survey,
  { anchor, size }: AnchorCheckOptions,
): AsyncIterable<number> {
  let waiting: AnchorRecord[] = [];
  try {
    for await (const record of anchor.records()) {
      if (record.size > size) break;
      waiting.push(record);
      if (waiting.length < RECORDS_AT_ONCE) continue;
      await compare(survey, waiting);
      yield waiting.length;
      waiting = [];
    }
  } catch (error) {
    if (!(error instanceof LogError) || error.code !== "LOG_CORRUPT") throw error;
    survey.findings.add("malformed", "anchor", error.message);
  }
  await compare(survey, waiting);
  if (waiting.length > 0) yield waiting.length;
}

async function compare(survey: Survey, records: readonly AnchorRecord[]): Promise<void> {
  const keys = records.map(({ size }) => checkpointKey(size));
  const payloads = await survey.require(keys);
  records.forEach(({ size, root, checkpoint }, i) => {
    const [key, payload] = [keys[i], payloads[i]];
    const link = key && payload && survey.decode(key, payload, decodeChainLink);
    if (link === undefined) return;
    if (isEqual(link.checkpoint, checkpoint)) return;
    const detail = `has root ${hexPrefix(root)}, which is not the kept checkpoint`;
    survey.findings.add("mismatch", `anchor ${size}`, detail);
  });
}
