import { invalid } from "../record.js";
import { canonicalText } from "./canonical.js";
import { Tagged } from "./item.js";
import type { Node } from "./node.js";

/** What a triple speaks of: a class of devices, one of them, or a group of them. */
export interface Environment {
  /** Every attribute by its name, in the notation of {@link canonicalText}. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly vendor: string | undefined;
  readonly model: string | undefined;
}

const CLASS_NAMES = ["class-id", "vendor", "model", "layer", "index"] as const;

/** Reads an environment; at least one attribute names it. */
export function readEnvironment(node: Node): Environment {
  const attributes = new Map<string, string>();
  const device = node.at(0, "class");
  if (node.has(0)) {
    CLASS_NAMES.forEach((name, key) => {
      if (device.has(key)) attributes.set(name, canonicalText(device.at(key, name).item));
    });
  }
  if (node.has(1)) attributes.set("instance", canonicalText(node.at(1, "instance").item));
  if (node.has(2)) attributes.set("group", canonicalText(node.at(2, "group").item));
  const textOf = (key: number, name: string): string | undefined =>
    node.has(0) && device.has(key) ? device.at(key, name).text() : undefined;
  return { attributes, vendor: textOf(1, "vendor"), model: textOf(2, "model") };
}

/** Yields a uri (tag 32) or a text, and anything else that has a tag in diagnostic notation. */
export function nameOf(node: Node): string {
  const { item } = node.untagged(32);
  return item instanceof Tagged ? canonicalText(item) : node.untagged(32).text();
}

/** Yields an identifier as text: that of 16 bytes as a UUID. */
export function identifierOf(node: Node): string {
  if (node.item === undefined) throw invalid(node.path, "is missing");
  const item = node.item instanceof Tagged ? node.item.value : node.item;
  if (typeof item === "string") return item;
  if (!(item instanceof Uint8Array) || item.length !== 16) return canonicalText(node.item);
  const text = canonicalText(item).slice(2, -1);
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
