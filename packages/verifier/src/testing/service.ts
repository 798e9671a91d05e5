import { PrivateKey, type Jwk } from "@tallystick/cose";
import {
  consistencyNodes,
  consistencyPath,
  inclusionNodes,
  inclusionPath,
  leafHash,
  sha256,
  treeRoot,
  type NodeId,
} from "@tallystick/merkle";
import {
  SignedCheckpoint,
  issueConsistencyReceipt,
  issueInclusionReceipt,
} from "@tallystick/receipt";
import { TrustStore } from "../trust.js";

export const TIME = 1_800_000_000;

/** A transparency service in memory: its names and its key. */
export interface TestService {
  readonly issuer: string;
  readonly origin: string;
  readonly key: PrivateKey;
}

/** Yields a new service, or a new key of one. */
export async function makeService(name: string, origin = "1"): Promise<TestService> {
  const key = await PrivateKey.generate("ES256");
  return { issuer: `https://${name}.example`, origin: `${name}.example/${origin}`, key };
}

/** A tree of `size` entries with one of the test's choice, the others made up. */
export class TestTree {
  readonly leaves: readonly Uint8Array[];

  constructor(size: number, given: { readonly entry: Uint8Array; readonly index: number }) {
    this.leaves = Array.from({ length: size }, (_, i) =>
      leafHash(i === given.index ? given.entry : sha256(Uint8Array.of(i))),
    );
  }

  root(size: number = this.leaves.length): Uint8Array {
    return treeRoot(this.leaves.slice(0, size));
  }

  read(nodes: readonly NodeId[]): readonly Uint8Array[] {
    return nodes.map(({ level, index }) =>
      treeRoot(this.leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)),
    );
  }

  checkpoint({ issuer, origin, key }: TestService, time: number = TIME): Promise<SignedCheckpoint> {
    const { length: size } = this.leaves;
    return SignedCheckpoint.sign({ issuer, origin, size, root: this.root(), time }, key);
  }
}

/** Where a test wants an entry, and when. */
export interface Place {
  readonly index?: number;
  readonly size?: number;
  readonly time?: number;
}

/** Yields a receipt of inclusion for an entry. */
export async function receiptFor(
  service: TestService,
  entry: Uint8Array,
  { index = 3, size = 6, time = TIME }: Place = {},
): Promise<Uint8Array> {
  const tree = new TestTree(size, { entry, index });
  const path = inclusionPath(index, size, tree.read(inclusionNodes(index, size)));
  return issueInclusionReceipt(await tree.checkpoint(service, time), { index, size, path });
}

/** Yields a receipt of consistency between two sizes of a tree. */
export async function consistencyFor(
  service: TestService,
  tree: TestTree,
  oldSize: number,
): Promise<Uint8Array> {
  const newSize = tree.leaves.length;
  const path = consistencyPath(oldSize, newSize, tree.read(consistencyNodes(oldSize, newSize)));
  return issueConsistencyReceipt(await tree.checkpoint(service), { oldSize, newSize, path });
}

/** A service as it stands in a trust file. */
export function pinned({ issuer, origin, key }: TestService, keys: readonly Jwk[] = []): object {
  return { issuer, origin, keys: [key.publicKey.toJwk(), ...keys] };
}

export function trustIn(
  services: readonly TestService[],
  rest: Readonly<Record<string, unknown>> = {},
): TrustStore {
  return TrustStore.parse(JSON.stringify({ services: services.map((s) => pinned(s)), ...rest }));
}
