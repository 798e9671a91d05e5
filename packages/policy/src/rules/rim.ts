import { termRefusal, type ContentKind, type ReviewKey } from "@tallystick/content";

import { unreadableRefusal } from "../content-facts.js";
import type { Facts } from "../facts.js";
import { Finding } from "../finding.js";
import { thumbprintOf } from "../report-signature.js";
import { isSignedInside, type RimSignature } from "../rim-signature.js";
import { concerns } from "./content.js";
import type { Parameters } from "./parameters.js";
import type { ReadyRule } from "./ready.js";
import { anchorsOf, keysOf, RIM_KEYS, type RimAnchor } from "./signing-keys.js";

const RIM_KINDS: readonly ContentKind[] = ["rim", "swid"];

/** Who may sign manifests, by the names of keys and anchors. */
interface Signers {
  readonly keys: readonly ReviewKey[];
  readonly anchors: readonly RimAnchor[];
}

/**
 * A reference integrity manifest is signed inside by a key that is in force when the statement is
 * registered, or, a SWID tag, by a certificate below an anchor then; what has one of the content
 * types is such a manifest.
 */
export const rimSignature: ReadyRule = {
  parameters: ["keys", "anchors", "contentTypes", "allowUnsigned"],
  compile: (parameters) => {
    const signers = signersOf(parameters);
    const types = parameters.contentTypes("contentTypes");
    const allowsUnsigned = parameters.flag("allowUnsigned");
    return {
      rimAuthorities: {
        keys: signers.keys,
        anchors: signers.anchors.map(({ certificate }) => certificate),
      },
      check: (facts, meter) => {
        const { statement } = facts;
        const found = facts.content(meter);
        const refusal = unreadableRefusal(found, statement, RIM_KINDS);
        if (refusal !== undefined) return refusal;
        const { content, problem } = found;
        if (content === undefined || !RIM_KINDS.includes(content.kind)) {
          const why = problem === undefined ? "" : `, for ${problem}`;
          return types !== undefined && concerns(types, statement)
            ? `the payload is of kind ${content?.kind ?? "unreadable"}${why}, want a signed manifest`
            : undefined;
        }
        if (isSignedInside(content)) return signatureRefusal(facts, signers);
        return allowsUnsigned ? undefined : "the manifest is not signed inside";
      },
    };
  },
};

function signersOf(parameters: Parameters): Signers {
  const hasAnchors = parameters.has("anchors");
  // One of both has to be there.
  const keys = parameters.has("keys") || !hasAnchors ? keysOf(parameters, RIM_KEYS) : [];
  return { keys, anchors: hasAnchors ? anchorsOf(parameters) : [] };
}

function signatureRefusal(
  { finding, time }: Facts,
  { keys, anchors }: Signers,
): string | undefined {
  const certificates = anchors.map(({ certificate }) => certificate);
  // Another policy may have been in force when the statement was verified.
  const rim = finding !== undefined && Finding.is(finding) ? finding.rim : undefined;
  if (rim?.covers({ keys, anchors: certificates }) !== true) {
    return "cannot be decided: the signature inside was not looked at under this policy";
  }
  if (rim.problem !== undefined) return `the signature inside the manifest: ${rim.problem}`;
  const key = keys.find((one) => thumbprintOf(one.key) === rim.signer);
  if (key !== undefined) {
    const why = termRefusal(key, time);
    return why === undefined ? undefined : `the key of ${key.provider} ${why}`;
  }
  return anchorRefusal(rim, anchors, time);
}

function anchorRefusal(
  rim: RimSignature,
  anchors: readonly RimAnchor[],
  time: number,
): string | undefined {
  const known = anchors.flatMap(({ provider, certificate }) => {
    const term = rim.termUnder(certificate);
    return term === undefined ? [] : [{ provider, term }];
  });
  const isIn = known.some(({ term }) => time >= term.notBefore && time <= term.notAfter);
  if (isIn) return undefined;
  const [first] = known;
  return first === undefined
    ? "the manifest is signed by no key or authority of the rule"
    : `the certificates under ${first.provider} are not valid at the time of registration`;
}
