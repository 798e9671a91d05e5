import type { IncomingMessage, RequestListener } from "node:http";

import { ServerError } from "./error.js";
import { requireMet } from "./expectation.js";
import type { RequestLog } from "./request-log.js";
import { refusalReply, sendReply } from "./respond.js";
import { json } from "./route.js";
import type { Reply } from "./route.js";
import { beginVisit } from "./visit.js";
import type { Visit } from "./visit.js";

const PROBE = "/health";

/** Makes what answers while the log is being opened: the process lives, and serves nothing yet. */
export function bootingApp(log: RequestLog | undefined): RequestListener {
  return (request, response) => {
    const visit = beginVisit(request, response, { metrics: undefined, log });
    sendReply(response, replyTo(request, visit), { isHead: request.method === "HEAD" });
  };
}

function replyTo(request: IncomingMessage, visit: Visit): Reply {
  const { method, url } = request;
  try {
    requireMet(request);
    if (url !== PROBE || (method !== "HEAD" && method !== "GET")) {
      throw new ServerError("SERVER_BOOTING", "try again soon");
    }
    visit.routeOf = () => PROBE;
    return json({ status: "starting" });
  } catch (error) {
    return refusalReply(error, undefined, visit.id);
  }
}
