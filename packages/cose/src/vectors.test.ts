import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { digest } from "./digest.js";
import { decodeHex, encodeHex } from "./hex.js";
import { PublicKey } from "./public-key.js";
import { decodeSign1 } from "./sign1.js";
import { rejection } from "./testing/refusal.js";
import { sharedFolder } from "./testing/shared.js";
import { verifySign1 } from "./verification.js";

const folder = sharedFolder("scitt-cose signature vectors", "vectors", "scitt-cose");
const suite = folder === undefined ? describe.skip : describe;

// standards.md TV8. The receipts' roots are the payloads that their logs signed.
suite.each([
  ["valid-es256", "e1dba63622c67f39bc40bbbcfd62c22a4f3355aa72dff1044d6c5dba52448e61", true],
  ["fail-tampered-path", "b539ba94681f4c244b7dd44d893da1f30ce2b364e32bfbc4baa8a93281efead8", false],
  ["valid-ccf-vds2", "1cb9bf8123a19c1ed2fcb1c2bfb8412e183634d806880ca4cef51ed399a3fb0f", true],
])("scitt-cose %s", (name, root, isValid) => {
  const read = (file: string): Buffer => readFileSync(join(folder ?? "", name, file));
  const keyOf = (file: string): PublicKey => PublicKey.fromPem(read(file).toString());

  test("the statement's signature holds over the payload beside it", async () => {
    const message = decodeSign1(read("statement.cose"));
    const payload = await verifySign1(message, keyOf("issuer-key.pub"));
    expect(payload).toEqual(new Uint8Array(read("payload.bin")));
    const expected = JSON.parse(read("expected.json").toString()) as { payload_sha256: string };
    expect(encodeHex(digest("sha-256", payload))).toBe(expected.payload_sha256);
    expect(await rejection(verifySign1(message, keyOf("log-key.pub")))).toMatch(
      /^COSE_(SIGNATURE_INVALID|ALG_KEY_MISMATCH)$/,
    );
  });

  test("the receipt's signature holds over the root, or does not", async () => {
    const message = decodeSign1(read("receipt.cose"));
    expect(message.payload).toBeNull();
    const verified = verifySign1(message, keyOf("log-key.pub"), { payload: decodeHex(root) });
    if (isValid) expect(await verified).toEqual(decodeHex(root));
    else expect(await rejection(verified)).toBe("COSE_SIGNATURE_INVALID");
  });
});
