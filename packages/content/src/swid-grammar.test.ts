import { describe, expect, test } from "@jest/globals";

import { DEFAULT_CONTENT_LIMITS } from "./limits.js";
import { readSwidRim } from "./swid.js";
import { refusal } from "./testing/refusal.js";
import { formatText } from "./testing/schema.js";
import { attributeOf, elementsBelow, type XmlElement } from "./xml/element.js";
import { parseXml } from "./xml/parse.js";

// No validator of RELAX NG is at hand: what the grammar says is picked out, and tried on the reader.
const grammar = parseXml(new TextEncoder().encode(formatText("swid.rng")), DEFAULT_CONTENT_LIMITS);

function define(name: string): XmlElement {
  const found = grammar.children.find((child) => attributeOf(child, "name") === name);
  if (found === undefined) throw new Error(`the grammar defines no ${name}`);
  return found;
}

function below(element: XmlElement, local: string): readonly XmlElement[] {
  return [...elementsBelow(element)].filter((one) => one.local === local);
}

/** Attributes that an element has to have. */
function mandatory(element: XmlElement | undefined): readonly string[] {
  const attributes = element?.children.filter(({ local }) => local === "attribute") ?? [];
  return attributes.map((one) => attributeOf(one, "name") ?? "");
}

interface Digest {
  readonly namespace: string;
  readonly digits: number;
}

const digests = below(define("digest"), "attribute").map((attribute): Digest => {
  const [name] = below(attribute, "nsName");
  const [pattern] = below(attribute, "param");
  const [, digits = "0"] = /\{(\d+)\}/.exec(pattern?.text ?? "") ?? [];
  return { namespace: attributeOf(name ?? attribute, "ns") ?? "", digits: Number(digits) };
});

function tag(namespace: string, digits: number, without = ""): Uint8Array {
  const measured = [
    'type="Measurement"',
    'index="1"',
    'active="True"',
    `h:Hash0="${"a".repeat(digits)}"`,
  ];
  const root = ['tagId="tag-1"', 'name="GPU"'];
  const kept = (list: readonly string[]): string =>
    list.filter((text) => without === "" || !text.startsWith(`${without}=`)).join(" ");
  const swid = attributeOf(grammar, "ns") ?? "";
  return new TextEncoder().encode(
    `<SoftwareIdentity xmlns="${swid}" xmlns:h="${namespace}" ${kept(root)}><Payload><Resource ${kept(measured)}/></Payload></SoftwareIdentity>`,
  );
}

describe("the grammar of SWID tags", () => {
  test("has digests of four namespaces", () => {
    expect(digests).toHaveLength(4);
    expect(new Set(digests.map(({ digits }) => digits))).toStrictEqual(new Set([64, 96, 128]));
  });

  test.each(digests)(
    "has digests of the length that is read: $namespace",
    ({ namespace, digits }) => {
      const [measurement] = readSwidRim(tag(namespace, digits)).measurements;
      expect(measurement?.digests[0]?.value).toHaveLength(digits / 2);
      expect(refusal(() => readSwidRim(tag(namespace, digits - 2)))).toBe(
        "CONTENT_STRUCTURE_INVALID",
      );
      const other = digits === 96 ? 64 : 96;
      expect(refusal(() => readSwidRim(tag(namespace, other)))).toBe("CONTENT_STRUCTURE_INVALID");
    },
  );

  test("has no namespace beside them", () => {
    expect(refusal(() => readSwidRim(tag("http://www.w3.org/2000/09/xmldsig#sha1", 40)))).toBe(
      "CONTENT_STRUCTURE_INVALID",
    );
  });

  test("demands the attributes that the reader demands", () => {
    const [{ namespace, digits } = { namespace: "", digits: 0 }] = digests;
    const root = mandatory(below(grammar, "element")[0]);
    const measured = mandatory(below(define("measurement"), "element")[0]);
    expect([root, measured]).toStrictEqual([
      ["tagId", "name"],
      ["type", "index", "active"],
    ]);
    for (const name of ["tagId", "name", "index", "active"]) {
      const act = (): unknown => readSwidRim(tag(namespace, digits, name));
      expect(refusal(act)).toBe("CONTENT_STRUCTURE_INVALID");
    }
  });
});
