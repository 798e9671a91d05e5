import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

const ACTS = new WeakMap<ServerResponse, (() => void)[]>();
const OPEN = new WeakMap<Socket, Set<() => void>>();

/**
 * Acts once an answer is over: when its response closes, or when the connection does, for Node tells
 * nothing of answers that still waited behind another one on a connection that broke. In the order in
 * which acts were given; at once where it is over already.
 *
 * One listener for each response and each connection, however many acts there are.
 */
export function onOver(response: ServerResponse, act: () => void): void {
  const waiting = ACTS.get(response);
  if (waiting !== undefined) waiting.push(act);
  else if (response.closed || response.req.socket.destroyed) act();
  else watch(response, act);
}

function watch(response: ServerResponse, first: () => void): void {
  const { socket } = response.req;
  const acts = [first];
  ACTS.set(response, acts);
  const open = openOn(socket);
  const over = (): void => {
    if (!ACTS.delete(response)) return;
    open.delete(over);
    for (const act of acts) act();
  };
  open.add(over);
  response.once("close", over);
}

function openOn(socket: Socket): Set<() => void> {
  const known = OPEN.get(socket);
  if (known !== undefined) return known;
  const open = new Set<() => void>();
  OPEN.set(socket, open);
  socket.once("close", () => {
    for (const over of [...open]) over();
  });
  return open;
}
