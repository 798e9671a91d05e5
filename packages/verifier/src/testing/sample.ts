import { PrivateKey } from "@tallystick/cose";
import { SignedStatement, attachReceipts, signStatement } from "@tallystick/statement";
import { receiptFor, type Place, type TestService } from "./service.js";

/** The Ed25519 key of RFC 8037 A.1. */
export const VENDOR: PrivateKey = PrivateKey.fromJwk({
  kty: "OKP",
  crv: "Ed25519",
  x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
  d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
});

export const VENDOR_ISS = "https://vendor.example";
export const ARTIFACT: Uint8Array = new TextEncoder().encode('{"bomFormat":"CycloneDX"}');

const inline = {
  issuer: VENDOR_ISS,
  subject: "board 7",
  payload: ARTIFACT,
  contentType: "application/json",
};

export const STATEMENT: SignedStatement = SignedStatement.decode(
  await signStatement(inline, VENDOR),
);

/** Yields the statement with a receipt of each service. */
export async function transparent(
  services: readonly TestService[],
  statement: SignedStatement = STATEMENT,
  place: Place = {},
): Promise<Uint8Array> {
  const receipts = services.map((service) => receiptFor(service, statement.entry, place));
  return attachReceipts(statement, await Promise.all(receipts));
}

/** The trust file's issuers, with the vendor's key. */
export const ISSUERS: readonly object[] = [{ iss: VENDOR_ISS, keys: [VENDOR.publicKey.toJwk()] }];
