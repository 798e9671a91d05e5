import { chmod, unlink } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { relative, resolve } from "node:path";

import { CliError } from "./error.js";
import { DEFECT, expectedError } from "./exit.js";
import { codeOf, failed } from "./file.js";

/** What a running server can be told by whoever may enter its directory as its user. */
export type ControlRequest =
  | { readonly do: "status" }
  | { readonly do: "backup"; readonly file: string }
  | { readonly do: "freeze"; readonly why: string };

/** A JSON object. */
export type ControlAnswer = Readonly<Record<string, unknown>>;

const SOCKET_NAME = "control.sock";
const MAX_LINE_BYTES = 65_536;

/** Longest time for a request to arrive, in milliseconds. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Longest time for each answer but a backup's, which reads the whole log, in milliseconds. */
const ANSWER_TIMEOUT_MS = 60_000;
const BACKUP_TIMEOUT_MS = 24 * 3_600_000;

/**
 * The socket through which a running server takes orders: one line of JSON in, one out.
 *
 * Only the user that the server runs as can connect. Nobody else may open the log while it is served,
 * so whatever needs the open log, such as a backup, is done by the server itself.
 */
export class ControlSocket {
  readonly #server: Server;
  readonly #answer: (request: ControlRequest) => Promise<ControlAnswer>;
  // Owned by #serve: connections, each with whether its request is being answered.
  readonly #sockets = new Map<Socket, Promise<void> | undefined>();

  private constructor(answer: (request: ControlRequest) => Promise<ControlAnswer>) {
    this.#answer = answer;
    this.#server = createServer((socket) => {
      this.#serve(socket);
    });
  }

  /**
   * Listens in a service directory, whose log this process must have open: a socket that is there
   * already is then one that a killed server left behind.
   *
   * @throws {@link CliError} `CLI_FILE_FAILED`
   */
  static async open(
    directory: string,
    answer: (request: ControlRequest) => Promise<ControlAnswer>,
  ): Promise<ControlSocket> {
    const path = pathIn(directory);
    const control = new ControlSocket(answer);
    try {
      await unlink(path).catch((error: unknown) => {
        if (codeOf(error) !== "ENOENT") throw error;
      });
      await control.#listen(path);
      await chmod(path, 0o600);
    } catch (error) {
      control.#server.close();
      throw failed(`cannot listen on ${path}`, error);
    }
    return control;
  }

  /** Takes no more requests, and resolves once those under way are answered. */
  async close(): Promise<void> {
    const closed = new Promise<void>((settle) => {
      this.#server.close(() => {
        settle();
      });
    });
    for (const [socket, answering] of this.#sockets) {
      if (answering === undefined) socket.destroy();
    }
    for (const answering of [...this.#sockets.values()]) await answering;
    await closed;
  }

  #listen(path: string): Promise<void> {
    return new Promise((settle, reject) => {
      this.#server.once("error", reject);
      // Node binds before listen returns, so there is no moment at which others could connect.
      const mask = process.umask(0o177);
      try {
        this.#server.listen(path, () => {
          this.#server.off("error", reject);
          settle();
        });
      } finally {
        process.umask(mask);
      }
    });
  }

  #serve(socket: Socket): void {
    this.#sockets.set(socket, undefined);
    socket.setTimeout(REQUEST_TIMEOUT_MS, () => socket.destroy());
    // Who asked may be gone; what was asked is done all the same.
    socket.on("error", () => undefined);
    socket.once("close", () => this.#sockets.delete(socket));
    onLine(socket, (line) => {
      socket.setTimeout(0);
      this.#sockets.set(socket, this.#reply(socket, line));
    });
  }

  async #reply(socket: Socket, line: string): Promise<void> {
    const answer = await this.#attempt(line);
    await new Promise<void>((settle) => {
      socket.once("close", () => {
        settle();
      });
      if (socket.destroyed) settle();
      socket.end(`${JSON.stringify(answer)}\n`);
    });
  }

  async #attempt(line: string): Promise<ControlAnswer> {
    try {
      return await this.#answer(parseRequest(line));
    } catch (error) {
      const { code, message } = expectedError(error) ?? {
        code: DEFECT,
        message: error instanceof Error ? error.message : String(error),
      };
      return { error: { code, message } };
    }
  }
}

/**
 * Asks the server that serves a directory, and yields its answer, `undefined` if none does.
 *
 * @throws {@link CliError} `CLI_CONTROL_FAILED` with what the server says, or if it says nothing in
 * time; `CLI_FILE_FAILED`
 */
export async function askServer(
  directory: string,
  request: ControlRequest,
  timeoutMs: number = request.do === "backup" ? BACKUP_TIMEOUT_MS : ANSWER_TIMEOUT_MS,
): Promise<ControlAnswer | undefined> {
  const exchanged = { path: pathIn(directory), line: `${JSON.stringify(request)}\n`, timeoutMs };
  const line = await exchange(exchanged);
  if (line === undefined) return undefined;
  const answer = parseObject(line);
  if (answer === undefined) {
    throw new CliError("CLI_CONTROL_FAILED", "the running server ended without an answer");
  }
  const { error } = answer;
  if (typeof error !== "object" || error === null) return answer;
  const { code = "", message = "" } = error as {
    readonly code?: unknown;
    readonly message?: unknown;
  };
  const said = [code, message].filter((part) => typeof part === "string" && part !== "").join(": ");
  throw new CliError("CLI_CONTROL_FAILED", `the running server says: ${said}`);
}

interface Exchange {
  readonly path: string;
  readonly line: string;
  readonly timeoutMs: number;
}

function exchange({ path, line, timeoutMs }: Exchange): Promise<string | undefined> {
  return new Promise((settle, reject) => {
    const socket = connect(path);
    // Not the socket's own time limit, which begins anew with every byte.
    const timer = setTimeout(() => {
      const message = `the running server gave no answer in ${timeoutMs / 1000} s; it may yet do what was asked`;
      reject(new CliError("CLI_CONTROL_FAILED", message));
      socket.destroy();
    }, timeoutMs);
    socket.once("error", (error) => {
      // No socket, or one that a killed server left behind.
      if (["ENOENT", "ECONNREFUSED", "ENOTDIR"].includes(codeOf(error) ?? "")) settle(undefined);
      else reject(failed(`cannot reach the server through ${path}`, error));
    });
    socket.once("connect", () => {
      socket.write(line);
    });
    socket.once("close", () => {
      clearTimeout(timer);
      settle("");
    });
    onLine(socket, (answer) => {
      settle(answer);
      socket.destroy();
    });
  });
}

function onLine(socket: Socket, take: (line: string) => void): void {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let isOver = false;
  socket.on("data", (chunk: Uint8Array) => {
    if (isOver) return;
    chunks.push(chunk);
    length += chunk.length;
    const end = chunk.indexOf(0x0a);
    isOver = end >= 0 || length > MAX_LINE_BYTES;
    if (!isOver) return;
    take(end < 0 ? "" : (Buffer.concat(chunks).toString("utf8").split("\n", 1)[0] ?? ""));
  });
}

function parseRequest(line: string): ControlRequest {
  const request = parseObject(line) ?? {};
  const { do: what, file, why } = request;
  if (what === "status") return { do: what };
  if (what === "backup" && typeof file === "string") return { do: what, file };
  if (what === "freeze" && typeof why === "string") return { do: what, why };
  throw new CliError("CLI_USAGE", "no such request");
}

function parseObject(line: string): ControlAnswer | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as ControlAnswer) : undefined;
  } catch {
    return undefined;
  }
}

// The system takes no more than about a hundred bytes, so the shorter name is used.
function pathIn(directory: string): string {
  const absolute = resolve(directory, SOCKET_NAME);
  const fromHere = relative(process.cwd(), absolute);
  return fromHere.length < absolute.length ? fromHere : absolute;
}
