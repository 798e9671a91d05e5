import * as crypto from "node:crypto";

// A log and its client after the specifications alone, over Node's own cryptography: RFC 6962 §2.1
// as recursion, and the requests of tlog-witness as text.

function sha256(...parts: readonly Uint8Array[]): Buffer {
  return crypto.createHash("sha256").update(Buffer.concat(parts)).digest();
}

const LEAF = Buffer.of(0);
const NODE = Buffer.of(1);

function split(size: number): number {
  let k = 1;
  while (2 * k < size) k *= 2;
  return k;
}

function root(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves;
  if (first === undefined) return sha256();
  if (leaves.length === 1) return sha256(LEAF, first);
  const k = split(leaves.length);
  return sha256(NODE, root(leaves.slice(0, k)), root(leaves.slice(k)));
}

function subproof(m: number, leaves: readonly Buffer[], isWhole: boolean): readonly Buffer[] {
  if (m === leaves.length) return isWhole ? [] : [root(leaves)];
  const k = split(leaves.length);
  if (m <= k) return [...subproof(m, leaves.slice(0, k), isWhole), root(leaves.slice(k))];
  return [...subproof(m - k, leaves.slice(k), false), root(leaves.slice(0, k))];
}

/** A key pair of Ed25519 with its vkey under a name and a type. */
export class ReferenceKey {
  readonly name: string;
  readonly vkey: string;
  readonly id: Buffer;
  readonly #secret: crypto.KeyObject;

  constructor(name: string, type = 1) {
    const { publicKey, privateKey } = crypto.generateKeyPairSync("ed25519");
    const { x = "" } = publicKey.export({ format: "jwk" });
    const key = Buffer.concat([Buffer.of(type), Buffer.from(x, "base64url")]);
    this.name = name;
    this.id = sha256(Buffer.from(`${name}\n`), key).subarray(0, 4);
    this.vkey = `${name}+${this.id.toString("hex")}+${key.toString("base64")}`;
    this.#secret = privateKey;
  }

  line(text: string): string {
    const signature = crypto.sign(null, Buffer.from(text), this.#secret);
    return `— ${this.name} ${Buffer.concat([this.id, signature]).toString("base64")}\n`;
  }
}

/** A log of so many leaves; another `salt` makes another log of the same name and key. */
export class ReferenceLog {
  readonly key: ReferenceKey;
  readonly #leaves: readonly Buffer[];

  constructor(key: ReferenceKey, size: number, salt = "a") {
    this.key = key;
    this.#leaves = Array.from({ length: size }, (_, at) => Buffer.from(`${salt}${String(at)}`));
  }

  root(size: number): string {
    return root(this.#leaves.slice(0, size)).toString("base64");
  }

  proof(from: number, to: number): readonly string[] {
    if (from === 0) return [];
    return subproof(from, this.#leaves.slice(0, to), true).map((hash) => hash.toString("base64"));
  }

  text(size: number): string {
    return `${this.key.name}\n${String(size)}\n${this.root(size)}\n`;
  }

  /** The checkpoint as the log publishes it. */
  checkpoint(size: number): string {
    const text = this.text(size);
    return `${text}\n${this.key.line(text)}`;
  }

  /** A request that a witness has to grant if it cosigned `from` last. */
  request(from: number, to: number): string {
    return requestOf(from, this.proof(from, to), this.checkpoint(to));
  }
}

export function requestOf(old: number | string, proof: readonly string[], note: string): string {
  return `old ${String(old)}\n${proof.map((line) => `${line}\n`).join("")}\n${note}`;
}

/**
 * Verifies one line of a witness's answer as tlog-cosignature says, for Ed25519; yields the time.
 */
export function timeOfCosignature(line: string, vkey: string, text: string): number {
  const [name = "", id = "", ...parts] = vkey.split("+");
  // Base64 has a plus of its own.
  const key = parts.join("+");
  const [, lineName, encoded = ""] = line.trimEnd().split(" ");
  const bytes = Buffer.from(encoded, "base64");
  const time = bytes.readBigUInt64BE(4);
  const x = Buffer.from(key, "base64").subarray(1).toString("base64url");
  const publicKey = crypto.createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x },
    format: "jwk",
  });
  const message = Buffer.from(`cosignature/v1\ntime ${String(time)}\n${text}`);
  const isNamed = lineName === name && bytes.subarray(0, 4).toString("hex") === id;
  const isValid = crypto.verify(null, message, publicKey, bytes.subarray(12));
  if (!isNamed || !isValid) throw new Error("no cosignature of that key");
  return Number(time);
}
