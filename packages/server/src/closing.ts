/** What can be closed. */
interface Closable {
  close(): Promise<void>;
}

/** Runs an action, and closes all of the given, one after the other, where it throws. */
export async function closingOnFailure<T>(
  held: readonly Closable[],
  act: () => Promise<T> | T,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    // What keeps one from closing keeps none of the others, and hides nothing of the failure.
    await closeAll(held).catch(() => undefined);
    throw error;
  }
}

/** Closes all of the given, one after the other, and throws what the first throws that does not. */
export async function closeAll(held: readonly Closable[]): Promise<void> {
  const failures: unknown[] = [];
  for (const one of held) await one.close().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
