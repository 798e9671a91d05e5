import { PrivateKey } from "@tallystick/cose";

import { Forge, VENDOR } from "./forge.js";

/** A log with policy changes, an approval, a revoked key and rounds across two bundles. */
export async function eventful(): Promise<Forge> {
  const forge = await Forge.make();
  await forge.round(await forge.statements(0, 3));
  forge.time += 10;
  await forge.round([await forge.propose({ maxStatementBytes: 4096 })]);
  await forge.round(await forge.statements(3, 5));
  const operators = [
    ...forge.document.operators,
    { iss: "https://second.example", keys: [forge.second.publicKey.toJwk()] },
  ];
  await forge.round([await forge.propose({ operators, approvals: 2 })]);
  const jwk = forge.vendor.publicKey.toJwk();
  const other = await PrivateKey.generate("ES256");
  const issuers = [
    { iss: VENDOR, keys: [{ ...jwk, revoked: { from: 3 } }, other.publicKey.toJwk()] },
  ];
  const proposal = await forge.propose({ issuers });
  await forge.round([proposal]);
  forge.time += 5;
  await forge.round(await forge.statements(5, 7), { decided: forge.time - 2 });
  await forge.round([await forge.approve(proposal, "https://second.example")]);
  await forge.round([await forge.statement("later", other)]);
  return forge;
}
