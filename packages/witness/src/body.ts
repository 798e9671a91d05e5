import type { IncomingMessage } from "node:http";

import { WitnessError } from "./error.js";

/** How much of a body is waited for, and how long. */
export interface BodyLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

/**
 * Reads the body of a request whole.
 *
 * @throws {@link WitnessError} `WITNESS_BODY_TOO_LARGE`, `WITNESS_BODY_TIMEOUT`,
 * `WITNESS_REQUEST_MALFORMED` where the client hangs up
 */
export function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Uint8Array> {
  const { maxBytes, timeoutMs } = limits;
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const refuse = (error: WitnessError): void => {
      clearTimeout(timer);
      request.pause();
      reject(error);
    };
    const timer = setTimeout(() => {
      const message = `the body did not arrive in ${timeoutMs} ms`;
      refuse(new WitnessError("WITNESS_BODY_TIMEOUT", message));
    }, timeoutMs);
    request.on("data", (chunk: Uint8Array) => {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
      else refuse(tooLarge(maxBytes));
    });
    request.once("end", () => {
      clearTimeout(timer);
      resolve(new Uint8Array(Buffer.concat(chunks)));
    });
    const gone = (): void => {
      refuse(new WitnessError("WITNESS_REQUEST_MALFORMED", "the body broke off"));
    };
    request.once("error", gone);
    request.once("close", gone);
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) refuse(tooLarge(maxBytes));
  });
}

function tooLarge(maxBytes: number): WitnessError {
  return new WitnessError("WITNESS_BODY_TOO_LARGE", `the body is over ${maxBytes} bytes`);
}
