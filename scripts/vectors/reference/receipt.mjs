// Receipts (RFC 9942) of a small log, put together from parts: a tree of eight entries, the profile
// of this service's receipts, and every knob that a vector may turn.
import { array, bytes, int, map, NULL, tag, text } from "./cbor.mjs";
import { KID, signature } from "./sign1.mjs";
import { consistencyPath, inclusionPath, namedHash, root } from "./tree.mjs";

export const SERVICE = "https://log.example";
export const ORIGIN = "log.example/one";
const TIME = 1_780_000_000;

/** Eight entries; a vector may put its own in the place of one. */
export function entriesWith(index, entry) {
  const entries = Array.from({ length: 8 }, (_, at) => namedHash(`entry ${String(at)}`));
  return entries.with(index, entry);
}

/** CWT claims as the service states them; undefined leaves one out. */
export function claims({ iss = SERVICE, sub = ORIGIN } = {}) {
  const stated = [
    iss === null ? [] : [[int(1), text(iss)]],
    sub === null ? [] : [[int(2), text(sub)]],
  ];
  return [int(15), map(...stated.flat(), [int(6), int(TIME)])];
}

export const ALG = [int(1), int(-8)];
export const VDS = [int(395), int(1)];

export function signedSize(size) {
  return [text("tallystick"), map([text("size"), int(size)])];
}

/** The protected header of the profile. */
export function profile(size, names) {
  return map(ALG, KID, claims(names), VDS, signedSize(size));
}

export function proof(first, second, path) {
  return array(int(first), int(second), array(...path.map(bytes)));
}

/** Label 396: a map from proof type to encoded proofs. */
export function proofs(type, ...encoded) {
  return [int(396), map([int(type), array(...encoded.map(bytes))])];
}

/** A receipt over `root`, detached unless a payload is given. */
export function receipt({ protectedBytes, unprotected, root, payload, key, signed }) {
  const carried = payload === undefined ? NULL : bytes(payload);
  const seal = signed ?? signature(protectedBytes, root, undefined, key);
  return tag(18, array(bytes(protectedBytes), map(...unprotected), carried, bytes(seal)));
}

/** A sound receipt of inclusion; `entries` is the tree. */
export function inclusionReceipt({ entries, index, names, key }) {
  const size = entries.length;
  return receipt({
    protectedBytes: profile(size, names),
    unprotected: [proofs(-1, proof(size, index, inclusionPath(index, entries)))],
    root: root(entries),
    key,
  });
}

/** A sound receipt of consistency from the first `oldSize` of the entries to all. */
export function consistencyReceipt({ entries, oldSize }) {
  const size = entries.length;
  return receipt({
    protectedBytes: profile(size),
    unprotected: [proofs(-2, proof(oldSize, size, consistencyPath(oldSize, entries)))],
    root: root(entries),
  });
}
