/** COSE header labels (IANA "COSE Header Parameters"; RFC 9052, 9360, 9596, 9597, 9942, 9995). */
export const LABEL = {
  alg: 1,
  crit: 2,
  contentType: 3,
  kid: 4,
  cwtClaims: 15,
  typ: 16,
  x5bag: 32,
  x5chain: 33,
  x5t: 34,
  x5u: 35,
  payloadHashAlg: 258,
  preimageContentType: 259,
  payloadLocation: 260,
  receipts: 394,
  vds: 395,
  vdp: 396,
} as const;

/** CWT claim keys (IANA "CBOR Web Token Claims"; RFC 8392 §3.1, RFC 8747 §3.1). */
export const CLAIM = {
  iss: 1,
  sub: 2,
  aud: 3,
  exp: 4,
  nbf: 5,
  iat: 6,
  cti: 7,
  cnf: 8,
} as const;

/** COSE_Key labels (IANA "COSE Key Common Parameters" and "COSE Key Type Parameters"). */
export const KEY_LABEL = {
  kty: 1,
  kid: 2,
  alg: 3,
  keyOps: 4,
  okpCurve: -1,
  okpX: -2,
  okpD: -4,
  ec2Curve: -1,
  ec2X: -2,
  ec2Y: -3,
  ec2D: -4,
  rsaN: -1,
  rsaE: -2,
  rsaD: -3,
  akpPub: -1,
  akpPriv: -2,
} as const;
