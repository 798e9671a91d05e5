import { HASH_ALGORITHMS, type HashName } from "@tallystick/cose";

import { invalid } from "../record.js";
import { canonicalText } from "./canonical.js";
import { readNamedDigests, type NamedDigest } from "./digest.js";
import { identifierOf } from "./environment.js";
import { Tagged } from "./item.js";
import { Node } from "./node.js";

/** Tag of a CoSWID by itself (RFC 9393 §7), and inside a CoRIM. */
export const COSWID_TAG = 1_398_229_316;
export const CORIM_COSWID_TAG = 505;

/** Files of one tag. */
export const MAX_FILES = 4096;

/** Levels of directories. */
const MAX_LEVELS = 32;

/** A file that a tag names. */
export interface CoSwidFile {
  readonly name: string;
  readonly version: string | undefined;
  readonly digests: readonly NamedDigest[];
}

/** A concise software identity (RFC 9393), of which nobody has verified anything. */
export interface CoSwid {
  readonly tagId: string;
  readonly tagVersion: number;
  readonly name: string;
  readonly version: string | undefined;
  /** What the version is called by people, as `stable202308`. */
  readonly edition: string | undefined;
  readonly product: string | undefined;
  readonly entities: readonly { readonly name: string; readonly roles: readonly string[] }[];
  /** Of the payload, which is what the software is, and of evidence, which is what was found. */
  readonly files: readonly CoSwidFile[];
}

/** Keys of the maps (RFC 9393 §2.3 to §2.9). */
const KEY = {
  ...{ tagId: 0, name: 1, entity: 2, evidence: 3, meta: 5, payload: 6, hash: 7, tagVersion: 12 },
  ...{ version: 13, directory: 16, file: 17, fileVersion: 21, fsName: 24, pathElements: 26 },
  ...{ entityName: 31, role: 33, colloquial: 45, edition: 47, product: 52 },
} as const;

/** Roles by number (RFC 9393 §4.2), those that are found among tags of firmware. */
const ROLES: ReadonlyMap<unknown, string> = new Map([
  [1, "tag-creator"],
  [2, "software-creator"],
  [3, "aggregator"],
  [4, "distributor"],
  [5, "licensor"],
  [6, "maintainer"],
]);

/**
 * Reads a CoSWID, with one of its tags or without.
 *
 * docs/formats/content/coswid.cddl has what it takes.
 *
 * @throws {@link ContentError} `CONTENT_STRUCTURE_INVALID`
 */
export function readCoSwid(tag: Node): CoSwid {
  const root = tag.untagged(COSWID_TAG).untagged(CORIM_COSWID_TAG);
  if (root.item instanceof Tagged) throw invalid(root.path || "the tag", "is of another kind");
  const metas = listAt(root, KEY.meta, "meta");
  const first = (key: number, name: string): string | undefined => {
    const meta = metas.find((one) => one.has(key));
    return meta === undefined ? undefined : meta.at(key, name).text();
  };
  const files = [
    ...filesIn(root, KEY.payload, "payload"),
    ...filesIn(root, KEY.evidence, "evidence"),
  ];
  if (files.length > MAX_FILES) throw invalid("payload", `has more than ${MAX_FILES} files`);
  return {
    tagId: identifierOf(root.at(KEY.tagId, "tag-id")),
    tagVersion: root.has(KEY.tagVersion) ? root.at(KEY.tagVersion, "tag-version").integer() : 0,
    name: root.at(KEY.name, "software-name").text(),
    version: optionalText(root, KEY.version, "software-version"),
    edition: first(KEY.edition, "edition") ?? first(KEY.colloquial, "colloquial-version"),
    product: first(KEY.product, "product"),
    entities: listAt(root, KEY.entity, "entity").map(readEntity),
    files,
  };
}

function readEntity(entity: Node): CoSwid["entities"][number] {
  const roles = entity.has(KEY.role) ? listAt(entity, KEY.role, "role") : [];
  return {
    name: entity.at(KEY.entityName, "entity-name").text(),
    roles: roles.map(({ item }) => ROLES.get(item) ?? canonicalText(item)),
  };
}

/**
 * Reads the files of resources, in whatever directory.
 *
 * @throws {@link ContentError} `CONTENT_STRUCTURE_INVALID`
 */
export function readResources(node: Node): readonly CoSwidFile[] {
  return filesBelow(node, MAX_LEVELS);
}

function filesIn(root: Node, key: number, name: string): readonly CoSwidFile[] {
  return root.has(key) ? readResources(root.at(key, name)) : [];
}

function filesBelow(resources: Node, levels: number): readonly CoSwidFile[] {
  if (levels === 0) throw invalid(resources.path, `is deeper than ${MAX_LEVELS} directories`);
  const inner = listAt(resources, KEY.directory, "directory").filter((one) =>
    one.has(KEY.pathElements),
  );
  return [
    ...listAt(resources, KEY.file, "file").map(readFile),
    ...inner.flatMap((one) => filesBelow(one.at(KEY.pathElements, "path-elements"), levels - 1)),
  ];
}

function readFile(file: Node): CoSwidFile {
  const hash = file.has(KEY.hash) ? file.at(KEY.hash, "hash") : undefined;
  return {
    name: file.at(KEY.fsName, "fs-name").text(),
    version: optionalText(file, KEY.fileVersion, "file-version"),
    digests: hash === undefined ? [] : readNamedDigests(new Node([hash.item], hash.path)),
  };
}

/** Yields what stands by itself or in a list; nothing where nothing is there. */
function listAt(node: Node, key: number, name: string): readonly Node[] {
  if (!node.has(key)) return [];
  const one = node.at(key, name);
  return Array.isArray(one.item) ? one.elements() : [one];
}

function optionalText(node: Node, key: number, name: string): string | undefined {
  return node.has(key) ? node.at(key, name).text() : undefined;
}

/** Yields the digests by algorithms that are known here, each once. */
export function digestsOfTags(
  tags: readonly CoSwid[],
): readonly { readonly alg: HashName; readonly value: string }[] {
  const found = new Map<string, { readonly alg: HashName; readonly value: string }>();
  for (const { alg, value } of tags.flatMap(({ files }) => files).flatMap((one) => one.digests)) {
    const hash = HASH_ALGORITHMS.find(({ name }) => name === alg);
    if (hash !== undefined) found.set(`${alg} ${value}`, { alg: hash.name, value });
  }
  return [...found.values()];
}
