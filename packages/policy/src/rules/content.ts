import type { SignedStatement } from "@tallystick/statement";

import { plainType } from "../content-type.js";
import type { ContentType } from "../content-type.js";
import { sizeOf } from "../facts.js";
import { listed } from "./parameters.js";
import type { ReadyRule } from "./ready.js";

/** Yields the type of what is stated: of the payload, or of what a hash envelope has the digest of. */
export function typeOf({ contentType, hashEnvelope }: SignedStatement): ContentType | undefined {
  const type = hashEnvelope === undefined ? contentType : hashEnvelope.preimageContentType;
  return type === undefined ? undefined : plainType(type);
}

/** Yields whether a rule for those content types, or for all, is about the statement. */
export function concerns(
  types: readonly ContentType[] | undefined,
  statement: SignedStatement,
): boolean {
  if (types === undefined) return true;
  const type = typeOf(statement);
  return type !== undefined && types.includes(type);
}

/** The content type, or that of the preimage, is one of those listed. */
export const contentTypes: ReadyRule = {
  parameters: ["any"],
  compile: (parameters) => {
    parameters.value("any");
    const any = parameters.contentTypes("any") ?? [];
    return ({ statement }) => {
      const type = typeOf(statement);
      if (type === undefined) return `there is no content type, want one of ${listed(any)}`;
      return any.includes(type)
        ? undefined
        : `content type ${listed([type])} is not one of ${listed(any)}`;
    };
  },
};

/** The statement, as the log keeps it, is not longer than that. */
export const maxBytes: ReadyRule = {
  parameters: ["bytes", "contentTypes"],
  compile: (parameters) => {
    const bytes = parameters.integer("bytes", 1);
    const types = parameters.contentTypes("contentTypes");
    return ({ statement }) => {
      const size = sizeOf(statement);
      return size > bytes && concerns(types, statement)
        ? `the statement has ${size} bytes, want ${bytes} at most`
        : undefined;
    };
  },
};

/** What is stated is kept elsewhere, and the statement has its digest (RFC 9995). */
export const hashEnvelopeOnly: ReadyRule = {
  parameters: ["contentTypes"],
  compile: (parameters) => {
    const types = parameters.contentTypes("contentTypes");
    return ({ statement }) => {
      if (statement.hashEnvelope !== undefined || !concerns(types, statement)) return undefined;
      const type = typeOf(statement);
      const of = type === undefined ? "the payload" : `content of type ${listed([type])}`;
      return `${of} stands in the statement itself, want a hash envelope`;
    };
  },
};
