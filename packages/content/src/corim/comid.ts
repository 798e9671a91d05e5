import { identifierOf, readEnvironment, type Environment } from "./environment.js";
import { readAuthorities, readMeasurements, type Measurement } from "./measurement.js";
import type { Node } from "./node.js";

/** Measurements of an environment. */
export interface Triple {
  readonly environment: Environment;
  readonly measurements: readonly Measurement[];
}

/** What is endorsed where evidence shows every condition. */
export interface ConditionalEndorsement {
  readonly conditions: readonly Triple[];
  readonly endorsements: readonly Triple[];
}

/** What is endorsed by the first of several selections that evidence shows. */
export interface EndorsementSeries {
  readonly condition: Triple;
  /** Keys of who has to have said so, in diagnostic notation; `undefined` where none are stated. */
  readonly authorizedBy: readonly string[] | undefined;
  readonly steps: readonly {
    readonly selection: readonly Measurement[];
    readonly addition: readonly Measurement[];
  }[];
}

/** A concise module identifier: what a device of a kind should measure. */
export interface Comid {
  readonly id: string;
  readonly version: number | undefined;
  readonly references: readonly Triple[];
  readonly endorsed: readonly Triple[];
  readonly conditional: readonly ConditionalEndorsement[];
  readonly series: readonly EndorsementSeries[];
  /** Identity and attestation keys: how many triples name some. */
  readonly keyTriples: number;
}

/**
 * Reads a CoMID.
 *
 * @throws {@link ContentError} `CONTENT_STRUCTURE_INVALID`
 */
export function readComid(node: Node): Comid {
  const identity = node.at(1, "identity");
  const triples = node.at(4, "triples");
  const listed = (key: number, name: string): readonly Node[] =>
    triples.has(key) ? triples.at(key, name).elements() : [];
  // The other members may be anything, but a list of triples is one.
  triples.keys();
  return {
    id: identifierOf(identity.at(0, "id")),
    version: identity.has(1) ? identity.at(1, "version").integer() : undefined,
    references: listed(0, "reference").map(readTriple),
    endorsed: listed(1, "endorsed").map(readTriple),
    conditional: listed(10, "conditional").map(readConditional),
    series: listed(8, "series").map(readSeries),
    keyTriples: listed(2, "identity").length + listed(3, "attest").length,
  };
}

/**
 * Reads a list of triples.
 *
 * @throws {@link ContentError} `CONTENT_STRUCTURE_INVALID`
 */
export function readTriples(node: Node): readonly Triple[] {
  return node.elements().map(readTriple);
}

function readTriple(node: Node): Triple {
  const [environment, measurements] = node.pair();
  return {
    environment: readEnvironment(environment),
    measurements: readMeasurements(measurements),
  };
}

function readConditional(node: Node): ConditionalEndorsement {
  const [conditions, endorsements] = node.pair();
  return {
    conditions: conditions.elements().map(readTriple),
    endorsements: endorsements.elements().map(readTriple),
  };
}

function readSeries(node: Node): EndorsementSeries {
  const [condition, series] = node.pair();
  const [environment, measurements] = condition.leadingPair();
  const [, , authorities] = condition.elements();
  return {
    condition: {
      environment: readEnvironment(environment),
      measurements: readMeasurements(measurements),
    },
    authorizedBy: authorities === undefined ? undefined : readAuthorities(authorities),
    steps: series.elements().map((step) => {
      const [selection, addition] = step.pair();
      return { selection: readMeasurements(selection), addition: readMeasurements(addition) };
    }),
  };
}
