/** Namespace of the prefix `xml`, bound in every document (XML Namespaces 1.0 §3). */
export const XML_NAMESPACE = "http://www.w3.org/XML/1998/namespace";

/** A name with the namespace that its prefix stands for, `""` where it is in none. */
export interface XmlName {
  readonly namespace: string;
  readonly local: string;
}

/** An attribute; declarations of namespaces are none. */
export interface XmlAttribute extends XmlName {
  readonly value: string;
}

/** An element with what stands in it, comments left out. */
export interface XmlElement extends XmlName {
  readonly attributes: readonly XmlAttribute[];
  readonly children: readonly XmlElement[];
  /** The text directly in it, in one piece. */
  readonly text: string;
  /** Whether a comment stands directly in it. */
  readonly hasComment: boolean;
}

/** Yields the value of the attribute of that name. */
export function attributeOf(
  element: XmlElement,
  local: string,
  namespace = "",
): string | undefined {
  return element.attributes.find((one) => one.local === local && one.namespace === namespace)
    ?.value;
}

/** Yields the child elements of that name. */
export function childrenNamed(
  element: XmlElement,
  { namespace, local }: XmlName,
): readonly XmlElement[] {
  return element.children.filter((one) => one.local === local && one.namespace === namespace);
}

/** Yields the element and all below it, in the order of the document. */
export function* elementsBelow(element: XmlElement): Generator<XmlElement> {
  yield element;
  for (const child of element.children) yield* elementsBelow(child);
}
