import { decodeItem, Tagged, type Item } from "../corim/item.js";
import { DEFAULT_CONTENT_LIMITS } from "../limits.js";
import { corimOf, DIGEST, encodeItem, mapOf, SFR_MAP } from "./corim.js";

const KID: Item = mapOf([4, new TextEncoder().encode("lab")]);
const EMPTY = new Uint8Array(0);
const SIGNATURE = new Uint8Array(96);
const BYTES = new Uint8Array(4).fill(0xaa);
const UUID = new Tagged(37, new Uint8Array(16));

const ISSUE = mapOf(
  ...([
    [0, "[LOW] Serial console"],
    [1, "It answers."],
    [3, "CWE-1191"],
    [4, "CVE-2026-1"],
  ] as const),
  [2, mapOf([0, "3.7"], [1, "CVSS:3.1/AV:P/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L"], [2, "3.1"])],
);
const IDENTIFIER = mapOf(
  ...([
    [0, mapOf([0, "7.0.1"], [1, 16384])],
    [1, [DIGEST, [1, new Uint8Array(32)]]],
  ] as const),
  ...([
    [2, "release-7"],
    [3, mapOf([1, [mapOf([0, "rom.bin"], [1, [DIGEST]])]])],
  ] as const),
);
const REPORT_CORIM = corimOf({
  sfr: new Map([...SFR_MAP, [4, [IDENTIFIER]], [5, [ISSUE]], [6, "1.0"]]),
  classId: BYTES,
});

function itemOf(bytes: Uint8Array): Item {
  return decodeItem(bytes, DEFAULT_CONTENT_LIMITS, "sample");
}

/** Yields a COSE_Sign with one signature that nobody made. */
function sign(payload: Uint8Array, header: Item): Item {
  const secured = encodeItem(header);
  return new Tagged(98, [EMPTY, mapOf(), payload, [[secured, KID, SIGNATURE]]]);
}

/** Yields a COSE_Sign1 with a signature that nobody made. */
function sign1(payload: Uint8Array, header: Item): Item {
  return new Tagged(18, [encodeItem(header), mapOf(), payload, SIGNATURE]);
}

/** Reports in every form. */
export const REPORT_MESSAGES: readonly (readonly [string, Item])[] = [
  ["by itself", itemOf(REPORT_CORIM)],
  ["as published", new Tagged(98, [EMPTY, mapOf(), REPORT_CORIM, [[EMPTY, KID, SIGNATURE]]])],
  ["with an algorithm", sign(REPORT_CORIM, mapOf([1, -35]))],
  ["in a COSE_Sign1", sign1(REPORT_CORIM, mapOf([1, -39], [4, BYTES]))],
];

const COSWID_TAG: Item = mapOf(
  ...([
    [0, "tag-1"],
    [1, "AhciRecovery"],
    [12, 0],
    [13, "1.0"],
  ] as const),
  [2, [mapOf([31, "Dell"], [33, [1, 2]]), mapOf([31, "Intel"], [33, 3])]],
  [5, mapOf([45, "stable"], [47, "stable202308"], [52, "AHCI"])],
  [
    6,
    mapOf(
      [16, mapOf([26, mapOf([17, mapOf([24, "inner.bin"])])])],
      [17, [mapOf([24, "rom.bin"], [7, DIGEST], [21, "7"])]],
    ),
  ],
);

/** Concise tags. */
export const COSWID: readonly (readonly [string, Item])[] = [
  ["without a tag", COSWID_TAG],
  ["with the tag inside of a CoRIM", new Tagged(505, COSWID_TAG)],
];

const DEVICE = mapOf(
  [0, mapOf([0, UUID], [1, "Example Silicon"], [2, "Root of Trust"], [3, 0], [4, 1])],
  [1, new Tagged(560, BYTES)],
);
const MEASURED = mapOf(
  [0, 2],
  [
    1,
    mapOf(
      ...([
        [0, mapOf([0, "7.0.1"], [1, 1])],
        [1, new Tagged(553, 3)],
        [2, [DIGEST]],
      ] as const),
      ...([
        [3, mapOf([3, 0])],
        [4, new Tagged(563, [BYTES, BYTES])],
        [11, "rom"],
      ] as const),
      ...([
        [14, mapOf([0, [DIGEST]])],
        [15, new Tagged(564, [null, 7])],
      ] as const),
    ),
  ],
);
const OLD = mapOf([1, mapOf([1, 3], [4, BYTES], [5, new Tagged(560, BYTES)], [15, 4])]);
const TRIPLE: Item = [DEVICE, [MEASURED, OLD]];
const COMID = encodeItem(
  mapOf(
    [1, mapOf([0, UUID], [1, 0])],
    [
      4,
      mapOf(
        ...([
          [0, [TRIPLE]],
          [1, [[DEVICE, [OLD]]]],
          [10, [[[TRIPLE], [[DEVICE, [OLD]]]]]],
        ] as const),
        [8, [[[DEVICE, [OLD], []], [[[OLD], [OLD]]]]]],
      ),
    ],
  ),
);
const CORIM_MAP = mapOf(
  [0, "corim"],
  [1, [new Tagged(506, COMID), new Tagged(505, encodeItem(COSWID_TAG)), new Tagged(508, BYTES)]],
  [
    2,
    [
      mapOf([0, new Tagged(32, "https://a.example")], [1, DIGEST]),
      mapOf([0, ["b"]], [1, [DIGEST]]),
    ],
  ],
  ...([
    [3, "http://arm.com/psa/iot/1"],
    [5, [mapOf([0, "ACME"], [2, [1]])]],
  ] as const),
  [4, mapOf([0, new Tagged(1, 1_700_000_000)], [1, 1_800_000_000])],
);
const RIM = encodeItem(new Tagged(501, CORIM_MAP));
const META = encodeItem(
  mapOf(
    [0, mapOf([0, "ACME"], [1, new Tagged(32, "https://a.example")])],
    [1, mapOf([1, 1_800_000_000])],
  ),
);
const CLAIMS = mapOf([1, "https://a.example"], [2, "rot"], [4, 1_800_000_000], [5, 1_700_000_000]);

/** Manifests in every form. */
export const RIMS: readonly (readonly [string, Item])[] = [
  ["by itself", new Tagged(501, CORIM_MAP)],
  ["in a COSE_Sign1", sign1(RIM, mapOf([1, -7], [3, "application/rim+cbor"], [8, META]))],
  ["with claims", sign1(RIM, mapOf([1, -35], [4, BYTES], [15, CLAIMS]))],
  ["in a COSE_Sign", sign(RIM, mapOf([1, -8], [8, META]))],
  [
    "without its tag",
    sign1(encodeItem(CORIM_MAP), mapOf([1, -7], [3, "application/rim+cbor"], [8, META])),
  ],
];
