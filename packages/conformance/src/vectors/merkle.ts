import {
  rootFromConsistencyPath,
  rootFromInclusionPath,
  verifyConsistency,
  verifyInclusion,
} from "@tallystick/merkle";
import { bytesAt, bytesListAt, formatHex, type Kind, numberAt } from "./vector.js";

/** Inclusion paths; with a root, the implied one has to equal it. */
export const inclusion: Kind = {
  required: ["index", "size", "leafHash", "path"],
  optional: ["root"],
  run(input) {
    const path = bytesListAt(input, "path");
    const proof = { index: numberAt(input, "index"), size: numberAt(input, "size"), path };
    const leaf = bytesAt(input, "leafHash");
    const root = rootFromInclusionPath(proof, leaf);
    if ("root" in input) verifyInclusion(proof, leaf, bytesAt(input, "root"));
    return { root: formatHex(root) };
  },
};

/** Consistency paths; with a new root, the implied one has to equal it. */
export const consistency: Kind = {
  required: ["oldSize", "newSize", "oldRoot", "path"],
  optional: ["newRoot"],
  run(input) {
    const path = bytesListAt(input, "path");
    const [oldSize, newSize] = [numberAt(input, "oldSize"), numberAt(input, "newSize")];
    const proof = { oldSize, newSize, path };
    const oldRoot = bytesAt(input, "oldRoot");
    const newRoot = rootFromConsistencyPath(proof, oldRoot);
    if ("newRoot" in input) verifyConsistency(proof, oldRoot, bytesAt(input, "newRoot"));
    return { newRoot: formatHex(newRoot) };
  },
};
