import { expect, test } from "@jest/globals";
import { encodeHex } from "@tallystick/cose";

import type { Facts } from "../facts.js";
import { compileRule } from "../rule.js";

const EKU = "1.3.6.1.5.5.7.3.3";

/** What the rule reads of a certificate; making real ones is up to the package of statements. */
function standIn(label: string, byte: number, eku: readonly string[] = [EKU]): object {
  return {
    label,
    fingerprint: () => new Uint8Array(32).fill(byte),
    subject: {
      attributes: [
        { name: "O", value: "Vendor" },
        { name: "OU", value: "a" },
        { name: "OU", value: "b" },
      ],
    },
    extensions: { extendedKeyUsage: eku },
  };
}

const FACTS = { path: [standIn("CN=Leaf", 1), standIn("CN=Root", 2)] } as unknown as Facts;
const pin = (byte: number): string => `sha256:${encodeHex(new Uint8Array(32).fill(byte))}`;

test.each([
  ["the leaf", { fingerprint: pin(1) }, undefined],
  ["the anchor", { fingerprint: pin(2), eku: [EKU], subject: { O: "Vendor" } }, undefined],
  [
    "no certificate of the path",
    { fingerprint: pin(3) },
    `rule r: no certificate of the chain of CN=Leaf has the fingerprint ${pin(3)}`,
  ],
  [
    "a leaf without the usage",
    { fingerprint: pin(2), eku: ["1.2.3"] },
    `rule r: certificate CN=Leaf lacks the extended key usage "1.2.3", it has "${EKU}"`,
  ],
  [
    "a leaf of another subject",
    { fingerprint: pin(2), subject: { O: "Other" } },
    'rule r: certificate CN=Leaf has "Vendor" for "O" of its subject, want "Other"',
  ],
  [
    "an attribute that is there twice",
    { fingerprint: pin(2), subject: { OU: "a" } },
    'rule r: certificate CN=Leaf has "a", "b" for "OU" of its subject, want "a"',
  ],
])("a pin of %s", (_, parameters, refused) => {
  const rule = compileRule({ name: "r", use: "certificatePin", with: parameters });
  expect(rule.refusal(FACTS)).toBe(refused);
});

const LACKS = `lacks the extended key usage "${EKU}"`;

test.each<[string, { leaf: readonly string[]; issuer: readonly string[] }, string | undefined]>([
  ["says nothing of usages", { leaf: [EKU], issuer: [] }, undefined],
  ["allows every usage", { leaf: [EKU], issuer: ["1.2.3", "2.5.29.37.0"] }, undefined],
  ["allows this one among others", { leaf: [EKU], issuer: ["1.2.3", EKU] }, undefined],
  ["allows others alone", { leaf: [EKU], issuer: ["1.2.3"] }, `CN=Middle ${LACKS}, it has "1.2.3"`],
  ["allows it to one without", { leaf: [], issuer: [EKU] }, `CN=Leaf ${LACKS}, it has none`],
  [
    "allows it to one of every usage",
    { leaf: ["2.5.29.37.0"], issuer: [EKU] },
    `CN=Leaf ${LACKS}, it has "2.5.29.37.0"`,
  ],
])("a usage of a leaf whose issuer %s", (_, { leaf, issuer }, refused) => {
  const path = [standIn("CN=Leaf", 1, leaf), standIn("CN=Middle", 2, issuer)];
  const parameters = { fingerprint: pin(2), eku: [EKU] };
  const rule = compileRule({ name: "r", use: "certificatePin", with: parameters });
  const refusal = rule.refusal({ path } as unknown as Facts);
  expect(refusal).toBe(refused && `rule r: certificate ${refused}`);
});
