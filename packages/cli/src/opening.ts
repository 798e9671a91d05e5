import type { LevelStore } from "@tallystick/log";
import type { TransparencyService } from "@tallystick/server";

import type { ServiceDirectory } from "./directory.js";
import { CliError } from "./error.js";

/**
 * Opens the log of a service for this process alone.
 *
 * @throws {@link CliError} `CLI_DIRECTORY_IN_USE` with `advice`; LogError
 */
export async function openStore(
  { path, logPath }: ServiceDirectory,
  advice: string,
): Promise<LevelStore> {
  const { LevelStore, LogError } = await import("@tallystick/log");
  try {
    return await LevelStore.open(logPath);
  } catch (cause) {
    if (!(cause instanceof LogError) || cause.code !== "LOG_LOCKED") throw cause;
    throw new CliError("CLI_DIRECTORY_IN_USE", `${path} is ${advice}`, { cause });
  }
}

/** How a service is opened. */
export interface OpeningOptions {
  /** What to do when the log is in use. */
  readonly advice: string;
  /** Told once when the log has stopped for good. */
  readonly onFatal?: (error: Error) => void;
}

/**
 * Opens the service that lives in a directory, with the log's checks at boot.
 *
 * @throws {@link CliError} `CLI_DIRECTORY_IN_USE`, `CLI_FILE_FAILED`, `CLI_KEY_INVALID`; LogError
 */
export async function openService(
  directory: ServiceDirectory,
  { advice, onFatal }: OpeningOptions,
): Promise<TransparencyService> {
  const { TransparencyService } = await import("@tallystick/server");
  const { issuer, origin } = directory.config;
  const signer = await directory.receiptKey();
  const store = await openStore(directory, advice);
  const options = { store, issuer, origin, signer };
  return TransparencyService.open(onFatal === undefined ? options : { ...options, onFatal });
}
