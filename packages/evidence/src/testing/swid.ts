import type { SwidReferences } from "@tallystick/content";
import { decodeHex } from "@tallystick/cose";

/** Yields the values of a SWID manifest that is known to be well-formed, its signature not verified. */
export function swidOf(xml: string): SwidReferences {
  const attribute = (text: string, name: string): string =>
    new RegExp(`\\s(?:\\w+:)?${name}="([^"]*)"`).exec(text)?.[1] ?? "";
  return {
    tagId: attribute(xml, "tagId"),
    firmware: attribute(xml, "colloquialVersion"),
    measurements: (xml.match(/<(?:\w+:)?Resource\s[^>]*>/g) ?? []).map((resource) => ({
      index: Number(attribute(resource, "index")),
      isActive: attribute(resource, "active") === "True",
      name: attribute(resource, "name"),
      digests: [...resource.matchAll(/Hash\d+="([0-9a-fA-F]+)"/g)].map(([, value = ""]) => ({
        alg: "sha-384",
        value: decodeHex(value),
      })),
    })),
  };
}
