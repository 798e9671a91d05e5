import { beforeAll, describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { noteSigner, WitnessPolicy } from "@tallystick/tlog";
import type { NoteSigner, VerifiedSignature } from "@tallystick/tlog";
import type { Asked } from "@tallystick/witness";

import { Hold } from "./hold.js";
import { peersOf } from "./peers.js";

let signers: readonly NoteSigner[];

beforeAll(async () => {
  signers = await Promise.all(
    ["a", "b"].map(async (name) =>
      noteSigner(`w.example/${name}`, "ed25519-cosignature", await PrivateKey.generate("EdDSA")),
    ),
  );
});

function holdOf(isHeardFirst: boolean): (asked: Partial<Asked>, at?: [number, number]) => unknown {
  const lines = signers.map(({ key }, at) => `witness w${at} ${key.format()} http://w.example\n`);
  const text = `${lines.join("")}group both all w0 w1\nquorum both\n`;
  const policy = WitnessPolicy.parse(new TextEncoder().encode(text));
  const peers = peersOf(policy);
  const hold = new Hold({ policy, peers, isHeardFirst, isIgnored: false });
  return (asked, [round, size] = [2, 2]) => {
    const whole: Asked = {
      ...{ outcome: "conflict", cosignatures: [], claimedSize: undefined },
      ...asked,
    };
    for (const peer of peers) hold.hear(peer, whole, { asked: round, size });
    return hold.reason();
  };
}

function by(...some: readonly (NoteSigner | undefined)[]): VerifiedSignature[] {
  return some.flatMap((signer) => {
    if (signer === undefined) return [];
    const { key } = signer;
    return [
      { key, line: { name: key.name, keyId: key.keyId, signature: new Uint8Array() }, time: 1 },
    ];
  });
}

describe("two keys at one URL", () => {
  test("are heard once both have cosigned, not with one", () => {
    const hear = holdOf(true);
    const first = hear({ outcome: "cosigned", cosignatures: by(signers[0]) });
    expect(first).toContain("no quorum of witnesses");
    expect(hear({ outcome: "cosigned", cosignatures: by(signers[1]) })).toBeUndefined();
  });
});

describe("a claim", () => {
  test("stands where the log has grown to it since it was asked about", () => {
    const hear = holdOf(false);
    expect(hear({ claimedSize: 4 })).toContain("has cosigned 4 entries");
    expect(hear({ claimedSize: 4 }, [2, 5])).toContain("has cosigned 4 entries");
    expect(hear({ claimedSize: 4 }, [5, 5])).toBeUndefined();
  });
});
