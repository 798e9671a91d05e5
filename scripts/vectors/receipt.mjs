// Receipts: sound ones, and ones whose signature is right but whose header, proof or payload is not,
// so that each is refused for that alone.
import { array, bytes, int, map, text } from "./reference/cbor.mjs";
import { FIXED } from "./reference/fixed.mjs";
import {
  ALG,
  claims,
  consistencyReceipt,
  entriesWith,
  inclusionReceipt,
  profile,
  proof,
  proofs,
  receipt,
  signedSize,
  VDS,
} from "./reference/receipt.mjs";
import { KEY, KID, OTHER_KEY } from "./reference/sign1.mjs";
import { consistencyPath, inclusionPath, namedHash, root } from "./reference/tree.mjs";

const hex = (value) => Buffer.from(value).toString("hex");

const ENTRY = namedHash("the entry");
const INDEX = 5;
const ENTRIES = entriesWith(INDEX, ENTRY);
const SIZE = ENTRIES.length;
const ROOT = root(ENTRIES);
const PATH = inclusionPath(INDEX, ENTRIES);
const PROOF = proof(SIZE, INDEX, PATH);
const PROOFS = proofs(-1, PROOF);
const PROFILE = profile(SIZE);

function good(behaviour, description, built, { size = SIZE, index = INDEX, tree = ROOT } = {}) {
  const input = { receipt: hex(built), key: KEY, entry: hex(ENTRY) };
  const output = { size, index, root: hex(tree) };
  const rest = { spec: "RFC 9942 §5.2.1", expect: "ok", input, output };
  return { kind: "receipt/inclusion", behaviour, description, ...rest };
}

function bad(behaviour, description, { expect, spec, ...context }, built) {
  const input = { receipt: hex(built), key: KEY, entry: hex(ENTRY), ...context };
  return { kind: "receipt/inclusion", behaviour, description, spec, expect, input, output: null };
}

/** A receipt of the entry with parts replaced. */
function vary(changes) {
  return receipt({ protectedBytes: PROFILE, unprotected: [PROOFS], root: ROOT, ...changes });
}

function withHeader(...entries) {
  return vary({ protectedBytes: map(...entries) });
}

function withProof(encoded) {
  return vary({ unprotected: [proofs(-1, encoded)] });
}

const VDS_UNKNOWN = { expect: "RECEIPT_VDS_UNSUPPORTED", spec: "RFC 9942 §4.3" };
const MALFORMED = { expect: "RECEIPT_MALFORMED", spec: "RFC 9942 §5.2" };
const MISSING = { expect: "RECEIPT_PROOF_MISSING", spec: "RFC 9942 §5.2.1" };
const CLAIMS = { expect: "RECEIPT_CLAIMS_MISSING", spec: "RFC 9943 §6" };
const ALGORITHM = { expect: "RECEIPT_ALG_UNSUPPORTED", spec: "RFC 9942 §5.2.1" };
const INCLUSION = { expect: "RECEIPT_INCLUSION_INVALID", spec: "RFC 9162 §2.1.3.2" };
const SIGNATURE = { expect: "RECEIPT_SIGNATURE_INVALID", spec: "RFC 9052 §4.4" };

const SINGLE = root([ENTRY]);

const taken = [
  good("profile", "A receipt of this service", vary({})),
  good("without-signed-size", "A receipt of another service", withHeader(ALG, KID, claims(), VDS)),
  good("root-attached", "The payload is the root, attached", vary({ payload: ROOT })),
  good(
    "two-proofs-one-root",
    "Proofs that agree",
    vary({ unprotected: [proofs(-1, PROOF, PROOF)] }),
  ),
  good(
    "only-leaf-empty-path",
    "Size 1 has an empty path, which the CDDL of RFC 9942 cannot express: taken, never issued",
    receipt({
      protectedBytes: profile(1),
      unprotected: [proofs(-1, proof(1, 0, []))],
      root: SINGLE,
    }),
    { size: 1, index: 0, tree: SINGLE },
  ),
];

const headers = [
  bad(
    "vds-in-the-wrong-header",
    "vds in the unprotected header alone",
    VDS_UNKNOWN,
    vary({ protectedBytes: map(ALG, KID, claims()), unprotected: [VDS, PROOFS] }),
  ),
  bad("vds-missing", "No vds", VDS_UNKNOWN, withHeader(ALG, KID, claims())),
  bad("vds-unassigned", "vds 99", VDS_UNKNOWN, withHeader(ALG, KID, claims(), [int(395), int(99)])),
  bad(
    "vds-text",
    "vds by name",
    VDS_UNKNOWN,
    withHeader(ALG, KID, claims(), [int(395), text("1")]),
  ),
  bad("vdp-missing", "No proofs", MISSING, vary({ unprotected: [] })),
  bad(
    "vdp-protected",
    "Proofs in the protected header",
    MISSING,
    vary({ protectedBytes: map(ALG, KID, claims(), VDS, PROOFS), unprotected: [] }),
  ),
  bad("vdp-empty", "A map without proofs", MISSING, vary({ unprotected: [[int(396), map()]] })),
  bad(
    "vdp-of-consistency",
    "A proof of consistency",
    MISSING,
    consistencyReceipt({ entries: ENTRIES, oldSize: 3 }),
  ),
  bad(
    "vdp-of-both-kinds",
    "Both proof types under one signature",
    MALFORMED,
    vary({
      unprotected: [
        [int(396), map([int(-1), array(bytes(PROOF))], [int(-2), array(bytes(PROOF))])],
      ],
    }),
  ),
  bad(
    "vdp-no-proof-inside",
    "An empty list of proofs",
    MALFORMED,
    vary({ unprotected: [proofs(-1)] }),
  ),
  bad(
    "proof-not-wrapped",
    "A proof as an array, not a byte string",
    MALFORMED,
    vary({ unprotected: [[int(396), map([int(-1), array(PROOF)])]] }),
  ),
  bad("claims-missing", "No CWT claims", CLAIMS, withHeader(ALG, KID, VDS)),
  bad(
    "iss-missing",
    "Claims without iss",
    CLAIMS,
    withHeader(ALG, KID, claims({ iss: null }), VDS),
  ),
  bad(
    "sub-missing",
    "Claims without sub",
    CLAIMS,
    withHeader(ALG, KID, claims({ sub: null }), VDS),
  ),
  bad(
    "claims-unprotected",
    "Claims in the unprotected header alone",
    CLAIMS,
    vary({ protectedBytes: map(ALG, KID, VDS), unprotected: [claims(), PROOFS] }),
  ),
  bad(
    "alg-unprotected",
    "alg in the unprotected header alone",
    ALGORITHM,
    vary({ protectedBytes: map(KID, claims(), VDS), unprotected: [ALG, PROOFS] }),
  ),
  bad(
    "alg-unassigned",
    "An algorithm nobody knows",
    ALGORITHM,
    withHeader([int(1), int(-65_000)], VDS),
  ),
  bad(
    "crit-unknown",
    "A critical label that nobody processes",
    { expect: "RECEIPT_CRIT_UNKNOWN", spec: "RFC 9052 §3.1" },
    withHeader(ALG, [int(2), array(int(99))], KID, claims(), [int(99), int(0)], VDS),
  ),
  bad("untagged", "No tag 18", { ...MALFORMED, spec: "RFC 9942 §4.3" }, vary({}).subarray(1)),
];

const proofFaults = [
  bad("index-equals-size", "No such leaf", INCLUSION, withProof(proof(SIZE, SIZE, PATH))),
  bad(
    "path-one-hash-too-long",
    "A surplus hash",
    INCLUSION,
    withProof(proof(SIZE, INDEX, [...PATH, ENTRY])),
  ),
  bad(
    "path-one-hash-too-short",
    "A missing hash",
    INCLUSION,
    withProof(proof(SIZE, INDEX, PATH.slice(1))),
  ),
  bad(
    "path-empty",
    "An empty path in a tree of eight",
    INCLUSION,
    withProof(proof(SIZE, INDEX, [])),
  ),
  bad(
    "hash-of-31-bytes",
    "A hash one byte short",
    INCLUSION,
    withProof(proof(SIZE, INDEX, [PATH[0].subarray(1), ...PATH.slice(1)])),
  ),
  bad(
    "size-beyond-safe-integers",
    "A size of 2^53",
    MALFORMED,
    withProof(proof(2n ** 53n, INDEX, PATH)),
  ),
  bad(
    "proof-with-a-fourth-element",
    "An array of four",
    MALFORMED,
    withProof(array(int(SIZE), int(INDEX), array(...PATH.map(bytes)), int(0))),
  ),
  bad(
    "proof-trailing-byte",
    "A byte behind the proof",
    MALFORMED,
    withProof(Buffer.concat([PROOF, Buffer.of(0)])),
  ),
  bad(
    "two-proofs-two-roots",
    "Proofs that disagree under one signature",
    MALFORMED,
    vary({
      unprotected: [proofs(-1, PROOF, proof(SIZE, INDEX, [ENTRY, ...PATH.slice(1)]))],
    }),
  ),
  bad(
    "signed-size-differs",
    "A proof that claims a size that the signature denies, for the same root",
    { expect: "RECEIPT_SIZE_MISMATCH", spec: "RFC 9942 §4.4" },
    vary({ protectedBytes: map(ALG, KID, claims(), VDS, signedSize(7)) }),
  ),
  bad(
    "attached-payload-is-another-root",
    "A payload that the proof does not lead to",
    { expect: "RECEIPT_PAYLOAD_MISMATCH", spec: "RFC 9942 §5.2.1" },
    vary({ payload: ENTRY }),
  ),
  bad(
    "entry-of-another-statement",
    "The proof leads to a root nobody signed",
    {
      ...SIGNATURE,
      entry: hex(namedHash("another entry")),
    },
    vary({}),
  ),
  bad(
    "root-signed-as-text",
    "The signature covers the hex of the root",
    SIGNATURE,
    vary({
      root: Buffer.from(hex(ROOT)),
    }),
  ),
  bad("key-of-another-service", "The wrong key", { ...SIGNATURE, key: OTHER_KEY }, vary({})),
  bad(
    "key-of-another-type",
    "A key that alg does not fit",
    {
      expect: "RECEIPT_KEY_MISMATCH",
      spec: "RFC 9053 §2",
      key: FIXED.ES256.key,
    },
    vary({}),
  ),
];

const OLD_SIZE = 3;
const OLD = { oldSize: OLD_SIZE, oldRoot: hex(root(ENTRIES.slice(0, OLD_SIZE))) };
const GROWN = consistencyReceipt({ entries: ENTRIES, oldSize: OLD_SIZE });
const CONSISTENCY = { expect: "RECEIPT_CONSISTENCY_INVALID", spec: "RFC 9162 §2.1.4.2" };

function grown(behaviour, description, { expect, spec, ...context }, built) {
  const output = expect === "ok" ? { newSize: SIZE, newRoot: hex(ROOT) } : null;
  const input = { receipt: hex(built), key: KEY, ...OLD, ...context };
  return { kind: "receipt/consistency", behaviour, description, spec, expect, input, output };
}

function withPath(oldSize, newSize, path) {
  return vary({ unprotected: [proofs(-2, proof(oldSize, newSize, path))] });
}

const OLD_PATH = consistencyPath(OLD_SIZE, ENTRIES);

const consistency = [
  grown("profile", "Growth from size 3", { expect: "ok", spec: "RFC 9942 §5.3.1" }, GROWN),
  grown(
    "old-root-of-another-log",
    "A root that the log never had",
    {
      ...CONSISTENCY,
      oldRoot: hex(ENTRY),
    },
    GROWN,
  ),
  grown(
    "old-size-of-another-tree",
    "The trusted tree has another size",
    {
      ...CONSISTENCY,
      oldSize: 4,
      oldRoot: hex(root(ENTRIES.slice(0, 4))),
    },
    GROWN,
  ),
  grown(
    "path-one-hash-too-short",
    "A missing hash",
    CONSISTENCY,
    withPath(3, SIZE, OLD_PATH.slice(1)),
  ),
  grown(
    "path-one-hash-too-long",
    "A surplus hash",
    CONSISTENCY,
    withPath(3, SIZE, [...OLD_PATH, ENTRY]),
  ),
  grown(
    "equal-sizes",
    "Equal sizes have no receipt",
    {
      ...CONSISTENCY,
      oldSize: SIZE,
      oldRoot: hex(ROOT),
    },
    withPath(SIZE, SIZE, []),
  ),
  grown(
    "sizes-swapped",
    "Old and new size in each other's place, which the signed size denies",
    { expect: "RECEIPT_SIZE_MISMATCH", spec: "RFC 9942 §4.4" },
    withPath(SIZE, 3, OLD_PATH),
  ),
  grown(
    "signed-size-differs",
    "A size that the signature denies",
    {
      expect: "RECEIPT_SIZE_MISMATCH",
      spec: "RFC 9942 §4.4",
    },
    vary({
      protectedBytes: map(ALG, KID, claims(), VDS, signedSize(9)),
      unprotected: [proofs(-2, proof(3, SIZE, OLD_PATH))],
    }),
  ),
  grown(
    "proof-of-inclusion",
    "A receipt of the other kind",
    MISSING,
    inclusionReceipt({
      entries: ENTRIES,
      index: INDEX,
    }),
  ),
  grown("key-of-another-service", "The wrong key", { ...SIGNATURE, key: OTHER_KEY }, GROWN),
];

export const recipes = [...taken, ...headers, ...proofFaults, ...consistency];
