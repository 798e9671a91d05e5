import { isEqual, KIND, kindRange, numberOfKey } from "./layout.js";
import { chainDigest, decodeChainLink } from "./record.js";
import { type Expectation, type Kept, recover } from "./recover.js";
import { corrupt, Rows } from "./rows.js";
import { refusalOf } from "./standing.js";
import { decodeStated } from "./stated.js";

/**
 * Appends to an anchor what it lacks of the kept checkpoints, and yields how many that were: for an
 * operator who has lost the anchor, or its end, and knows the store to be the newest copy. Nothing
 * can show afterwards that it was.
 *
 * The store passes all checks at boot first. Store and anchor stay open.
 *
 * @throws {@link LogError} `LOG_BEHIND_ANCHOR`, `LOG_FORKED`, `LOG_ANCHOR_MISSING`, and what opening
 * the log throws
 */
export async function rebuildAnchor(
  { store, anchor }: Kept,
  expected: Pick<Expectation, "issuer" | "origin" | "key">,
): Promise<number> {
  const { anchored } = await recover({ store, anchor }, { ...expected, now: 0, ignoreClock: true });
  const isShort = anchored.kind === "writer" || anchored.code === "LOG_ANCHOR_BEHIND";
  if (!isShort) throw refusalOf(anchored);
  const newest = anchor.newest?.size ?? 0;
  const rows = new Rows(store);
  let previous: Uint8Array | undefined;
  let count = 0;
  for await (const key of store.keys(kindRange(KIND.checkpoint))) {
    const payload = await rows.require(key);
    const { checkpoint, previousDigest } = decodeChainLink(payload);
    const size = numberOfKey(key);
    if (previous !== undefined && !isEqual(previous, previousDigest)) {
      throw corrupt(`checkpoint ${size} does not follow the one before`);
    }
    previous = chainDigest(payload);
    if (size <= newest) continue;
    await anchor.append({ size, root: decodeStated(checkpoint).root, checkpoint });
    count++;
  }
  return count;
}
