import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LABEL, PublicKey, decodeSign1, digest, encodeSign1, verifySign1 } from "@tallystick/cose";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { SignedStatement, encodeNormalised, entryOf, formatEntryId } from "@tallystick/statement";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { verifyTransparentStatement } from "./transparent.js";
import { TrustStore } from "./trust.js";
import { rejection } from "./testing/refusal.js";
import { sharedFolder } from "./testing/shared.js";

interface Expected {
  readonly payload_sha256: string;
  readonly leaf_entry: string;
  readonly reconstructed_root: string | null;
  readonly statement_signature_valid: boolean;
  readonly receipt_valid: boolean;
}

const shared = sharedFolder("scitt-cose, the whole way", "vectors", "scitt-cose");
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function load(name: string) {
  const folder = join(shared ?? "", name);
  const read = (file: string) => new Uint8Array(readFileSync(join(folder, file)));
  const pem = (file: string) => PublicKey.fromPem(readFileSync(join(folder, file), "utf8"));
  return {
    expected: JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as Expected,
    statement: read("statement.cose"),
    receipt: read("receipt.cose"),
    issuerKey: pem("issuer-key.pub"),
    logKey: pem("log-key.pub"),
  };
}

interface Folder {
  readonly name: string;
  readonly vds: number;
  /** Why the strict check refuses the statement. */
  readonly strictCode: string;
  /** Why the receipt fails, if it does. */
  readonly receiptCode?: string;
}

const FOLDERS: readonly Folder[] = [
  { name: "valid-es256", vds: 1, strictCode: "STATEMENT_KEY_ID_MISSING" },
  {
    name: "fail-tampered-path",
    vds: 1,
    strictCode: "STATEMENT_KEY_ID_MISSING",
    receiptCode: "RECEIPT_SIGNATURE_INVALID",
  },
  { name: "valid-ccf-vds2", vds: 2, strictCode: "STATEMENT_CLAIMS_MISSING" },
];

(shared === undefined ? describe.skip : describe).each(FOLDERS)(
  "scitt-cose/$name",
  ({ name, vds, strictCode, receiptCode }) => {
    let given: ReturnType<typeof load>;
    let message: ReturnType<typeof decodeSign1>;

    // Not before: where the data is missing the suite is skipped.
    beforeAll(() => {
      given = load(name);
      message = decodeSign1(given.statement);
    });

    test("the statement's signature is as expected", async () => {
      expect(given.expected.statement_signature_valid).toBe(true);
      const payload = await verifySign1(message, given.issuerKey);
      expect(hex(digest("sha-256", payload))).toBe(given.expected.payload_sha256);
    });

    test("the entry is as expected", () => {
      const entry = entryOf(encodeNormalised(message));
      expect(formatEntryId(entry)).toBe(given.expected.leaf_entry);
    });

    test("the receipt is as expected, under vds alone that is asked for", async () => {
      const entry = entryOf(encodeNormalised(message));
      const decoded = Receipt.decode(given.receipt);
      const trust = { entry, key: given.logKey, claims: "optional" } as const;
      const verified = VerifiedInclusion.verify(decoded, { ...trust, vds });
      if (receiptCode === undefined) {
        expect(given.expected.receipt_valid).toBe(true);
        expect(hex((await verified).root)).toBe(given.expected.reconstructed_root);
      } else {
        expect(given.expected.receipt_valid).toBe(false);
        await expect(verified).rejects.toMatchObject({ code: receiptCode });
      }
      const other = VerifiedInclusion.verify(decoded, { ...trust, vds: 3 - vds });
      await expect(other).rejects.toMatchObject({ code: "RECEIPT_VDS_UNSUPPORTED" });
      if (vds === 1) return;
      await expect(VerifiedInclusion.verify(decoded, trust)).rejects.toMatchObject({
        code: "RECEIPT_VDS_UNSUPPORTED",
      });
    });

    test("a strict RFC 9943 check refuses it", async () => {
      expect(() => SignedStatement.decode(given.statement)).toThrow(
        expect.objectContaining({ code: strictCode }),
      );
      const services = [
        { issuer: "https://log.example", origin: "x", vds, keys: [given.logKey.toJwk()] },
      ];
      const transparent = encodeSign1({
        ...message,
        unprotectedHeader: new Map([[LABEL.receipts, [given.receipt]]]),
      });
      const trust = TrustStore.parse(JSON.stringify({ services }));
      const error = await rejection(verifyTransparentStatement(transparent, trust));
      // The verifier takes statements without sub, whose service is then one that nobody pinned here.
      if (vds === 2) {
        expect(error.code).toBe("VERIFIER_RECEIPTS_INSUFFICIENT");
        return;
      }
      expect(error.code).toBe("VERIFIER_STATEMENT_REFUSED");
      expect(error.cause).toMatchObject({ code: strictCode });
      const entry = entryOf(encodeNormalised(message));
      const strict = VerifiedInclusion.verify(Receipt.decode(given.receipt), {
        entry,
        key: given.logKey,
      });
      await expect(strict).rejects.toMatchObject({ code: "RECEIPT_CLAIMS_MISSING" });
    });
  },
);

(shared === undefined ? test.skip : test)(
  "a CCF service is pinned by the kid of its receipts and vds 2",
  () => {
    const { receipt, logKey } = load("valid-ccf-vds2");
    const { issuer = "", subject: origin, kid = new Uint8Array() } = Receipt.decode(receipt);
    // As text, as CCF writes it, and in base64url.
    for (const encoding of ["utf8", "base64url"] as const) {
      const key = { ...logKey.toJwk(), kid: Buffer.from(kid).toString(encoding) };
      const services = [{ issuer, origin, vds: 2, keys: [key] }];
      const trust = TrustStore.parse(JSON.stringify({ services }));
      expect(trust.resolve(issuer, kid)?.service.vds).toBe(2);
    }
  },
);
