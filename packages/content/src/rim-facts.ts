import { HASH_ALGORITHMS } from "@tallystick/cose";

import type { Comid, Triple } from "./corim/comid.js";
import { rawText, type Measurement } from "./corim/measurement.js";
import type { RimManifest, RimSigner, Validity } from "./corim/manifest.js";
import { digestFacts, present, type Fact, type FactMap } from "./fact.js";
import { tagFacts } from "./tag-facts.js";
import type { EvidenceRecord, RecordFile } from "./release/evidence-record.js";
import type { FirmwareRelease, ReleaseReference } from "./release/release.js";

/** Yields the facts of a manifest; `digests` are all that its reference values name, each once. */
export function rimFacts(rim: RimManifest, signer: RimSigner | undefined): FactMap {
  const listed = (of: (comid: Comid) => readonly Triple[]): Fact =>
    rim.comids.flatMap((comid) => of(comid).map(tripleFacts));
  return {
    id: rim.id,
    profiles: rim.profiles,
    isProfileKnown: rim.isProfileKnown,
    ...validityFacts(rim.validity),
    entities: rim.entities.map(({ name, roles }) => ({ name, roles })),
    ...(signer === undefined ? {} : { signer: signerFacts(signer) }),
    comids: rim.comids.map(({ id, version }) => present({ id, version })),
    ...(rim.coswids.length === 0 ? {} : tagFacts(rim.coswids)),
    otherTags: rim.otherTags,
    dependentRims: rim.dependentRims.map(({ href, thumbprints }) => ({
      href,
      thumbprints: thumbprints.map(digestFacts),
    })),
    references: listed(({ references }) => references),
    endorsed: listed(({ endorsed }) => endorsed),
    conditional: rim.comids.flatMap(({ conditional }) =>
      conditional.map(({ conditions, endorsements }) => ({
        conditions: conditions.map(tripleFacts),
        endorsements: endorsements.map(tripleFacts),
      })),
    ),
    series: rim.comids.flatMap(({ series }) =>
      series.map(({ condition, steps }) => ({
        condition: tripleFacts(condition),
        steps: steps.map(({ selection, addition }) => ({
          selection: selection.map(measurementFacts),
          addition: addition.map(measurementFacts),
        })),
      })),
    ),
    digests: referenceDigests(rim).map(digestFacts),
  };
}

/** Yields the digests of the reference values by algorithms that are known here, each once. */
export function referenceDigests(
  rim: RimManifest,
): readonly { readonly alg: string; readonly value: string }[] {
  const found = new Map<string, { readonly alg: string; readonly value: string }>();
  for (const { references } of rim.comids) {
    for (const { digests = [] } of references.flatMap(({ measurements }) => measurements)) {
      for (const digest of digests) {
        if (HASH_ALGORITHMS.some(({ name }) => name === digest.alg)) {
          found.set(`${digest.alg} ${digest.value}`, digest);
        }
      }
    }
  }
  return [...found.values()];
}

/** Yields the facts of a release. */
export function releaseFacts(release: FirmwareRelease): FactMap {
  const { vendor, product, version, files, measurements, rims, sboms } = release;
  return {
    vendor,
    product,
    version,
    files: files.map(({ name, digests }) => ({ name, digests: digests.map(digestFacts) })),
    measurements: measurements.map(({ element, digests }) => ({
      element,
      digests: digests.map(digestFacts),
    })),
    rims: rims.map(referenceFacts),
    sboms: sboms.map(referenceFacts),
  };
}

/** Yields the facts of a record. */
export function recordFacts(record: EvidenceRecord): FactMap {
  const { type, by, made, outcome, summary, exception, revisions, signing } = record;
  const filesOf = (files: readonly RecordFile[]): Fact =>
    files.map(({ name, digests }) => ({ name, digests: digests.map(digestFacts) }));
  return {
    ...present({ type, by, made, outcome, summary }),
    subjects: filesOf(record.subjects),
    documents: filesOf(record.documents),
    ...(exception === undefined ? {} : { exception: { ...exception } }),
    ...(signing === undefined ? {} : { signing: { ...signing } }),
    revisions: revisions.map(({ version, text }) => ({ version, text })),
  };
}

function referenceFacts({ entry, digests }: ReleaseReference): FactMap {
  return present({ entry, digests: digests.map(digestFacts) });
}

function signerFacts({ name, uri, issuer, subject, validity }: RimSigner): FactMap {
  return { ...present({ name, uri, issuer, subject }), ...validityFacts(validity) };
}

function validityFacts(validity: Validity | undefined): FactMap {
  return present({ notBefore: validity?.notBefore, notAfter: validity?.notAfter });
}

function tripleFacts({ environment, measurements }: Triple): FactMap {
  const { attributes, vendor, model } = environment;
  return {
    environment: { ...Object.fromEntries(attributes), ...present({ vendor, model }) },
    measurements: measurements.map(measurementFacts),
  };
}

function measurementFacts(measurement: Measurement): FactMap {
  const { key, version, svn, digests, raw, registers, range, name, others, unknown } = measurement;
  return {
    ...present({
      key,
      version: version?.text,
      // Beyond what a number holds, a version number is its digits.
      svn: svn === undefined ? undefined : exact(svn.value),
      isMinimumSvn: svn?.isMinimum,
      digests: digests?.map(digestFacts),
      raw: raw === undefined ? undefined : { ...rawText(raw) },
      min: range?.min === undefined ? undefined : exact(range.min),
      max: range?.max === undefined ? undefined : exact(range.max),
      name,
    }),
    registers: [...(registers ?? [])].map(([id, values]) => ({
      id,
      digests: values.map(digestFacts),
    })),
    others: Object.fromEntries([...others].map(([code, value]) => [String(code), value])),
    unknown,
  };
}

function exact(value: bigint): number | string {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
    ? Number(value)
    : value.toString();
}
