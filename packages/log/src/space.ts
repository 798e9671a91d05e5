import { LogError } from "./error.js";

/** How much room there is, and how much there must be for a round to begin. */
export interface Space {
  /** Yields the free bytes of the device that the store is on, or of the fullest one in use. */
  freeBytes(): Promise<number>;
  readonly floorBytes: number;
}

/** Yields why there is no room for a round, `undefined` if there is. A disk that fills up is worse. */
export async function spaceShortage(space: Space | undefined): Promise<LogError | undefined> {
  if (space === undefined) return undefined;
  const { floorBytes } = space;
  try {
    const free = await space.freeBytes();
    if (free >= floorBytes) return undefined;
    return new LogError("LOG_SPACE_LOW", `${free} bytes are free, want ${floorBytes}`);
  } catch (cause) {
    return new LogError("LOG_SPACE_LOW", "free space cannot be told", { cause });
  }
}
