import { expect, test } from "@jest/globals";
import {
  IssuerKeys,
  SignedStatement,
  VerifiedStatement,
  parseCertificates,
  signHashEnvelope,
} from "@tallystick/statement";
import type { Identity } from "@tallystick/statement";

import { Meter } from "./cel/meter.js";
import type { Shape } from "./cel/shape.js";
import { FACT_SHAPES } from "./fact-shapes.js";
import { factsOf } from "./facts.js";
import type { Facts } from "./facts.js";
import { ROOT_PEM } from "./testing/certificate.js";
import { TIME, VENDOR, VENDOR_ISS, statement } from "./testing/sample.js";

const AUTHORITY = new IssuerKeys([{ iss: VENDOR_ISS, keys: [VENDOR.publicKey] }]);

async function keyFacts(signed: SignedStatement): Promise<Facts> {
  return factsOf(await VerifiedStatement.verify(signed, AUTHORITY), TIME);
}

async function envelopeFacts(): Promise<Facts> {
  const claims = { issuer: VENDOR_ISS, subject: "app", contentType: "text/spdx" };
  const preimage = new Uint8Array(10);
  const bytes = await signHashEnvelope({ ...claims, hash: "sha-256", preimage }, VENDOR);
  return keyFacts(SignedStatement.decode(bytes));
}

async function certificateFacts(): Promise<Facts> {
  const path = { certificates: parseCertificates(ROOT_PEM) };
  const identity = {
    kind: "x509",
    key: VENDOR.publicKey,
    path,
    isDid: false,
  } as unknown as Identity;
  const verified = { statement: await statement(), identity } as unknown as VerifiedStatement;
  return factsOf(verified, TIME);
}

const KINDS: ReadonlyMap<string, string> = new Map([
  ["bigint", "int"],
  ["boolean", "bool"],
  ["number", "double"],
]);

function kindOf(value: unknown): string {
  if (value === null) return "null_type";
  if (Array.isArray(value)) return "list";
  if (value instanceof Map) return "map";
  if (typeof value === "object") return String(Reflect.get(value, "$typeName"));
  return KINDS.get(typeof value) ?? typeof value;
}

/** Yields where a value is otherwise than its shape says. */
function misfits(value: unknown, shape: Shape, where: string): readonly string[] {
  const { kinds, members, item } = shape;
  const found: string[] = [];
  if (kinds !== undefined && !kinds.has(kindOf(value))) found.push(`${where} is ${kindOf(value)}`);
  if (members !== undefined && value instanceof Map) {
    const names = [...(value as ReadonlyMap<string, unknown>).keys()];
    if (names.join() !== [...members.keys()].join()) found.push(`${where} has ${names.join()}`);
    for (const [name, member] of members) {
      found.push(...misfits(value.get(name), member, `${where}.${name}`));
    }
  }
  if (item !== undefined && Array.isArray(value)) {
    for (const one of value as readonly unknown[]) found.push(...misfits(one, item, `${where}[]`));
  }
  return found;
}

test.each<[string, () => Promise<Facts>]>([
  ["a key", async () => keyFacts(await statement())],
  ["a hash envelope", envelopeFacts],
  ["a certificate", certificateFacts],
])("the facts of %s are as their shapes say", async (_, factsWith) => {
  const facts = await factsWith();
  const { content, ...bindings } = facts.bindingsWithContent(new Meter());
  const known = [...(FACT_SHAPES.get("content")?.members?.keys() ?? [])];
  expect(known).toEqual(
    expect.arrayContaining([...(content as ReadonlyMap<string, unknown>).keys()]),
  );
  expect(facts.bindings).not.toHaveProperty("content");
  const found = [...FACT_SHAPES].flatMap(([name, shape]) =>
    name === "content" ? [] : misfits(bindings[name], shape, name),
  );
  expect(found).toEqual([]);
  expect([...FACT_SHAPES.keys()].sort()).toEqual([...Object.keys(bindings), "content"].sort());
});
