import { PrivateKey } from "@tallystick/cose";
import { MemoryAnchor, MemoryStore } from "@tallystick/log";
import type { Store } from "@tallystick/log";
import { signPolicy, withIssuerKey } from "@tallystick/policy";
import type { PolicyDocument } from "@tallystick/policy";
import { signStatement } from "@tallystick/statement";
import { noteSigner } from "@tallystick/tlog";

import type { SearchPlace } from "../search/follower.js";
import { TransparencyService } from "../service.js";

/** A service in memory with one vendor admitted, and every key at hand. */
export interface Fixture {
  readonly service: TransparencyService;
  readonly anchor: MemoryAnchor;
  readonly operator: PrivateKey;
  readonly receiptKey: PrivateKey;
  readonly noteKey: PrivateKey;
  readonly vendor: PrivateKey;
  /** Signs heads of the index, once the policy names it. */
  readonly indexKey: PrivateKey;
  /** Has the policy name the key that signs heads. */
  readonly admitHeads: () => Promise<void>;
  /** Signs the text as a statement of the vendor. */
  readonly sign: (text: string) => Promise<Uint8Array>;
  /** Signs a policy made from the one in force. */
  readonly propose: (change: Partial<PolicyDocument>) => Promise<Uint8Array>;
}

export const ISSUER = "https://log.example";
export const ORIGIN = "log.example/log";
export const VENDOR = "https://vendor.example";
export const TIME = 1_790_000_000;

/** Makes the fixture over a store and a clock; memory and a clock that stands unless given. */
export async function fixture(
  store: Store = new MemoryStore(),
  now: () => number = () => TIME,
): Promise<Fixture> {
  const [operator, receiptKey, vendor, noteKey, indexKey] = await Promise.all([
    PrivateKey.generate("ES256"),
    PrivateKey.generate("ES256"),
    PrivateKey.generate("EdDSA"),
    PrivateKey.generate("EdDSA"),
    PrivateKey.generate("EdDSA"),
  ]);
  const anchor = new MemoryAnchor();
  const named = { issuer: ISSUER, origin: ORIGIN, signer: receiptKey };
  const notes = { noteSigner: noteSigner(ORIGIN, "ed25519", noteKey) };
  const indexed = { search: memoryPlace(), heads: { signer: indexKey } };
  const options = { store, anchor, ...named, ...notes, now, ...indexed };
  const service = await TransparencyService.create(options, operator);
  const propose = async (change: Partial<PolicyDocument>): Promise<Uint8Array> => {
    const { policy, entryId } = await service.policyInForce();
    const document = { ...policy.document, previous: entryId, ...change };
    return signPolicy(document, { issuer: ISSUER, issuedAt: TIME }, operator);
  };
  const { policy, entryId } = await service.policyInForce();
  const admitted = withIssuerKey(policy.document, entryId, { iss: VENDOR, key: vendor.publicKey });
  await service.register(await signPolicy(admitted, { issuer: ISSUER, issuedAt: TIME }, operator));
  const admitHeads = async (): Promise<void> => {
    const { policy: now, entryId: id } = await service.policyInForce();
    const named = { iss: ISSUER, key: indexKey.publicKey };
    const document = withIssuerKey(now.document, id, named);
    const about = { issuer: ISSUER, issuedAt: TIME };
    await service.register(await signPolicy(document, about, operator));
  };
  const sign = (text: string): Promise<Uint8Array> => statement(text, vendor);
  const keys = { operator, receiptKey, noteKey, vendor, indexKey };
  return { service, anchor, ...keys, sign, propose, admitHeads };
}

/** Yields a place in memory for a search index, which lasts as long as the place. */
export function memoryPlace(): SearchPlace {
  let kept = new MemoryStore();
  return {
    open: () => {
      kept = kept.reopen();
      return Promise.resolve(kept);
    },
    clear: () => {
      kept = new MemoryStore();
      return Promise.resolve();
    },
  };
}

/** Signs a text as VENDOR with any key. */
export function statement(
  text: string,
  key: PrivateKey,
  issuer: string = VENDOR,
): Promise<Uint8Array> {
  const payload = new TextEncoder().encode(text);
  return signStatement({ payload, contentType: "text/plain", issuer, subject: "a/b" }, key);
}
