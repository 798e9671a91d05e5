import { ServerError } from "./error.js";

/**
 * Yields the tree size that a path parameter is.
 *
 * @throws {@link ServerError} `SERVER_LOCATOR_INVALID`
 */
export function sizeOf(text: string | undefined): number {
  const size = wholeNumberOf(text ?? "");
  if (size !== undefined && size > 0) return size;
  throw new ServerError("SERVER_LOCATOR_INVALID", "a tree size is a positive decimal number");
}

/**
 * Yields the index of a bundle that a path parameter is.
 *
 * @throws {@link ServerError} `SERVER_LOCATOR_INVALID`
 */
export function bundleOf(text: string | undefined): number {
  const index = wholeNumberOf(text ?? "");
  if (index !== undefined) return index;
  throw new ServerError("SERVER_LOCATOR_INVALID", "a bundle is numbered from 0, in decimal");
}

/** Yields the decimal number in its one spelling, so that one resource has one address. */
export function wholeNumberOf(text: string): number | undefined {
  const number = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}
