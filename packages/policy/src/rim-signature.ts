import {
  ContentError,
  findRimKey,
  ReviewKeys,
  type Content,
  type ReviewKey,
} from "@tallystick/content";
import { encodeHex } from "@tallystick/cose";
import type { Certificate, SignedStatement } from "@tallystick/statement";

import { CONTENT_LIMITS, readContent } from "./content-facts.js";
import { thumbprintOf } from "./report-signature.js";

/** Whose signatures inside manifests are looked for. */
export interface RimAuthorities {
  readonly keys: readonly ReviewKey[];
  /** Roots above the signers of SWID manifests. */
  readonly anchors: readonly Certificate[];
}

/** When a chain ends in an anchor, in seconds since the epoch, both within the term. */
interface Term {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What is found out of a manifest. */
interface Found {
  /** Thumbprint of the key in hexadecimal. */
  readonly signer?: string;
  /** By the name of an anchor. */
  readonly terms?: ReadonlyMap<string, Term>;
  /** Why neither is known. */
  readonly problem?: string;
}

/** Characters of a reason, whose words are in part those of whoever wrote the document. */
const MAX_PROBLEM = 512;

/**
 * Whose key or authority vouches for the manifest inside a statement: found out before the decision,
 * which waits for nothing. {@link RimSignature.find} is the only way to get one. It says what is so of
 * the bytes, the keys and the certificates, so that it is the same whenever it is found out (I9).
 */
export class RimSignature {
  readonly #tried: ReadonlySet<string>;
  readonly #terms: ReadonlyMap<string, Term>;
  /** Thumbprint of the key of a CoRIM in hexadecimal; `undefined` where it is none of those tried. */
  readonly signer: string | undefined;
  /** Why nobody is known to vouch for it; `undefined` of what is no manifest. */
  readonly problem: string | undefined;

  private constructor(tried: ReadonlySet<string>, { signer, terms, problem }: Found) {
    this.#tried = tried;
    this.#terms = terms ?? new Map<string, Term>();
    this.signer = signer;
    this.problem = problem?.slice(0, MAX_PROBLEM);
    Object.freeze(this);
  }

  /**
   * Tries the keys and anchors on what a statement carries, if that is a manifest signed inside.
   *
   * @throws ContentError `CONTENT_PART_MISSING` where that takes a library that is not here
   */
  static async find(
    statement: SignedStatement,
    authorities: RimAuthorities,
  ): Promise<RimSignature> {
    const tried = new Set(namesOf(authorities));
    try {
      return new RimSignature(tried, await found(statement, authorities));
    } catch (error) {
      if (!(error instanceof ContentError) || isUnanswered(error)) throw error;
      return new RimSignature(tried, { problem: `${error.code}: ${error.message}` });
    }
  }

  /** Yields whether all of these were tried, so that what is not said of them is not so. */
  covers(authorities: RimAuthorities): boolean {
    return namesOf(authorities).every((name) => this.#tried.has(name));
  }

  /** Yields when the chain of a SWID manifest ends in the anchor; `undefined` where it never does. */
  termUnder(anchor: Certificate): Term | undefined {
    return this.#terms.get(anchorName(anchor));
  }
}

async function found(
  statement: SignedStatement,
  { keys, anchors }: RimAuthorities,
): Promise<Found> {
  const { payload } = statement;
  const content = readContent(statement);
  if (payload === null || !isSignedInside(content)) return {};
  if (content.kind === "rim") {
    const key = await findRimKey(payload, new ReviewKeys(keys), CONTENT_LIMITS);
    if (key !== undefined) return { signer: thumbprintOf(key.key) };
    throw new ContentError("CONTENT_SIGNATURE_INVALID", "the signature is of no key that is known");
  }
  // What brings XML into its canonical form is loaded for manifests in XML alone.
  const { findSwidAuthorities } = await import("@tallystick/content/swid-signature");
  const authorities = await findSwidAuthorities(payload, { anchors, limits: CONTENT_LIMITS });
  return { terms: new Map(authorities.map(({ anchor, ...term }) => [anchorName(anchor), term])) };
}

/** Yields whether a payload is a manifest that says that it is signed. */
export function isSignedInside(content: Content): boolean {
  if (content.kind === "swid") return content.swid.isSigned;
  return content.kind === "rim" && content.form !== "corim";
}

function namesOf({ keys, anchors }: RimAuthorities): readonly string[] {
  return [...keys.map(({ key }) => thumbprintOf(key)), ...anchors.map(anchorName)];
}

/** Yields whether nothing was found out, for want of a library: that is so of the place alone (I9). */
export function isUnanswered({ code }: ContentError): boolean {
  return code === "CONTENT_PART_MISSING";
}

/** Yields the name by which anchors are told apart; no thumbprint of a key is one. */
export function anchorName(anchor: Certificate): string {
  return `x5t ${encodeHex(anchor.fingerprint("sha-256"))}`;
}
