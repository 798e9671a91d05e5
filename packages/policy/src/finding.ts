import { ContentError, mayBeBom, type ReviewKey } from "@tallystick/content";
import type { SignedStatement } from "@tallystick/statement";

import { CONTENT_LIMITS, readContent } from "./content-facts.js";
import { ReportSignature } from "./report-signature.js";
import { isUnanswered, RimSignature, type RimAuthorities } from "./rim-signature.js";

/** Characters of a reason, whose words are in part those of whoever wrote the document. */
const MAX_PROBLEM = 512;

/** What the rules of a policy ask of payloads that takes more than reading them. */
export interface Questions {
  /** Keys that reports may be signed with. */
  readonly reviewKeys: readonly ReviewKey[];
  /** Who may sign the manifests inside statements. */
  readonly rimAuthorities: RimAuthorities;
  /** Whether bills of materials are held against their schemas. */
  readonly asksForSchema: boolean;
}

/** Yields whether anybody asks who signed a manifest. */
export function isAsked({ keys, anchors }: RimAuthorities): boolean {
  return keys.length + anchors.length > 0;
}

/** Whether a bill of materials is as its schema has it. */
export interface SchemaVerdict {
  readonly problem: string | undefined;
}

type Parts = Pick<Finding, "signature" | "rim" | "schema" | "isSchemaKnown">;

/**
 * What was found out about a payload before the decision, which waits for nothing.
 * {@link Finding.find} is the only way to get one. It says what is so of the bytes, the keys and the
 * schemas, so that it is the same whenever it is found out (I9).
 */
export class Finding {
  readonly #found = true;
  readonly signature: ReportSignature | undefined;
  /** Undefined where nobody asked. */
  readonly rim: RimSignature | undefined;
  /** Undefined where nobody asked, and of what is no bill of materials. */
  readonly schema: SchemaVerdict | undefined;
  /** Whether somebody asked for it. */
  readonly isSchemaKnown: boolean;

  private constructor({ signature, rim, schema, isSchemaKnown }: Parts) {
    this.signature = signature;
    this.rim = rim;
    this.schema = schema;
    this.isSchemaKnown = isSchemaKnown;
    Object.freeze(this);
  }

  static is(value: object): value is Finding {
    return #found in value;
  }

  /**
   * Finds out what is asked of a statement, but for what was found out `before`.
   *
   * @throws ContentError `CONTENT_PART_MISSING` where that takes a library that is not here
   */
  static async find(
    statement: SignedStatement,
    { reviewKeys, rimAuthorities, asksForSchema }: Questions,
    before: object | undefined,
  ): Promise<Finding> {
    const known = before !== undefined && Finding.is(before) ? before : undefined;
    let { signature, rim, schema, isSchemaKnown = false } = known ?? {};
    if (reviewKeys.length > 0 && signature?.covers(reviewKeys) !== true) {
      signature = await ReportSignature.find(statement, reviewKeys);
    }
    if (isAsked(rimAuthorities) && rim?.covers(rimAuthorities) !== true) {
      rim = await RimSignature.find(statement, rimAuthorities);
    }
    if (asksForSchema && !isSchemaKnown) {
      schema = await schemaVerdict(statement);
      isSchemaKnown = true;
    }
    const isSame = signature === known?.signature && rim === known?.rim;
    if (known !== undefined && isSame && isSchemaKnown === known.isSchemaKnown) return known;
    return new Finding({ signature, rim, schema, isSchemaKnown });
  }
}

async function schemaVerdict(statement: SignedStatement): Promise<SchemaVerdict | undefined> {
  const { payload, contentType, hashEnvelope } = statement;
  // The rule reads it once more, so what is no bill of materials at a glance is not read here.
  if (payload === null || hashEnvelope !== undefined || !mayBeBom(payload, contentType)) {
    return undefined;
  }
  try {
    const content = readContent(statement);
    if (!("bom" in content)) return undefined;
    // The schemas are large, and most policies do not ask.
    const { checkBomSchema } = await import("@tallystick/content/schema");
    const { specVersion } = content.bom;
    const format = { kind: content.kind, specVersion };
    const problem = await checkBomSchema(payload, format, CONTENT_LIMITS);
    return { problem: problem?.slice(0, MAX_PROBLEM) };
  } catch (error) {
    // What cannot be read is refused by the rule itself.
    if (!(error instanceof ContentError) || isUnanswered(error)) throw error;
    return undefined;
  }
}
