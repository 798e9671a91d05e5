import { half } from "./size.js";

/** Where a path element stands, seen from the node that it is hashed with. */
export type Side = "left" | "right";

/**
 * Yields the side of each path element from the bottom up, and with it the length of the path.
 *
 * `node` is the index of the starting node on its level, `last` that of the rightmost node there:
 * fn and sn of RFC 9162 §2.1.3.2 and §2.1.4.2. On a level where the node is the rightmost one and
 * even it has no sibling, and the path no element.
 */
export function pathSides(node: number, last: number): readonly Side[] {
  const sides: Side[] = [];
  for (let fn = node, sn = last; sn > 0; fn = half(fn), sn = half(sn)) {
    if (fn % 2 === 1) sides.push("left");
    else if (fn < sn) sides.push("right");
  }
  return sides;
}
