import { ReceiptError } from "@tallystick/receipt";
import { StatementError } from "@tallystick/statement";
import { TlogError } from "@tallystick/tlog";

/** One thing that a verification looked at, in order, fit to be shown or kept as JSON. */
export interface Step {
  readonly step:
    | "statement"
    | "receipt"
    | "checkpoint"
    | "inclusion"
    | "witnesses"
    | "issuer"
    | "artifact"
    | "consistency"
    | "index"
    | "completeness";
  /** `"skipped"` was not verified, by choice or for want of a key; it neither helps nor hurts. */
  readonly outcome: "verified" | "skipped" | "failed";
  readonly detail: string;
  /** Code of the refusal, when there is one. */
  readonly code?: string;
}

/** The refusals that lower packages state; anything else is a defect and passes on. */
export type Refusal = ReceiptError | StatementError | TlogError;

/** Yields whether a caught value is a refusal of what is being verified. */
export function isRefusal(error: unknown): error is Refusal {
  return (
    error instanceof ReceiptError || error instanceof StatementError || error instanceof TlogError
  );
}

/** Makes the step that records a refusal. */
export function failed(
  step: Step["step"],
  { message, code }: { readonly message: string; readonly code: string },
): Step {
  return { step, outcome: "failed", detail: message, code };
}
