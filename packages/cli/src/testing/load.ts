import { CLAIM, LABEL, PrivateKey, signSign1 } from "@tallystick/cose";
import type { CborValue } from "@tallystick/cose";
import { signStatement } from "@tallystick/statement";

import type { Workspace } from "./workspace.js";

export const ISSUER = "https://issuer.example";

/** Signs a statement about a text that has no sub, as a policy may let pass. */
export function signBare(text: string, key: PrivateKey): Promise<Uint8Array> {
  const protectedHeader = new Map<number, CborValue>([
    [LABEL.contentType, "text/plain"],
    [LABEL.cwtClaims, new Map([[CLAIM.iss, ISSUER]])],
    [LABEL.kid, key.publicKey.kid],
  ]);
  return signSign1({ protectedHeader, payload: new TextEncoder().encode(text) }, key);
}

/** An issuer that a service admits, and that registers without a process for each statement. */
export class Registrant {
  readonly #key: PrivateKey;

  private constructor(key: PrivateKey) {
    this.#key = key;
  }

  /** Makes the issuer's key and has the policy of a stopped service admit it. */
  static async admit(workspace: Workspace, dir: string): Promise<Registrant> {
    await workspace.must("keygen", "--alg", "EdDSA", "--out", "issuer.jwk");
    await workspace.must("trust", "add", "issuer.pub.jwk", "--iss", ISSUER, "--dir", dir);
    return new Registrant(PrivateKey.fromJwk(await workspace.json("issuer.jwk")));
  }

  /** Registers a statement about a text, and yields the status of the answer. */
  async register(url: string, text: string): Promise<number> {
    const payload = new TextEncoder().encode(text);
    const body = await signStatement(
      { payload, contentType: "text/plain", issuer: ISSUER, subject: "load" },
      this.#key,
    );
    const headers = { "content-type": "application/cose", accept: "application/cose" };
    const response = await fetch(`${url}/entries`, {
      method: "POST",
      headers,
      body: new Uint8Array(body),
    });
    await response.arrayBuffer();
    return response.status;
  }

  /** Registers `count` statements, a few at a time, and yields how many were taken. */
  async registerAll(url: string, prefix: string, count: number): Promise<number> {
    let taken = 0;
    for (let at = 0; at < count; at += 16) {
      const length = Math.min(16, count - at);
      const some = Array.from({ length }, (_, i) => this.register(url, `${prefix} ${at + i}`));
      for (const status of await Promise.all(some)) taken += status === 201 ? 1 : 0;
    }
    return taken;
  }
}
