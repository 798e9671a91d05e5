import type { IncomingMessage, ServerResponse } from "node:http";

import { ServerError } from "./error.js";
import { refusalReply, sendReply } from "./respond.js";
import { json } from "./route.js";

/** Answers while the log is being opened: the process lives, and serves nothing yet. */
export function bootingApp(request: IncomingMessage, response: ServerResponse): void {
  const { method, url } = request;
  const isHead = method === "HEAD";
  const isProbe = url === "/health" && (isHead || method === "GET");
  const refusal = new ServerError("SERVER_BOOTING", "try again soon");
  sendReply(response, isProbe ? json({ status: "starting" }) : refusalReply(refusal), { isHead });
}
