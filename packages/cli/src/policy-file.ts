import { CoseError, parseJson } from "@tallystick/cose";
import { Policy, PolicyError } from "@tallystick/policy";
import type { PolicyDocument } from "@tallystick/policy";
import type { IssuerDocument } from "@tallystick/statement";

import { readWhole } from "./file.js";

/**
 * Reads a policy document. Where it does not say which policy it replaces, `previous` is the one
 * given.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`; PolicyError `POLICY_MALFORMED`
 */
export async function readPolicyFile(
  path: string,
  previous: string | null = null,
): Promise<Policy> {
  const json = await readJson(path);
  if (!isObject(json)) return Policy.parse(encode(json));
  const said = "previous" in json ? json.previous : null;
  return Policy.parse(encode({ ...json, previous: said ?? previous }));
}

/** Makes the first policy of a log for its operator. */
export type FirstPolicy = (operator: IssuerDocument) => PolicyDocument;

/**
 * Reads a policy document that is to be the first of a log, whose operator has no key yet: the
 * operator is added to those in the file, of which there may be none.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`; PolicyError `POLICY_MALFORMED`, also when called
 */
export async function readFirstPolicy(path: string): Promise<FirstPolicy> {
  const json = await readJson(path);
  if (!isObject(json)) throw new PolicyError("POLICY_MALFORMED", ["policy is not an object"]);
  const { operators = [] } = json as { readonly operators?: unknown };
  if (!Array.isArray(operators)) {
    throw new PolicyError("POLICY_MALFORMED", ["operators is not a list"]);
  }
  return (operator) => {
    const first = { ...json, previous: null, operators: [...(operators as unknown[]), operator] };
    return Policy.parse(encode(first)).document;
  };
}

function isObject(json: unknown): json is object {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function encode(json: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(json));
}

async function readJson(path: string): Promise<unknown> {
  const bytes = await readWhole(path);
  try {
    return parseJson(bytes);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new PolicyError("POLICY_MALFORMED", [`${path}: ${cause.message}`], { cause });
  }
}
