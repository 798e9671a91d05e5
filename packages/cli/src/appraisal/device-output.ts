import type { Appraisal, Held, Subject } from "@tallystick/appraisal";
import type { ElementResult } from "@tallystick/evidence";

import type { Output, Tone } from "../output.js";

const TONES: Readonly<Record<ElementResult["status"], Tone>> = {
  match: "good",
  mismatch: "bad",
  missing: "bad",
  unreferenced: "plain",
};

/** Yields the member `evidence` of a decision in JSON, where it is about evidence. */
export function evidenceTold({ device }: Subject, { held }: Appraisal): object {
  if (device === undefined) return {};
  const { evidence, verified, fault } = device;
  const { form, gpu, ueids, elements } = evidence;
  return {
    evidence: {
      form,
      signedBy: verified?.path.leaf.label ?? null,
      anchor: verified?.path.anchor.label ?? null,
      isFresh: verified?.isFresh ?? false,
      fault: fault?.code ?? null,
      ueids,
      gpu: gpu?.vbiosManifest ?? null,
      elements: elements.map(({ name, kind, measurement }) => ({
        ...{ name, kind },
        digests: measurement.digests ?? [],
        svn: measurement.svn?.value.toString() ?? null,
      })),
      manifests: held.map(({ known, match }) => ({
        statement: known.entryId,
        manifest: match.manifest,
        isMatch: match.isMatch,
        required: match.required,
        matched: match.matched,
        elements: match.results.map(({ status, element, detail }) => ({
          ...{ status, element },
          detail: detail ?? null,
        })),
      })),
    },
  };
}

/** Prints what the manifests ask for and what came of it, one line each, and counts all else. */
export function printEvidence(output: Output, held: readonly Held[]): void {
  for (const { known, match } of held) {
    const { manifest, matched, required, results } = match;
    const count = `${matched} of ${required} match`;
    output.printRow(
      "plain",
      "manifest  ",
      `${known.entryId} ${JSON.stringify(manifest)}: ${count}`,
    );
    const asked = results.filter(({ status }) => status !== "unreferenced");
    for (const { status, element, detail } of asked) {
      const why = detail === undefined ? "" : `: ${detail}`;
      output.printRow(TONES[status], `  ${status.padEnd(8)} `, `${element}${why}`);
    }
    const rest = results.length - asked.length;
    if (rest > 0) output.print(`  ${rest} more elements are in the evidence and not asked for`);
  }
}
