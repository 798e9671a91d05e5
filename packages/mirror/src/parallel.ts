/**
 * Does something to each of many, at most `limit` at a time, and rejects with the first failure once
 * all that had begun has ended.
 */
export async function forEachOf<T>(
  items: readonly T[],
  limit: number,
  act: (item: T, position: number) => Promise<void>,
): Promise<void> {
  const waiting = items.entries();
  let hasFailed = false;
  const work = async (): Promise<void> => {
    for (const [position, item] of waiting) {
      try {
        await act(item, position);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
      if (hasFailed) return;
    }
  };
  const workers = Array.from({ length: Math.min(limit, items.length) }, work);
  const failed = (await Promise.allSettled(workers)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}
