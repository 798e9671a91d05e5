// Transparent statements against a trust file: what counts as a service that vouches, and what does
// not although it looks like one.
import { map } from "./reference/cbor.mjs";
import {
  entriesWith,
  inclusionReceipt,
  ORIGIN,
  profile,
  proof,
  proofs,
  receipt,
  SERVICE,
} from "./reference/receipt.mjs";
import { KEY, OTHER_KEY, OTHER_PRIVATE, PAYLOAD } from "./reference/sign1.mjs";
import { entryOf, ISSUER, receiptsHeader, statement } from "./reference/statement.mjs";
import { inclusionPath, namedHash, root } from "./reference/tree.mjs";

const hex = (value) => Buffer.from(value).toString("hex");
const KID = Buffer.from("vector").toString("base64url");

const INDEX = 5;
const ENTRY = entryOf({});
const ENTRIES = entriesWith(INDEX, ENTRY);
const RECEIPT = inclusionReceipt({ entries: ENTRIES, index: INDEX });

const SECOND = { iss: "https://second.example", sub: "second.example/log" };
const SECOND_RECEIPT = inclusionReceipt({
  entries: ENTRIES,
  index: INDEX,
  names: SECOND,
  key: OTHER_PRIVATE,
});

const PINNED = { issuer: SERVICE, origin: ORIGIN, keys: [{ ...KEY, kid: KID }] };
const SECOND_PINNED = {
  issuer: SECOND.iss,
  origin: SECOND.sub,
  keys: [{ ...OTHER_KEY, kid: KID }],
};
const ISSUERS = [{ iss: ISSUER, keys: [{ ...KEY, kid: KID }] }];

const ONE = { services: [PINNED] };
const BOTH = { services: [PINNED, SECOND_PINNED], requireReceipts: 2 };

function transparent(...receipts) {
  return hex(
    statement({ unprotected: receipts.length === 0 ? map() : receiptsHeader(...receipts) }),
  );
}

function good(behaviour, description, { output, ...input }) {
  const result = { entryId: hex(ENTRY), origins: [ORIGIN], isIssuerVerified: false, ...output };
  const rest = { spec: "RFC 9943 §7.1", expect: "ok", input, output: result };
  return { kind: "transparent", behaviour, description, ...rest };
}

function bad(behaviour, description, expect, input) {
  const rest = { spec: "RFC 9943 §7.1", expect, input, output: null };
  return { kind: "transparent", behaviour, description, ...rest };
}

/** A receipt that the pinned key did sign, but for a log of another name and the same root. */
const OTHER_LOG = inclusionReceipt({
  entries: ENTRIES,
  index: INDEX,
  names: { sub: "log.example/two" },
});

/** The second service's signature under the first one's name. */
const IMPOSTOR = inclusionReceipt({ entries: ENTRIES, index: INDEX, key: OTHER_PRIVATE });

/** A sound receipt for another entry of the same tree. */
const NEIGHBOUR = inclusionReceipt({ entries: ENTRIES, index: INDEX - 1 });

const BROKEN = receipt({
  protectedBytes: profile(ENTRIES.length),
  unprotected: [
    proofs(
      -1,
      proof(ENTRIES.length, INDEX, [
        namedHash("elsewhere"),
        ...inclusionPath(INDEX, ENTRIES).slice(1),
      ]),
    ),
  ],
  root: root(ENTRIES),
});

const FEW = "VERIFIER_RECEIPTS_INSUFFICIENT";

export const recipes = [
  good("one-service", "A receipt of the pinned service", {
    statement: transparent(RECEIPT),
    trust: ONE,
  }),
  good("issuer-verified-too", "With issuers pinned, the statement's own signature is verified", {
    statement: transparent(RECEIPT),
    trust: { ...ONE, issuers: ISSUERS },
    artifact: hex(PAYLOAD),
    output: { isIssuerVerified: true },
  }),
  good("kid-of-text", "A kid in a JWK that is no thumbprint stands for its UTF-8", {
    statement: transparent(RECEIPT),
    trust: { services: [{ ...PINNED, keys: [{ ...KEY, kid: "vector" }] }] },
  }),
  good("two-of-two-services", "Two services vouch", {
    statement: transparent(RECEIPT, SECOND_RECEIPT),
    trust: BOTH,
    output: { origins: [ORIGIN, SECOND.sub] },
  }),
  good("unknown-receipts-passed-over", "Receipts of others, and broken ones, do no harm", {
    statement: transparent(SECOND_RECEIPT, BROKEN, Buffer.from("no receipt"), RECEIPT),
    trust: ONE,
  }),
  bad("receipt-twice-against-two", "One receipt twice is one service", FEW, {
    statement: transparent(RECEIPT, RECEIPT),
    trust: BOTH,
  }),
  bad("receipt-of-another-log", "The same root, signed by the same key for another log", FEW, {
    statement: transparent(OTHER_LOG),
    trust: ONE,
  }),
  bad("receipt-of-an-unpinned-service", "A sound receipt of a service nobody pinned", FEW, {
    statement: transparent(SECOND_RECEIPT),
    trust: ONE,
  }),
  bad("receipt-under-a-false-name", "A signature of another service's key", FEW, {
    statement: transparent(IMPOSTOR),
    trust: ONE,
  }),
  bad("receipt-of-another-entry", "A receipt that belongs to a neighbour", FEW, {
    statement: transparent(NEIGHBOUR),
    trust: ONE,
  }),
  bad("receipt-broken", "A path that leads elsewhere", FEW, {
    statement: transparent(BROKEN),
    trust: ONE,
  }),
  bad("receipts-missing", "A statement without receipts", "VERIFIER_RECEIPTS_MISSING", {
    statement: transparent(),
    trust: ONE,
  }),
  bad("statement-malformed", "No statement at all", "VERIFIER_STATEMENT_REFUSED", {
    statement: "d2",
    trust: ONE,
  }),
  bad("issuer-not-pinned", "An issuer whose keys are not known", "VERIFIER_ISSUER_UNVERIFIED", {
    statement: transparent(RECEIPT),
    trust: { ...ONE, issuers: [{ ...ISSUERS[0], iss: "https://other.example" }] },
  }),
  bad("issuer-key-of-another", "The issuer's name with another key", "VERIFIER_ISSUER_UNVERIFIED", {
    statement: transparent(RECEIPT),
    trust: { ...ONE, issuers: [{ iss: ISSUER, keys: [{ ...OTHER_KEY, kid: KID }] }] },
  }),
  bad(
    "artifact-of-another",
    "A file that the statement is not about",
    "VERIFIER_ARTIFACT_MISMATCH",
    {
      statement: transparent(RECEIPT),
      trust: ONE,
      artifact: "00",
    },
  ),
  bad("trust-threshold-out-of-reach", "Two receipts of one service", "VERIFIER_TRUST_MALFORMED", {
    statement: transparent(RECEIPT),
    trust: { ...ONE, requireReceipts: 2 },
  }),
  bad("trust-with-an-unknown-member", "A member nobody knows", "VERIFIER_TRUST_MALFORMED", {
    statement: transparent(RECEIPT),
    trust: { ...ONE, required: 1 },
  }),
];
