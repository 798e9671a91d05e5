import { beforeAll, describe, expect, test } from "@jest/globals";
import { signReport, type ContentDigest } from "@tallystick/content";
import { digest, encodeHex, PrivateKey } from "@tallystick/cose";
import fc from "fast-check";

import { decodeBundle, encodeBundle } from "./bundle.js";
import { decide } from "./decide.js";
import { AppraisalError } from "./error.js";
import { gather } from "./gather.js";
import { parseAppraisalPolicy, type AppraisalPolicy } from "./policy.js";
import type { Decision } from "./reason.js";
import { report, rom, VENDOR } from "./testing/review.js";
import { SignedLog, statementOf, type Signer } from "./testing/signed-log.js";

const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value);
const digestsOf = (version: number): readonly ContentDigest[] => [
  { alg: "sha-384", value: encodeHex(digest("sha-384", rom(version))) },
];

/** Versions with a good report, a bad one beside a good one, a good one that is revoked, and a bad one. */
const [GOOD, BOTH, REVOKED, BAD] = [5, 6, 7, 8] as const;
const SUBJECTS: readonly (readonly [number, Decision])[] = [
  [GOOD, "allow"],
  [BOTH, "deny"],
  [REVOKED, "deny"],
  [BAD, "deny"],
];

let policyBytes: Uint8Array;
let policy: AppraisalPolicy;
let bundle: Uint8Array;

beforeAll(async () => {
  const [key, lab] = [await PrivateKey.generate("ES256"), await PrivateKey.generate("ES384")];
  const vendor: Signer = { iss: VENDOR, key };
  const reviewed = async (
    version: number,
    score: string,
    more = {},
  ): ReturnType<typeof statementOf> => {
    const { bytes } = await signReport(utf8(report(version, score, more)), lab, { kid: "lab" });
    return statementOf(vendor, bytes, "application/jose");
  };
  const target = await reviewed(REVOKED, "none");
  const revoke = { format: "tallystick-revoke/1", target: target.entryId, issuer: VENDOR };
  const log = await SignedLog.make("log", [
    await reviewed(GOOD, "none"),
    await reviewed(BOTH, "none"),
    await reviewed(BOTH, "5.3", { report_version: "1.1" }),
    target,
    await statementOf(
      vendor,
      JSON.stringify({ ...revoke, reason: "recalled" }),
      "application/vnd.tallystick.revoke+json",
    ),
    await reviewed(BAD, "5.3"),
  ]);
  bundle = await log.bundle();
  policyBytes = utf8(
    JSON.stringify({
      format: "tallystick-appraisal/1",
      trust: {
        services: [log.pinned],
        issuers: [{ iss: VENDOR, keys: [key.publicKey.toJwk()] }],
      },
      reviewKeys: [{ provider: "Example Lab", key: lab.publicKey.toJwk() }],
      rules: [{ name: "small", cel: "size < 100", reason: "a large log" }],
    }),
  );
  policy = parseAppraisalPolicy(policyBytes);
});

/** Yields the decisions on all subjects by a bundle, or the code of why there are none. */
async function decisionsBy(bytes: Uint8Array): Promise<readonly Decision[] | string> {
  try {
    const gathered = await gather(decodeBundle(bytes), policy);
    return SUBJECTS.map(([version]) => decide(digestsOf(version), gathered, policy).decision);
  } catch (error) {
    if (error instanceof AppraisalError) return error.code;
    throw error;
  }
}

/** Fails where anything that was denied is allowed, or is less than denied for want of its own report. */
function requireNoBetter(found: readonly Decision[] | string, what: string): void {
  if (typeof found === "string") return;
  const [, both, revoked, bad] = found;
  expect({ what, both, revoked, bad }).toEqual({
    what,
    both: expect.not.stringMatching("allow") as unknown,
    revoked: expect.not.stringMatching("allow") as unknown,
    bad: "deny",
  });
}

describe("a bundle of a real log", () => {
  test("allows what has a good report, and denies all else", async () => {
    expect(await decisionsBy(bundle)).toEqual(SUBJECTS.map(([, decision]) => decision));
  });

  test("comes to nothing better by any bit that is flipped, at 240 places and those of its frame", async () => {
    const places = Array.from({ length: 240 }, (_, i) => Math.floor((i * bundle.length) / 240));
    const frame = Array.from({ length: 40 }, (_, i) => i);
    const outcomes = new Set<string>();
    for (const [turn, place] of [...places, ...frame].entries()) {
      const changed = new Uint8Array(bundle);
      changed[place] = (changed[place] ?? 0) ^ (1 << (turn % 8));
      const found = await decisionsBy(changed);
      requireNoBetter(found, `bit ${turn % 8} of byte ${place}`);
      outcomes.add(typeof found === "string" ? found : found.join());
    }
    // What was flipped was seen: in the frame, in the checkpoint, and in statements.
    expect(outcomes).toContain("APPRAISAL_BUNDLE_INVALID");
    expect(outcomes).toContain("APPRAISAL_CHECKPOINT_INVALID");
    expect([...outcomes].some((outcome) => outcome.startsWith("manual"))).toBe(true);
  }, 240_000);

  test("comes to nothing better by statements that are left out, repeated or in another order", async () => {
    const { statements, ...rest } = decodeBundle(bundle);
    const chosen = fc.array(fc.nat(statements.length - 1), { maxLength: 9 });
    await fc.assert(
      fc.asyncProperty(chosen, async (places) => {
        const some = places.flatMap((place) => statements[place] ?? []);
        const found = await decisionsBy(encodeBundle({ ...rest, statements: some }));
        requireNoBetter(found, places.join());
        const isWhole = new Set(places).size === statements.length;
        const expected = isWhole ? "allow" : places.includes(0) ? "manual" : "deny";
        expect(found[0]).toBe(expected);
      }),
      { numRuns: 60 },
    );
  }, 120_000);

  test("is a value or a refusal, whatever bytes are put in its place", async () => {
    const spliced = fc.tuple(fc.nat(bundle.length), fc.nat(64), fc.uint8Array({ maxLength: 64 }));
    await fc.assert(
      fc.asyncProperty(spliced, async ([at, cut, put]) => {
        const bytes = [...bundle.subarray(0, at), ...put, ...bundle.subarray(at + cut)];
        requireNoBetter(await decisionsBy(Uint8Array.from(bytes)), `${at} ${cut} ${put.join()}`);
      }),
      { numRuns: 150 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 256 }), (bytes) => {
        expect(() => decodeBundle(bytes)).toThrow(AppraisalError);
      }),
      { numRuns: 2000 },
    );
  }, 120_000);

  test.each([
    [
      "a list of 2^32 statements",
      "a4007374616c6c79737469636b2d62756e646c652f31019b00000001000000004100",
    ],
    ["a string of 2^62 bytes", "a4005b4000000000000000"],
    ["lists in lists", `a401${"81".repeat(10_000)}80`],
    ["many small members", `bf${"0000".repeat(1000)}ff`],
  ])("is refused by what its head claims, before that is made room for: %s", (_name, hex) => {
    const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
    const code = "APPRAISAL_BUNDLE_INVALID";
    expect(() => decodeBundle(bytes)).toThrow(expect.objectContaining({ code }));
  });
});

describe("a policy", () => {
  /** Parses a policy, and decides by it where it is one. */
  async function requireAnswer(bytes: Uint8Array): Promise<boolean> {
    try {
      const changed = parseAppraisalPolicy(bytes);
      const gathered = await gather(decodeBundle(bundle), changed);
      decide(digestsOf(GOOD), gathered, changed);
      return true;
    } catch (error) {
      expect(error).toBeInstanceOf(AppraisalError);
      return false;
    }
  }

  test("is a value or a refusal, whichever bit is flipped", async () => {
    let refused = 0;
    for (let place = 0; place < policyBytes.length; place += 5) {
      const changed = new Uint8Array(policyBytes);
      changed[place] = (changed[place] ?? 0) ^ (1 << (place % 8));
      if (!(await requireAnswer(changed))) refused++;
    }
    expect(refused).toBeGreaterThan(0);
  }, 120_000);

  test("is a value or a refusal, whatever value stands for a member", async () => {
    const members = JSON.parse(new TextDecoder().decode(policyBytes)) as Record<string, unknown>;
    const names = [...Object.keys(members), "evidence", "vendors", "operators", "rimKeys"];
    const name = fc.constantFrom(...names, "rimAnchors", "threshold", "unknownSeverity");
    await fc.assert(
      fc.asyncProperty(name, fc.jsonValue({ maxDepth: 4 }), async (member, value) => {
        await requireAnswer(utf8(JSON.stringify({ ...members, [member]: value })));
      }),
      { numRuns: 300 },
    );
  }, 120_000);
});
