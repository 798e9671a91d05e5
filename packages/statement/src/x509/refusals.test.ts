import { describe, expect, test } from "@jest/globals";
import {
  authorityKeyId,
  ca,
  CERT_SIGN,
  ed25519,
  ENCIPHERMENT,
  extension,
  issue,
  issueLeaf,
  NOT_CA,
  SIGNATURE,
  subjectKeyId,
  utcTime,
  type CertificateKey,
  type Recipe,
} from "../testing/certificate.js";
import { EXPIRED, long, refusalOf, three, verify, withThree, type Case } from "../testing/chain.js";
import { oid, sequence } from "../testing/der.js";
import { MAX_PATH_LENGTH } from "./path.js";

const NULL = Uint8Array.of(5, 0);
const FUTURE: Recipe = { notBefore: utcTime("260601000001Z") };
const UNKNOWN = extension("1.2.3.4", NULL, true);
const INVALID = "STATEMENT_CHAIN_INVALID";
const UNTRUSTED = "STATEMENT_CHAIN_UNTRUSTED";

describe("refused, and why", () => {
  test.each<[string, () => Promise<Case>, string, string]>([
    ["no certificate", withThree({}, () => ({ chain: [] })), UNTRUSTED, "no certificate"],
    ["no anchor", withThree({}, () => ({ anchors: [] })), UNTRUSTED, "1 (CN=Middle): no trust"],
    [
      "a forged leaf in front of a genuine issuer",
      async () => {
        const { root, middle } = await three();
        const forged = await issueLeaf({
          ...middle,
          key: ed25519(),
          certificate: middle.certificate,
        });
        return { chain: [forged, middle], anchors: [root] };
      },
      INVALID,
      "certificate 0 (CN=Leaf): signature does not hold under the key of CN=Middle",
    ],
    [
      "a self-signed leaf in front of a genuine issuer",
      async () => {
        const { root, middle } = await three();
        return { chain: [await issue("CN=Attacker"), middle], anchors: [root] };
      },
      INVALID,
      "0 (CN=Attacker): the leaf names itself",
    ],
    [
      "a forged issuer",
      async () => {
        const { root, middle } = await three();
        const forged = await issue("CN=Middle", {
          by: { ...root, key: ed25519(), certificate: root.certificate },
        });
        expect(forged.name).toStrictEqual(middle.name);
        return { chain: [await issueLeaf(forged), forged], anchors: [root] };
      },
      INVALID,
      "1 (CN=Middle): signature does not hold under the key of CN=Root",
    ],
    [
      "a root of the anchor's name",
      async () => {
        const { root, middle, leaf } = await three();
        return { chain: [leaf, middle, root], anchors: [await issue("CN=Root")] };
      },
      INVALID,
      "2 (CN=Root): signature does not hold",
    ],
    [
      "another root in the message",
      async () => {
        const { root, middle, leaf } = await three();
        return { chain: [leaf, middle, root], anchors: [await issue("CN=Other")] };
      },
      UNTRUSTED,
      "2 (CN=Root): no trust anchor",
    ],
    [
      "a self-signed leaf",
      withThree({}, ([, , root]) => ({ chain: root ? [root] : [], anchors: [] })),
      INVALID,
      "0 (CN=Root): the leaf names itself",
    ],
    [
      "a self-signed anchor as leaf",
      withThree({}, ([, , root]) => ({ chain: root ? [root] : [] })),
      INVALID,
      "0 (CN=Root): the leaf names itself",
    ],
    [
      "a leaf that is an anchor",
      withThree({}, ([leaf]) => ({ chain: leaf ? [leaf] : [], anchors: leaf ? [leaf] : [] })),
      INVALID,
      "cannot sign as a leaf",
    ],
    ["an expired leaf", withThree({ leaf: EXPIRED }), INVALID, "0 (CN=Leaf): it has expired"],
    ["an expired middle", withThree({ middle: EXPIRED }), INVALID, "1 (CN=Middle): it has expired"],
    ["an expired anchor", withThree({ root: EXPIRED }), INVALID, "2 (CN=Root): it has expired"],
    ["a leaf of tomorrow", withThree({ leaf: FUTURE }), INVALID, "0 (CN=Leaf): it is not yet"],
    [
      "a middle of tomorrow",
      withThree({ middle: FUTURE }),
      INVALID,
      "1 (CN=Middle): it is not yet",
    ],
    ["an anchor of tomorrow", withThree({ root: FUTURE }), INVALID, "2 (CN=Root): it is not yet"],
    ["a time before all", withThree({}, () => ({ time: 0 })), INVALID, "it is not yet valid"],
    [
      "the wrong order",
      withThree({}, ([a, b, c]) => ({ chain: a && b && c ? [a, c, b] : [] })),
      INVALID,
      "0 (CN=Leaf): its issuer is not CN=Root",
    ],
    [
      "the issuer first",
      withThree({}, ([a, b]) => ({ chain: a && b ? [b, a] : [] })),
      INVALID,
      "0 (CN=Middle): its issuer is not CN=Leaf",
    ],
    [
      "a gap",
      withThree({}, ([a, , c]) => ({ chain: a && c ? [a, c] : [] })),
      INVALID,
      "0 (CN=Leaf): its issuer is not CN=Root",
    ],
    [
      "a missing issuer",
      withThree({}, ([a]) => ({ chain: a ? [a] : [] })),
      UNTRUSTED,
      "0 (CN=Leaf): no trust anchor has the name",
    ],
    [
      "an unrelated certificate behind",
      async () => {
        const { root, middle, leaf } = await three();
        return { chain: [leaf, middle, root, await issue("CN=Extra")], anchors: [root] };
      },
      INVALID,
      "2 (CN=Root): its issuer is not CN=Extra",
    ],
    [
      "a root behind the anchor",
      withThree({}, (made) => ({ chain: made, anchors: made.slice(1, 2) })),
      INVALID,
      "2 (CN=Root): it stands behind a trust anchor",
    ],
    [
      "the same certificate twice",
      withThree({}, ([a, b]) => ({ chain: a && b ? [a, b, b] : [] })),
      INVALID,
      "2 (CN=Middle): the same name and key is there twice",
    ],
    [
      "a leaf without digitalSignature",
      withThree({ leaf: { extensions: [ENCIPHERMENT] } }),
      INVALID,
      "0 (CN=Leaf): its key usage does not allow digitalSignature",
    ],
    [
      "a leaf that may only certify",
      withThree({ leaf: { extensions: [CERT_SIGN] } }),
      INVALID,
      "digitalSignature",
    ],
    [
      "a middle without keyCertSign",
      withThree({ middle: { extensions: [ca(), SIGNATURE] } }),
      INVALID,
      "1 (CN=Middle): its key usage does not allow keyCertSign",
    ],
    [
      "an anchor without keyCertSign",
      withThree({ root: { extensions: [ca(), SIGNATURE] } }),
      INVALID,
      "2 (CN=Root): its key usage",
    ],
    [
      "a middle that is no CA",
      withThree({ middle: { extensions: [NOT_CA, CERT_SIGN] } }),
      INVALID,
      "1 (CN=Middle): it is not a CA",
    ],
    [
      "a middle without basic constraints",
      withThree({ middle: { extensions: [CERT_SIGN] } }),
      INVALID,
      "1 (CN=Middle): it is not a CA",
    ],
    [
      "an anchor that is no CA",
      withThree({ root: { extensions: [NOT_CA] } }),
      INVALID,
      "2 (CN=Root): it is not a CA",
    ],
    [
      "a middle of version 1",
      withThree({ middle: { extensions: [], version: null } }),
      INVALID,
      "1 (CN=Middle): it is not a CA",
    ],
    [
      "an anchor of version 1",
      withThree({ root: { extensions: [], version: null } }),
      INVALID,
      "2 (CN=Root): it is not a CA",
    ],
    [
      "a path length of 0 above a CA",
      withThree({ root: { extensions: [ca(0)] } }),
      INVALID,
      "2 (CN=Root): path length is 0, and 1 CAs follow",
    ],
    [
      "a path length of 2 above 3 CAs",
      () => long(3, { extensions: [ca(2)] }),
      INVALID,
      "path length is 2, and 3",
    ],
    ["nine certificates", () => long(MAX_PATH_LENGTH - 1), INVALID, "path of 9 certificates"],
    [
      "nine certificates in the message",
      () => long(MAX_PATH_LENGTH),
      INVALID,
      "9 certificates, want 8",
    ],
    [
      "an unknown critical extension of the leaf",
      withThree({ leaf: { extensions: [UNKNOWN] } }),
      INVALID,
      "0 (CN=Leaf): critical extension 1.2.3.4",
    ],
    [
      "one of the middle",
      withThree({ middle: { extensions: [ca(), UNKNOWN] } }),
      INVALID,
      "1 (CN=Middle): critical extension",
    ],
    [
      "one of the anchor",
      withThree({ root: { extensions: [ca(), UNKNOWN] } }),
      INVALID,
      "2 (CN=Root): critical extension",
    ],
    ...["2.5.29.32", "2.5.29.33", "2.5.29.36", "2.5.29.54"].map(
      (id) =>
        [
          `a critical extension on policies, ${id}`,
          withThree({ middle: { extensions: [ca(), extension(id, sequence(), true)] } }),
          INVALID,
          `critical extension ${id}`,
        ] as [string, () => Promise<Case>, string, string],
    ),
    [
      "another key identifier of the issuer",
      withThree({
        middle: { extensions: [ca(), subjectKeyId(7)] },
        leaf: { extensions: [authorityKeyId(8)] },
      }),
      INVALID,
      "0 (CN=Leaf): its issuer's key identifier is not that of CN=Middle",
    ],
    [
      "another key identifier of the anchor",
      withThree({
        root: { extensions: [ca(), subjectKeyId(7)] },
        middle: { extensions: [ca(), authorityKeyId(8)] },
      }),
      INVALID,
      "1 (CN=Middle): its issuer's key identifier is not that of CN=Root",
    ],
    [
      "a cycle of two CAs",
      async () => {
        const [one, two] = [ed25519(), ed25519()];
        const b = await issue("CN=B", { key: two });
        const a = await issue("CN=A", { key: one, by: b });
        const crossed = await issue("CN=B", { key: two, by: a });
        const leaf = await issueLeaf(a);
        return { chain: [leaf, a, crossed, a, b], anchors: [b] };
      },
      INVALID,
      "3 (CN=A): the same name and key is there twice",
    ],
    [
      "a cycle through other certificates",
      async () => {
        const [one, two] = [ed25519(), ed25519()];
        const b = await issue("CN=B", { key: two });
        const a = await issue("CN=A", { key: one, by: b });
        const crossed = await issue("CN=B", { key: two, by: a });
        return { chain: [await issueLeaf(crossed), crossed, a], anchors: [b] };
      },
      INVALID,
      "3 (CN=B): the same name and key is there twice",
    ],
    [
      "a signature algorithm that is not supported",
      async () => {
        const key: CertificateKey = {
          ...ed25519(),
          algorithm: sequence(oid("1.2.840.113549.1.1.5"), NULL),
        };
        const root = await issue("CN=Root", { key });
        return { chain: [await issueLeaf(root)], anchors: [root] };
      },
      INVALID,
      "0 (CN=Leaf): signature algorithm 1.2.840.113549.1.1.5 is not supported",
    ],
    [
      "Ed25519 with parameters",
      async () => {
        const key: CertificateKey = { ...ed25519(), algorithm: sequence(oid("1.3.101.112"), NULL) };
        const root = await issue("CN=Root", { key });
        return { chain: [await issueLeaf(root)], anchors: [root] };
      },
      INVALID,
      "signature algorithm 1.3.101.112 is not supported",
    ],
    [
      "a key of another kind than the signature",
      async () => {
        const key: CertificateKey = {
          ...ed25519(),
          algorithm: sequence(oid("1.2.840.10045.4.3.2")),
        };
        const root = await issue("CN=Root", { key });
        return { chain: [await issueLeaf(root)], anchors: [root] };
      },
      INVALID,
      "0 (CN=Leaf): signature does not hold",
    ],
  ])("%s", async (_name, make, ...[code, part]) => {
    const refusal = await refusalOf(await make());
    expect(refusal.message).toContain(part);
    expect(refusal.code).toBe(code);
  });

  test("a time that is none is misuse", async () => {
    const input = await withThree({})();
    await expect(verify({ ...input, time: Number.NaN })).rejects.toThrow(TypeError);
  });
});
