import { connect } from "node:net";
import type { Socket } from "node:net";

/** A response as far as a load generator looks at it. */
export interface WireResponse {
  readonly status: number;
  readonly body: Uint8Array;
}

interface Exchange {
  readonly resolve: (response: WireResponse) => void;
  readonly reject: (error: Error) => void;
}

const HEAD_END = Buffer.from("\r\n\r\n");

/**
 * One kept HTTP/1.1 connection, one request at a time, read as little as will do: a generator that
 * costs more than the server would measure itself.
 *
 * Answers must have a content-length, or no body; every answer of the service has.
 */
export class Wire {
  readonly #socket: Socket;
  readonly #host: string;
  // Owned by #receive.
  #received: Buffer = Buffer.alloc(0);
  #waiting: Exchange | undefined;
  #error: Error | undefined;

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.#receive(chunk);
    });
    socket.on("error", (error) => {
      this.#fail(error);
    });
    socket.on("close", () => {
      this.#fail(new Error("connection closed"));
    });
  }

  static open(url: string): Promise<Wire> {
    const { hostname, port, host } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port) });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Wire(socket, host));
      });
    });
  }

  get isOpen(): boolean {
    return this.#error === undefined;
  }

  get(path: string): Promise<WireResponse> {
    return this.#send(`GET ${path} HTTP/1.1\r\nhost: ${this.#host}\r\n\r\n`);
  }

  post(path: string, body: Uint8Array, type = "application/cose"): Promise<WireResponse> {
    const head =
      `POST ${path} HTTP/1.1\r\nhost: ${this.#host}\r\ncontent-type: ${type}\r\n` +
      `content-length: ${body.length}\r\n\r\n`;
    return this.#send(head, body);
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(head: string, body?: Uint8Array): Promise<WireResponse> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#waiting !== undefined) return Promise.reject(new Error("a request is under way"));
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      // One write, so that head and body leave in one segment where they fit.
      this.#socket.write(
        body === undefined ? head : Buffer.concat([Buffer.from(head, "latin1"), body]),
      );
    });
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd === -1) return;
    const head = this.#received.toString("latin1", 0, headEnd);
    const status = Number(head.slice(9, 12));
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    const start = headEnd + HEAD_END.length;
    if (this.#received.length < start + length) return;
    const body = this.#received.subarray(start, start + length);
    this.#received = this.#received.subarray(start + length);
    // 100-continue and its like announce another answer.
    if (status < 200) {
      if (this.#received.length > 0) this.#receive(Buffer.alloc(0));
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ status, body });
  }

  #fail(error: Error): void {
    this.#error ??= error;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(this.#error);
  }
}
