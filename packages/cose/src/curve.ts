/** Curves of EC2 keys (RFC 9053 §7.1). */
export type EcCurve = "P-256" | "P-384" | "P-521";

/** Curves that keys may lie on. */
export type Curve = EcCurve | "Ed25519";

/** How one curve is named and how long its numbers are. */
export interface CurveRow {
  /** COSE curve number (IANA "COSE Elliptic Curves"). */
  readonly id: number;
  /** Length of a coordinate, and of a private key. */
  readonly bytes: number;
  /** Content of the DER object identifier in hex (RFC 5480 §2.1.1.1, RFC 8410 §3). */
  readonly oid: string;
}

/** Every curve of this library. */
export const CURVES: Readonly<Record<Curve, CurveRow>> = {
  "P-256": { id: 1, bytes: 32, oid: "2a8648ce3d030107" },
  "P-384": { id: 2, bytes: 48, oid: "2b81040022" },
  "P-521": { id: 3, bytes: 66, oid: "2b81040023" },
  Ed25519: { id: 6, bytes: 32, oid: "2b6570" },
};

/** The curves of ECDSA. */
export const EC_CURVES: readonly EcCurve[] = ["P-256", "P-384", "P-521"];
