/**
 * The `tally` command: from an empty directory to a transparency service, and from a file to a
 * statement that is registered with it and verified offline.
 *
 * Each command is a file in `commands/`: its arguments and what it does with the packages below.
 * Answers go to standard output, messages to standard error. Whatever ends a command is an error
 * class of one of the packages, and one table, `exit.ts`, says what it means for a script: 0 yes, 1
 * no, 2 could not be done, 3 usage.
 *
 * What others wrote, in files or answers, is never written to a terminal as it is. Output files
 * are written as a whole or not at all, private keys with mode 0600 and never over another file.
 *
 * The server and the log are loaded by the commands that need them, so that the others start fast.
 *
 * @packageDocumentation
 */
export { CliError, type CliErrorCode } from "./error.js";
export { main } from "./main.js";
