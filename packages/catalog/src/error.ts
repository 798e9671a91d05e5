/** Why an index, or what is shown of one, was refused. Codes are stable; see docs/errors.md. */
export type CatalogErrorCode =
  "CATALOG_MALFORMED" | "CATALOG_PROOF_INVALID" | "CATALOG_LIST_DIFFERS";

/** The one error of this package. */
export class CatalogError extends Error {
  readonly code: CatalogErrorCode;

  constructor(code: CatalogErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.name = "CatalogError";
    this.code = code;
  }
}

/** Makes the error of bytes that are not what they should be. */
export function malformed(message: string, cause?: Error): CatalogError {
  return new CatalogError("CATALOG_MALFORMED", message, { cause });
}
