const SWID = "http://standards.iso.org/iso/19770/-2/2015/schema.xsd";
const SHA384 = "http://www.w3.org/2001/04/xmlenc#sha384";

/** What a sample tag has otherwise. */
export interface SwidParts {
  readonly before?: string;
  readonly root?: string;
  readonly payload?: string;
  readonly inside?: string;
  readonly after?: string;
}

/** Yields a measurement of a sample tag. */
export function resource(attributes: string, digest: string = "ab".repeat(48)): string {
  return `<Resource type="Measurement" ${attributes} h:Hash0="${digest}"/>`;
}

/** Yields a SWID tag with one measurement. */
export function swidXml(parts: SwidParts = {}): Uint8Array {
  const { before, root, payload, inside, after } = parts;
  const names = `xmlns="${SWID}" xmlns:h="${SHA384}" xmlns:s="http://www.w3.org/2001/04/xmlenc#sha256"`;
  const measured = payload ?? resource('index="1" active="True" alternatives="1" name="one"');
  const text = `${before ?? ""}<SoftwareIdentity ${names} ${root ?? 'tagId="tag-1" name="GPU" version="1.0"'}>
  <Entity name="Example Silicon" role="tagCreator"/><Meta colloquialVersion="7.0.1" product="RoT"/>
  <Payload>${measured}</Payload>${inside ?? ""}</SoftwareIdentity>${after ?? ""}`;
  return new TextEncoder().encode(text);
}
