import { PolicyError } from "../error.js";

/** Yields the refusal of an expression. */
export function malformed(message: string, options?: ErrorOptions): PolicyError {
  return new PolicyError("POLICY_MALFORMED", [message.slice(0, 500)], options);
}

/** Yields a name as messages show it: quoted, and cut when it is long. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
