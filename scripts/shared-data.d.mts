/**
 * Yields a folder of the test data that is shared between projects. Where it is missing, yields
 * undefined and names the suite that is skipped on standard error, whatever jest does with its
 * console; where `CI` is set that is an error, for the data is there.
 *
 * @param suite - of which the message speaks
 * @param below - the way from the shared folder, as `"data", "rim"`
 */
export declare function sharedFolder(
  suite: string,
  ...below: readonly string[]
): string | undefined;
