import { ALGORITHMS, CLAIM } from "@tallystick/cose";

import type { Meter } from "../cel/meter.js";
import { Pattern } from "../cel/pattern.js";
import type { FactMap } from "../facts.js";
import { listed, quote } from "./parameters.js";
import type { Parameters } from "./parameters.js";
import type { ReadyRule } from "./ready.js";

/** The issuer is one of those listed. */
export const issuers: ReadyRule = {
  parameters: ["any"],
  compile: (parameters) => {
    const any = parameters.texts("any");
    const known = new Set(any);
    return ({ statement: { claims } }) =>
      known.has(claims.issuer)
        ? undefined
        : `issuer ${quote(claims.issuer)} is not one of ${listed(any)}`;
  },
};

/** The subject starts with a text, or matches a regular expression of RE2 as a whole. */
export const subject: ReadyRule = {
  parameters: ["prefix", "pattern"],
  compile: (parameters) => {
    if (parameters.has("prefix") === parameters.has("pattern")) {
      throw parameters.malformed("prefix", "or pattern is wanted, one of the two");
    }
    const { fits, want } = parameters.has("prefix") ? prefixOf(parameters) : patternOf(parameters);
    return ({ statement: { claims } }, meter) => {
      if (claims.subject === undefined) return `there is no subject; it has to ${want}`;
      return fits(claims.subject, meter)
        ? undefined
        : `subject ${quote(claims.subject)} does not ${want}`;
    };
  },
};

interface SubjectTest {
  readonly fits: (subject: string, meter: Meter) => boolean;
  readonly want: string;
}

function prefixOf(parameters: Parameters): SubjectTest {
  const prefix = parameters.text("prefix");
  return { fits: (text) => text.startsWith(prefix), want: `start with ${quote(prefix)}` };
}

function patternOf(parameters: Parameters): SubjectTest {
  const source = parameters.text("pattern");
  try {
    Pattern.parse(source);
    // A whole match: an operator who forgets the anchors means them.
    const whole = Pattern.parse(`\\A(?:${source})\\z`);
    return {
      fits: (text, meter) => {
        meter.charge(whole.costOn(text));
        return whole.test(text);
      },
      want: `match ${quote(source)}`,
    };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : "does not compile";
    throw parameters.malformed("pattern", `is ${message}`, { cause });
  }
}

/** The signature algorithm is one of those listed. */
export const algorithms: ReadyRule = {
  parameters: ["any"],
  compile: (parameters) => {
    const any = parameters.texts("any");
    const known = ALGORITHMS.map(({ name }): string => name);
    const strange = any.find((name) => !known.includes(name));
    if (strange !== undefined) {
      throw parameters.malformed(
        "any",
        `has ${quote(strange)}, want names out of ${known.join(", ")}`,
      );
    }
    return ({ statement: { algorithm } }) =>
      any.includes(algorithm.name)
        ? undefined
        : `algorithm ${algorithm.name} is not one of ${any.join(", ")}`;
  },
};

/** The statement was issued not too long before it is registered, and not after. */
export const iatWindow: ReadyRule = {
  parameters: ["maxAgeSeconds", "maxAheadSeconds"],
  compile: (parameters) => {
    const maxAge = parameters.integer("maxAgeSeconds");
    const maxAhead = parameters.integer("maxAheadSeconds");
    return ({ statement: { claims }, time }) => {
      if (claims.issuedAt === undefined) return "claim iat (6) is missing";
      const age = time - claims.issuedAt;
      if (age > maxAge) return `it was issued ${age} seconds ago, want ${maxAge} at most`;
      return age < -maxAhead
        ? `it was issued ${-age} seconds in the future, want ${maxAhead} at most`
        : undefined;
    };
  },
};

/** Every claim listed is there, whatever it says. */
export const requiredClaims: ReadyRule = {
  parameters: ["claims"],
  compile: (parameters) => {
    const wanted = parameters.labels("claims");
    return ({ claims }) => {
      const missing = wanted.filter((label) => !hasClaim(claims, label));
      if (missing.length === 0) return undefined;
      return `${missing.length === 1 ? "claim" : "claims"} ${listed(missing)} missing, want ${listed(wanted)}`;
    };
  },
};

const CLAIM_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(CLAIM).map(([name, key]) => [key, name]),
);

function hasClaim(claims: FactMap, label: string | number): boolean {
  if (typeof label === "string") return claims.has(label);
  return claims.has(CLAIM_NAMES.get(label) ?? BigInt(label));
}
