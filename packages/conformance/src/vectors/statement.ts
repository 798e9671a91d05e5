import { PublicKey } from "@tallystick/cose";
import { SignedStatement, verifyArtifact, VerifiedStatement } from "@tallystick/statement";
import { TrustStore, verifyTransparentStatement } from "@tallystick/verifier";
import { bytesAt, type Kind } from "./vector.js";

/** Signed statements under the issuer's key, and maybe the file that they are about. */
export const signed: Kind = {
  required: ["statement", "key"],
  optional: ["artifact"],
  async run(input) {
    const statement = SignedStatement.decode(bytesAt(input, "statement"));
    const key = PublicKey.fromJwk(input["key"]);
    await VerifiedStatement.verify(statement, { resolve: () => key });
    if ("artifact" in input) verifyArtifact(statement, bytesAt(input, "artifact"));
    return { entryId: statement.entryId };
  },
};

/** Transparent statements against a trust file. */
export const transparent: Kind = {
  required: ["statement", "trust"],
  optional: ["artifact"],
  async run(input) {
    const trust = TrustStore.parse(JSON.stringify(input["trust"]));
    const options = "artifact" in input ? { artifact: bytesAt(input, "artifact") } : {};
    const bytes = bytesAt(input, "statement");
    const verified = await verifyTransparentStatement(bytes, trust, options);
    return {
      entryId: verified.statement.entryId,
      origins: verified.receipts.map(({ service }) => service.origin),
      isIssuerVerified: verified.isIssuerVerified,
    };
  },
};
