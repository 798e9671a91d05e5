import { PrivateKey } from "@tallystick/cose";
import { cosign, formatNote, noteSigner, parseNote } from "@tallystick/tlog";
import type { NoteSigner } from "@tallystick/tlog";

/** What cosignatures of these suites state as their time. */
const COSIGNED_AT = 1_800_000_000;

/** Two witnesses in memory, who cosign whatever they are given. */
export class Cosigners {
  readonly #signers: readonly NoteSigner[];

  private constructor(signers: readonly NoteSigner[]) {
    this.#signers = signers;
  }

  static async make(): Promise<Cosigners> {
    const keys = await Promise.all([PrivateKey.generate("EdDSA"), PrivateKey.generate("EdDSA")]);
    const signers = keys.map((key, at) =>
      noteSigner(`witness.example/${at + 1}`, "ed25519-cosignature", key),
    );
    return new Cosigners(signers);
  }

  /** Yields a note with a further line of as many of them. */
  async cosigned(note: Uint8Array, count: number = this.#signers.length): Promise<Uint8Array> {
    const { text, signatures } = parseNote(note);
    const some = this.#signers.slice(0, count).map((signer) => cosign(text, signer, COSIGNED_AT));
    return formatNote({ text, signatures: [...signatures, ...(await Promise.all(some))] });
  }

  /** Yields the policy that wants all of them, of the logs that are given or of any. */
  policy(...logs: readonly string[]): string {
    const witnesses = this.#signers.map(({ key }, at) => `witness w${at + 1} ${key.format()}\n`);
    const lines = [...logs.map((vkey) => `log ${vkey}\n`), ...witnesses];
    return `${lines.join("")}group g all w1 w2\nquorum g\n`;
  }
}

/** Yields a note with one character of its last line altered, which is a signature still. */
export function withAlteredLine(note: Uint8Array): Uint8Array {
  // In the middle of the signature, behind key id and time.
  const at = note.length - 40;
  const other = note[at] === 0x41 ? 0x42 : 0x41;
  return note.map((byte, i) => (i === at ? other : byte));
}
