import type { ContentLimits } from "../limits.js";
import { invalid } from "../record.js";
import { readComid, type Comid } from "./comid.js";
import { CORIM_COSWID_TAG, readCoSwid, type CoSwid } from "./coswid.js";
import { readNamedDigests, type NamedDigest } from "./digest.js";
import { identifierOf, nameOf } from "./environment.js";
import { decodeItem, decodeItems, Tagged, type Item, type ItemMap } from "./item.js";
import { Node } from "./node.js";
import { isKnownProfile } from "./profile.js";

/** From when to when a manifest says that it holds, in seconds since the epoch. */
export interface Validity {
  readonly notBefore: number | undefined;
  readonly notAfter: number;
}

/** Another manifest that one rests on. */
export interface DependentRim {
  readonly href: readonly string[];
  readonly thumbprints: readonly NamedDigest[];
}

/** A reference integrity manifest in the form of a CoRIM. */
export interface RimManifest {
  readonly id: string;
  /** Names, the object identifiers among them in diagnostic notation; none where none is stated. */
  readonly profiles: readonly string[];
  /**
   * Whether nothing beyond the comparison rules of CoRIM is asked for. A manifest of another profile
   * is not to be compared with evidence.
   */
  readonly isProfileKnown: boolean;
  readonly validity: Validity | undefined;
  readonly entities: readonly { readonly name: string; readonly roles: readonly number[] }[];
  readonly dependentRims: readonly DependentRim[];
  readonly comids: readonly Comid[];
  readonly coswids: readonly CoSwid[];
  /** Tags of other kinds, which are not read, as CoTL. */
  readonly otherTags: number;
}

/** Who signed a manifest, as its protected header says: corim-meta, or claims (RFC 9597). */
export interface RimSigner {
  readonly name: string | undefined;
  readonly uri: string | undefined;
  readonly issuer: string | undefined;
  readonly subject: string | undefined;
  readonly validity: Validity | undefined;
}

const CORIM_TAG = 501;
const COMID_TAG = 506;

/**
 * Reads a CoRIM, with tag 501 or without.
 *
 * docs/formats/content/rim.cddl has what it takes.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`, `CONTENT_STRUCTURE_INVALID`
 */
export function readManifest(bytes: Uint8Array, limits: ContentLimits): RimManifest {
  const root = new Node(decodeItem(bytes, limits, "CoRIM"), "").untagged(CORIM_TAG);
  const tags = root.at(1, "tags").elements();
  if (tags.length === 0) throw invalid("tags", "are empty");
  const comids = tags
    .filter(({ item }) => isTagged(item, COMID_TAG))
    .map((tag) => {
      const item = decodeItem(tag.untagged(COMID_TAG).bytes(), limits, "CoMID");
      return readComid(new Node(item, tag.path));
    });
  const coswids = tags
    .filter(({ item }) => isTagged(item, CORIM_COSWID_TAG))
    .map((tag) => {
      const [item, ...more] = decodeItems(tag.untagged(CORIM_COSWID_TAG).bytes(), limits, "CoSWID");
      if (more.length > 0) throw invalid(tag.path, "has bytes behind it");
      return readCoSwid(new Node(item, tag.path));
    });
  const profiles = root.has(3) ? profilesOf(root.at(3, "profile")) : [];
  return {
    id: identifierOf(root.at(0, "id")),
    profiles,
    isProfileKnown: profiles.every(isKnownProfile),
    validity: root.has(4) ? readValidity(root.at(4, "validity")) : undefined,
    entities: root.has(5) ? root.at(5, "entities").elements().map(readEntity) : [],
    dependentRims: root.has(2) ? root.at(2, "dependent").elements().map(readDependent) : [],
    comids,
    coswids,
    otherTags: tags.length - comids.length - coswids.length,
  };
}

function isTagged(item: Item, tag: number): boolean {
  return item instanceof Tagged && item.tag === tag;
}

/** Old manifests list profiles. */
function profilesOf(node: Node): readonly string[] {
  return Array.isArray(node.item) ? node.elements().map(nameOf) : [nameOf(node)];
}

function readEntity(node: Node): RimManifest["entities"][number] {
  const roles = node.has(2) ? node.at(2, "roles").elements() : [];
  return { name: node.at(0, "name").text(), roles: roles.map((role) => role.integer()) };
}

function readDependent(node: Node): DependentRim {
  const href = node.at(0, "href");
  return {
    href: Array.isArray(href.item) ? href.elements().map(nameOf) : [nameOf(href)],
    thumbprints: node.has(1) ? thumbprintsOf(node.at(1, "thumbprint")) : [],
  };
}

/** One digest stands by itself or in a list. */
function thumbprintsOf(node: Node): readonly NamedDigest[] {
  const [first] = node.elements();
  if (first !== undefined && Array.isArray(first.item)) return readNamedDigests(node);
  return readNamedDigests(new Node([node.item], node.path));
}

function readValidity(node: Node): Validity {
  const notBefore = node.has(0) ? node.at(0, "not-before").untagged(1).integer() : undefined;
  const notAfter = node.at(1, "not-after").untagged(1).integer();
  if (notBefore !== undefined && notBefore > notAfter)
    throw invalid(node.path, "ends before it begins");
  return { notBefore, notAfter };
}

/**
 * Reads who signed, out of the protected header of a message.
 *
 * @throws {@link ContentError} `CONTENT_MALFORMED`, `CONTENT_STRUCTURE_INVALID`
 */
export function readSigner(header: ItemMap, limits: ContentLimits): RimSigner {
  const root = new Node(header, "header");
  const meta = root.has(8)
    ? new Node(decodeItem(root.at(8, "meta").bytes(), limits, "corim-meta"), "header.meta")
    : new Node(new Map(), "header.meta");
  const signer = meta.has(0) ? meta.at(0, "signer") : undefined;
  const claims = root.has(15) ? root.at(15, "claims") : undefined;
  // Not to pass for a header without any.
  claims?.keys();
  meta.keys();
  const claimOf = (key: number, name: string): string | undefined =>
    claims?.has(key) === true ? claims.at(key, name).text() : undefined;
  return {
    name: signer?.at(0, "name").text(),
    uri: signer?.has(1) === true ? nameOf(signer.at(1, "uri")) : undefined,
    issuer: claimOf(1, "iss"),
    subject: claimOf(2, "sub"),
    validity: meta.has(1) ? readValidity(meta.at(1, "validity")) : claimedValidity(claims),
  };
}

function claimedValidity(claims: Node | undefined): Validity | undefined {
  if (claims?.has(4) !== true) return undefined;
  const notBefore = claims.has(5) ? claims.at(5, "nbf").untagged(1).integer() : undefined;
  return { notBefore, notAfter: claims.at(4, "exp").untagged(1).integer() };
}
