import { ContentError } from "../error.js";
import { completeLimits, requireSize, type ContentLimits } from "../limits.js";
import { invalid } from "../record.js";
import { readTriples, type Triple } from "./comid.js";
import { MAX_FILES, readResources, type CoSwidFile } from "./coswid.js";
import { identifierOf, nameOf, readEnvironment, type Environment } from "./environment.js";
import { decodeItem, Tagged } from "./item.js";
import { Node } from "./node.js";
import { isKnownProfile } from "./profile.js";

/** Files that were found in an environment, by the tag of the software that they belong to. */
export interface SoftwareEvidence {
  readonly environment: Environment;
  readonly tagId: string;
  readonly files: readonly CoSwidFile[];
}

/** Concise evidence, of which nobody has verified anything. */
export interface ConciseEvidence {
  readonly id: string | undefined;
  /** Name, an object identifier in diagnostic notation; `undefined` where none is stated. */
  readonly profile: string | undefined;
  /** Whether nothing beyond the comparison rules of CoRIM is asked for. */
  readonly isProfileKnown: boolean;
  /** What was measured, in the shape of reference triples. */
  readonly measured: readonly Triple[];
  readonly software: readonly SoftwareEvidence[];
  /** Triples of kinds that are not read: identities, dependencies, memberships, keys. */
  readonly otherTriples: number;
}

/** Tag of concise evidence (TCG DICE Concise Evidence Binding for SPDM). */
const EVIDENCE_TAG = 571;

const TRIPLES = { measured: 0, identity: 1, dependency: 2, membership: 3, coswid: 4, keys: 5 };

/**
 * Reads concise evidence, with its tag.
 *
 * ```cddl
 * tagged-concise-evidence = #6.571({ 0: triples, ? 1: id, ? 2: profile })
 * triples = { ? 0: [+ [environment, [+ measurement]]], ? 1: identity, ? 2: dependency, ? 3: membership,
 *             ? 4: [+ [environment, [+ software]]], ? 5: keys }
 * software = { 0: tag-id, 1: resources, ? 2: authorized-by }
 * ```
 *
 * Who has to have said something (`authorized-by`) is let be: nothing here appraises authorities.
 *
 * @throws {@link ContentError} `CONTENT_TOO_LARGE`, `CONTENT_MALFORMED`, `CONTENT_STRUCTURE_INVALID`
 */
export function readConciseEvidence(
  bytes: Uint8Array,
  limits: Partial<ContentLimits> = {},
): ConciseEvidence {
  const complete = completeLimits(limits);
  requireSize(bytes, complete);
  const item = decodeItem(bytes, complete, "concise evidence");
  if (!(item instanceof Tagged) || item.tag !== EVIDENCE_TAG) {
    throw new ContentError("CONTENT_MALFORMED", `concise evidence: no tag ${EVIDENCE_TAG}`);
  }
  const root = new Node(item.value, "");
  const triples = root.at(0, "triples");
  // Not to pass for one without any.
  triples.keys();
  const listed = (key: number, name: string): readonly Node[] =>
    triples.has(key) ? triples.at(key, name).elements() : [];
  const profile = root.has(2) ? nameOf(root.at(2, "profile")) : undefined;
  const software = listed(TRIPLES.coswid, "coswid").flatMap(readSoftware);
  requireFewFiles(software);
  const { identity, dependency, membership, keys } = TRIPLES;
  const others = [identity, dependency, membership, keys].map(
    (key) => listed(key, "others").length,
  );
  return {
    id: root.has(1) ? identifierOf(root.at(1, "id")) : undefined,
    profile,
    isProfileKnown: profile === undefined || isKnownProfile(profile),
    measured: triples.has(TRIPLES.measured)
      ? readTriples(triples.at(TRIPLES.measured, "evidence"))
      : [],
    software,
    otherTriples: others.reduce((sum, count) => sum + count, 0),
  };
}

function readSoftware(node: Node): readonly SoftwareEvidence[] {
  const [where, tags] = node.pair();
  const environment = readEnvironment(where);
  return tags.elements().map((tag) => ({
    environment,
    tagId: identifierOf(tag.at(0, "tag-id")),
    files: readResources(tag.at(1, "evidence")),
  }));
}

function requireFewFiles(software: readonly SoftwareEvidence[]): void {
  const count = software.reduce((sum, { files }) => sum + files.length, 0);
  if (count > MAX_FILES) throw invalid("coswid", `has more than ${MAX_FILES} files`);
}
