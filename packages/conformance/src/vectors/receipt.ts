import { PublicKey } from "@tallystick/cose";
import { Receipt, VerifiedConsistency, VerifiedInclusion } from "@tallystick/receipt";
import { bytesAt, formatHex, type Json, type Kind, numberAt } from "./vector.js";

/** Receipts of inclusion for an entry, under the service's key. */
export const inclusion: Kind = {
  required: ["receipt", "key", "entry"],
  optional: [],
  async run(input) {
    const receipt = Receipt.decode(bytesAt(input, "receipt"));
    const key = PublicKey.fromJwk(input["key"]);
    const entry = bytesAt(input, "entry");
    const { size, index, root } = await VerifiedInclusion.verify(receipt, { entry, key });
    return { size: orNull(size), index: orNull(index), root: formatHex(root) };
  },
};

/** Receipts of consistency from a tree that the verifier trusts. */
export const consistency: Kind = {
  required: ["receipt", "key", "oldSize", "oldRoot"],
  optional: [],
  async run(input) {
    const receipt = Receipt.decode(bytesAt(input, "receipt"));
    const key = PublicKey.fromJwk(input["key"]);
    const old = { size: numberAt(input, "oldSize"), root: bytesAt(input, "oldRoot") };
    const { newSize, newRoot } = await VerifiedConsistency.verify(receipt, { old, key });
    return { newSize, newRoot: formatHex(newRoot) };
  },
};

function orNull(value: number | undefined): Json {
  return value ?? null;
}
