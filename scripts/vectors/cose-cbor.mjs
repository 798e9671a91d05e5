// The strict form of CBOR that untrusted bytes have to have: items at its edges that are taken, and
// one item for each thing that is refused. An accepted item is given with its deterministic
// encoding (RFC 8949 §4.2.1), which differs from it in the order of keys alone.
import { array, bytes, head, int, map, tag, text } from "./reference/cbor.mjs";

const hex = (value) => Buffer.from(value).toString("hex");
const raw = (value) => Buffer.from(value, "hex");

function good(behaviour, description, item, encoded = item) {
  const [input, output] = [{ bytes: hex(item) }, { encoded: hex(encoded) }];
  const rest = { spec: "RFC 8949 §4.2.1", expect: "ok", input, output };
  return { kind: "cose/cbor", behaviour, description, ...rest };
}

function bad(behaviour, description, { expect, spec }, item) {
  const rest = { spec, expect, input: { bytes: hex(item) }, output: null };
  return { kind: "cose/cbor", behaviour, description, ...rest };
}

const MALFORMED = { expect: "COSE_CBOR_MALFORMED", spec: "RFC 8949 §3" };
const NOT_SHORTEST = { expect: "COSE_CBOR_NOT_SHORTEST", spec: "RFC 8949 §4.2.1" };
const INDEFINITE = { expect: "COSE_CBOR_INDEFINITE", spec: "RFC 8949 §3.2" };
const DUPLICATE = { expect: "COSE_CBOR_DUPLICATE_KEY", spec: "RFC 8949 §5.6" };
const UNSUPPORTED = { expect: "COSE_CBOR_UNSUPPORTED", spec: "RFC 8949 §5.3" };
const LIMIT = { expect: "COSE_CBOR_LIMIT", spec: "RFC 8949 §10" };

function nested(depth) {
  return Buffer.concat([Buffer.alloc(depth, 0x81), int(0)]);
}

const taken = [
  good("integer-23", "The largest integer in one byte", int(23)),
  good("integer-24", "The smallest integer with a byte of its own", int(24)),
  good("integer-above-32-bits", "2^32, which floating point would tempt", int(2n ** 32n)),
  good("integer-above-53-bits", "2^53 + 1, which no double holds", int(2n ** 53n + 1n)),
  good("integer-largest", "2^64 - 1", int(2n ** 64n - 1n)),
  good("integer-smallest", "-2^64", int(-(2n ** 64n))),
  good("text-of-several-planes", "UTF-8 of one to four bytes", text("a§☃🀄")),
  good("empty-containers", "Empty string, array and map", array(bytes(raw("")), array(), map())),
  good("nested-to-the-limit", "Sixteen arrays around an integer", nested(16)),
  good(
    "map-keys-in-any-order",
    "Keys need not be sorted to be read, and are sorted when written",
    map([text("a"), int(0)], [int(24), int(1)], [int(-1), int(2)], [int(3), int(3)]),
    map([int(3), int(3)], [int(24), int(1)], [int(-1), int(2)], [text("a"), int(0)]),
  ),
];

const malformed = [
  bad("empty", "No bytes at all", MALFORMED, raw("")),
  bad("trailing-byte", "A byte behind the item", MALFORMED, Buffer.concat([int(1), raw("00")])),
  bad("trailing-item", "A second item", MALFORMED, Buffer.concat([map(), map()])),
  bad("truncated-head", "A head that announces two bytes and has one", MALFORMED, raw("1901")),
  bad("truncated-string", "A string shorter than its length", MALFORMED, raw("4301ff")),
  bad("truncated-array", "An array with an element missing", MALFORMED, raw("830102")),
  bad("truncated-map", "A key without a value", MALFORMED, raw("a101")),
  bad("length-beyond-input", "A length of 2^63 bytes", MALFORMED, raw("5b8000000000000000")),
  bad(
    "count-beyond-input",
    "An array of 2^32 elements in nine bytes",
    MALFORMED,
    head(4, 2n ** 32n),
  ),
  bad("reserved-head", "Additional information 28", MALFORMED, raw("1c")),
  bad("break-alone", "A break that ends nothing", MALFORMED, raw("ff")),
  bad("simple-in-two-bytes", "Simple value 20 in two bytes", MALFORMED, raw("f814")),
  bad("text-overlong-utf8", "A slash in two bytes of UTF-8", MALFORMED, raw("62c0af")),
  bad("text-lone-surrogate", "A lone surrogate in UTF-8", MALFORMED, raw("63eda080")),
  bad("text-cut-character", "Half a character", MALFORMED, raw("61c3")),
];

const forms = [
  bad("integer-not-shortest", "10 in two bytes", NOT_SHORTEST, head(0, 10, 1)),
  bad("integer-not-shortest-8", "10 in nine bytes", NOT_SHORTEST, head(0, 10, 8)),
  bad("string-length-not-shortest", "A length of 1 in two bytes", NOT_SHORTEST, raw("580100")),
  bad("array-length-not-shortest", "A count of 0 in two bytes", NOT_SHORTEST, head(4, 0, 1)),
  bad("map-length-not-shortest", "A count of 0 in three bytes", NOT_SHORTEST, head(5, 0, 2)),
  bad("key-not-shortest", "Key 1 in two bytes", NOT_SHORTEST, map([head(0, 1, 1), int(0)])),
  bad("float-not-shortest", "1.5 as a double", NOT_SHORTEST, raw("fb3ff8000000000000")),
  bad("array-indefinite", "An array of indefinite length", INDEFINITE, raw("9f01ff")),
  bad("map-indefinite", "A map of indefinite length", INDEFINITE, raw("bf0102ff")),
  bad("bytes-indefinite", "A byte string in chunks", INDEFINITE, raw("5f4101ff")),
  bad("text-indefinite", "A text in chunks", INDEFINITE, raw("7f6161ff")),
  bad(
    "indefinite-inside",
    "Indefinite length inside a map",
    INDEFINITE,
    map([int(1), raw("9fff")]),
  ),
];

const meaning = [
  bad("duplicate-key", "Key 1 twice", DUPLICATE, map([int(1), int(2)], [int(1), int(3)])),
  bad("duplicate-key-equal-values", "Key and value twice", DUPLICATE, raw("a201020102")),
  bad(
    "duplicate-text-key",
    "Key a twice",
    DUPLICATE,
    map([text("a"), int(1)], [text("a"), int(2)]),
  ),
  bad(
    "duplicate-large-key",
    "Key 2^53 + 1 twice",
    DUPLICATE,
    map([int(2n ** 53n + 1n), int(1)], [int(2n ** 53n + 1n), int(2)]),
  ),
  bad("duplicate-key-inside", "Key 1 twice in an inner map", DUPLICATE, array(raw("a201020102"))),
  bad("key-byte-string", "A byte string as key", UNSUPPORTED, map([bytes(raw("01")), int(1)])),
  bad("key-array", "An array as key", UNSUPPORTED, map([array(), int(1)])),
  bad("tag", "A tag where none is allowed", UNSUPPORTED, tag(1, int(0))),
  bad("bignum", "An integer as tag 2", UNSUPPORTED, tag(2, bytes(raw("01")))),
  bad("simple-unassigned", "Simple value 16", UNSUPPORTED, raw("f0")),
  bad("float-nan", "A float that is no number", UNSUPPORTED, raw("f97e00")),
  bad("float-integral", "1.0, which would decode to the integer 1", UNSUPPORTED, raw("f93c00")),
  bad("nested-too-deep", "Seventeen arrays", LIMIT, nested(17)),
  bad("nested-far-too-deep", "Ten thousand arrays", LIMIT, nested(10_000)),
];

export const recipes = [...taken, ...malformed, ...forms, ...meaning];
