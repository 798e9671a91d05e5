import { encodeHex, HASH_ALGORITHMS, type HashAlgorithm } from "@tallystick/cose";

import type { ContentDigest } from "../hash.js";
import { invalid } from "../record.js";
import type { Findings } from "../warning.js";
import { canonicalText } from "./canonical.js";
import type { Item } from "./item.js";
import type { Node } from "./node.js";

/** Identifiers of the IANA registry "Named Information Hash Algorithm". */
const NAMED_INFORMATION: ReadonlyMap<Item, string> = new Map<Item, string>([
  [1, "sha-256"],
  [7, "sha-384"],
  [8, "sha-512"],
]);

/**
 * Reads a list of digests, by whichever number or name their algorithms go. Those of algorithms that
 * are not known here are left out, with a note.
 */
export function readDigests(node: Node, findings: Findings): readonly ContentDigest[] {
  return node.elements().flatMap((element) => {
    const [alg, value] = element.pair();
    const hash = hashOf(alg.item);
    if (hash === undefined) {
      // SHA-256 cut short (2 to 6) would match too much.
      if (typeof alg.item === "number" && alg.item >= 2 && alg.item <= 6) {
        throw invalid(alg.path, "is a truncated hash");
      }
      findings.add("digest-unknown", element.path);
      return [];
    }
    if (alg.item === hash.id) findings.add("digest-cose-number", alg.path);
    const bytes = value.bytes();
    if (bytes.length !== hash.bytes) throw invalid(value.path, `is not as long as ${hash.name}`);
    return [{ alg: hash.name, value: encodeHex(bytes) }];
  });
}

/** A digest of any algorithm, one that is known here by its name, any other in diagnostic notation. */
export interface NamedDigest {
  readonly alg: string;
  /** Lower-case hex. */
  readonly value: string;
}

/**
 * Reads a list of digests with those of algorithms that are not known here, as comparing needs them:
 * to leave one out would let a manifest match by the others.
 */
export function readNamedDigests(node: Node): readonly NamedDigest[] {
  return node.elements().map((element) => {
    const [alg, value] = element.pair();
    const bytes = value.bytes();
    const hash = hashOf(alg.item);
    if (typeof alg.item === "number" && alg.item >= 2 && alg.item <= 6) {
      throw invalid(alg.path, "is a truncated hash");
    }
    if (hash !== undefined && bytes.length !== hash.bytes) {
      throw invalid(value.path, `is not as long as ${hash.name}`);
    }
    return { alg: hash?.name ?? canonicalText(alg.item), value: encodeHex(bytes) };
  });
}

function hashOf(alg: Item): HashAlgorithm | undefined {
  const name = typeof alg === "string" ? alg.toLowerCase() : NAMED_INFORMATION.get(alg);
  return HASH_ALGORITHMS.find((hash) => hash.id === alg || hash.name === name);
}
