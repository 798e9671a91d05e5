import { describe, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { inclusionNodes, inclusionPath, leafHash, RightEdge } from "@tallystick/merkle";

import { formatCheckpoint } from "./checkpoint.js";
import { formatNote } from "./note.js";
import { WitnessPolicy } from "./policy.js";
import { formatTlogProof, parseTlogProof, verifyTlogProof, type TlogProof } from "./proof.js";
import { signNote } from "./signing.js";
import { refusal, rejection } from "./testing/refusal.js";
import { noteSigner } from "./verifier-key.js";

const SIZE = 7;
const nodes = new Map<string, Uint8Array>();
const edge = RightEdge.empty();
const leaves = Array.from({ length: SIZE }, (_, at) => leafHash(Uint8Array.of(at)));
for (const leaf of leaves) {
  for (const { id, hash } of edge.append(leaf)) nodes.set(`${id.level}/${id.index}`, hash);
}

const log = noteSigner("log.example/1", "ed25519", await PrivateKey.generate("EdDSA"));
const text = formatCheckpoint({ origin: "log.example/1", size: SIZE, root: edge.root() });
const note = { text, signatures: [await signNote(text, log)] };
const policy = WitnessPolicy.parse(
  new TextEncoder().encode(`log ${log.key.format()}\nquorum none\n`),
);

function proofOf(index: number): TlogProof {
  const hashes = inclusionNodes(index, SIZE).map(
    (id) => nodes.get(`${id.level}/${id.index}`) ?? new Uint8Array(0),
  );
  return { index, path: inclusionPath(index, SIZE, hashes), note };
}

describe("proofs", () => {
  test.each(leaves.map((leaf, at) => [at, leaf] as const))(
    "of leaf %i are written, read and verified",
    async (at, leaf) => {
      const bytes = formatTlogProof(proofOf(at));
      const proof = parseTlogProof(bytes);
      expect(formatTlogProof(proof)).toEqual(bytes);
      const { checkpoint } = await verifyTlogProof(proof, { leafHash: leaf, policy });
      expect(checkpoint.size).toBe(SIZE);
    },
  );

  test("look as the specification says", () => {
    const path = proofOf(6).path.map((hash) => `${Buffer.from(hash).toString("base64")}\n`);
    const whole = `c2sp.org/tlog-proof@v1\nextra aGk=\nindex 6\n${path.join("")}\n`;
    const bytes = formatTlogProof({ ...proofOf(6), extra: Buffer.from("hi") });
    expect(Buffer.from(bytes).toString("utf8")).toBe(
      whole + Buffer.from(formatNote(note)).toString("utf8"),
    );
    expect(Buffer.from(parseTlogProof(bytes).extra ?? []).toString()).toBe("hi");
  });

  test.each([
    ["another leaf", { ...proofOf(2), index: 2 }, 3],
    ["another index", { ...proofOf(2), index: 3 }, 2],
    ["an index beyond the tree", { ...proofOf(2), index: SIZE }, 2],
    ["a hash more", { ...proofOf(2), path: [...proofOf(2).path, new Uint8Array(32)] }, 2],
    ["a hash less", { ...proofOf(2), path: proofOf(2).path.slice(1) }, 2],
  ])("with %s are refused", async (_name, proof, at) => {
    const leaf = leaves[at] ?? new Uint8Array(0);
    expect(await rejection(verifyTlogProof(proof, { leafHash: leaf, policy }))).toBe(
      "TLOG_PROOF_INVALID",
    );
  });

  const whole = Buffer.from(formatTlogProof(proofOf(2))).toString("utf8");
  test.each([
    ["nothing", ""],
    ["another header", whole.replace("@v1", "@v2")],
    ["no index", whole.replace("index 2\n", "")],
    ["an index with a leading zero", whole.replace("index 2", "index 02")],
    ["an extra that is not base64", whole.replace("index 2", "extra !\nindex 2")],
    ["an extra behind the index", whole.replace("index 2", "index 2\nextra aGk=")],
    ["two extras", whole.replace("index 2", "extra aGk=\nextra aGk=\nindex 2")],
    ["a short hash", whole.replace(/index 2\n.*\n/, "index 2\naGk=\n")],
    [
      "a path that is too long",
      whole.replace("index 2", `index 2${`\n${"A".repeat(43)}=`.repeat(65)}`),
    ],
  ])("that are %s are malformed", (_name, body) => {
    expect(refusal(() => parseTlogProof(new TextEncoder().encode(body)))).toBe(
      "TLOG_PROOF_MALFORMED",
    );
  });
});
