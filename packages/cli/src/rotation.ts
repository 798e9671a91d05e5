import { join } from "node:path";
import { rm } from "node:fs/promises";

import { PrivateKey, formatThumbprint } from "@tallystick/cose";
import type { AlgorithmName, PublicKey } from "@tallystick/cose";
import { signPolicy, withReceiptKeys } from "@tallystick/policy";
import type { PolicyDocument } from "@tallystick/policy";

import { approvalsLacking } from "./approvals.js";
import type { WaitingProposal } from "./approvals.js";
import type { ServiceDirectory } from "./directory.js";
import { CliError } from "./error.js";
import { failed, isThere, syncDirectory } from "./file.js";
import { publicPathOf, readPrivateKey } from "./keyfile.js";
import { readPolicy } from "./policy-place.js";
import type { PolicyPlace, ReadPolicy } from "./policy-place.js";
import { operatorOf } from "./proposal.js";
import { isSameKey, nextReceiptKey, receiptKeyPaths } from "./receipt-keys.js";

/** Where a rotation of the receipt key stands, by the step that comes next. */
export type RotationStage =
  | "none"
  /** The next key is there, and no policy names it yet. */
  | "begun"
  /** The policy names it beside the current one. */
  | "announced"
  /** It signs, and the policy names the key before it still. */
  | "switched"
  /** The policy names it alone, and the private half of the key before it is there still. */
  | "finished";

/** Where a rotation stands, with the keys that it is about. */
export interface RotationState {
  readonly stage: RotationStage;
  readonly current: PublicKey;
  readonly next: PublicKey | undefined;
  /** Keys that the policy in force names. */
  readonly named: readonly PublicKey[];
  /** The proposal that the stage waits for, `undefined` where nobody has made it. */
  readonly waiting: WaitingProposal | undefined;
  /** How many operators have to sign a change. */
  readonly wanted: number;
  readonly policy: ReadPolicy;
}

/** Where policies are read and changed. */
export interface RotationPlace extends PolicyPlace {
  readonly register: (statement: Uint8Array) => Promise<unknown>;
}

/**
 * Reads where a rotation stands: off the key files, the policy in force, and the proposals that wait.
 *
 * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_KEY_INVALID`; what the place throws
 */
export async function readRotation(
  directory: ServiceDirectory,
  place: RotationPlace,
): Promise<RotationState> {
  const { next: nextPath, old } = receiptKeyPaths(directory);
  const { publicKey: current } = await directory.receiptKey();
  const next = (await isThere(nextPath)) ? (await readPrivateKey(nextPath)).publicKey : undefined;
  const policy = await readPolicy(place);
  // Where no policy names any, the log's first key signs, or the log would not open with this one.
  const named = policy.policy.receiptKeys ?? [current];
  const stage = stageOf({ current, next, named, hasOld: await isThere(old) });
  const aim = aimOf(stage, { current, next, named });
  const waiting = aim && (await waitingFor(place, policy, aim));
  return { stage, current, next, named, waiting, wanted: policy.policy.approvals, policy };
}

interface Keys {
  readonly current: PublicKey;
  readonly next: PublicKey | undefined;
}

function stageOf({
  current,
  next,
  named,
  hasOld,
}: Keys & { readonly named: readonly PublicKey[]; readonly hasOld: boolean }): RotationStage {
  if (next !== undefined && !isSameKey(next, current)) {
    return named.some((key) => isSameKey(key, next)) ? "announced" : "begun";
  }
  if (named.length > 1) return "switched";
  return hasOld ? "finished" : "none";
}

/**
 * Yields the keys that the policy which a stage waits for names; none where it waits for none. One that
 * is announced is waited for to be taken back alone.
 */
function aimOf(
  stage: RotationStage,
  { current, next, named }: Keys & { readonly named: readonly PublicKey[] },
): readonly PublicKey[] | undefined {
  if (stage === "begun" && next !== undefined) return [...without(named, next), next];
  return stage === "announced" || stage === "switched" ? [current] : undefined;
}

function without(keys: readonly PublicKey[], key: PublicKey): readonly PublicKey[] {
  return keys.filter((one) => !isSameKey(one, key));
}

/** Yields the proposal that changes the receipt keys, and nothing else that others sign with it. */
async function waitingFor(
  place: RotationPlace,
  inForce: ReadPolicy,
  aim: readonly PublicKey[],
): Promise<WaitingProposal | undefined> {
  for (const proposal of (await place.standing()).proposals) {
    const { policy } = await readPolicy(place, proposal.entryId);
    const isAimed = namesOf(policy.receiptKeys ?? []) === namesOf(aim);
    if (isAimed && restOf(policy.document) === restOf(inForce.policy.document)) return proposal;
  }
  return undefined;
}

// A parsed document has its members in one order.
function restOf(document: PolicyDocument): string {
  return JSON.stringify({ ...document, previous: undefined, receiptKeys: undefined });
}

function namesOf(keys: readonly PublicKey[]): string {
  return keys
    .map((key) => formatThumbprint(key))
    .sort()
    .join(" ");
}

/** Yields what a person has to do next, a sentence each. */
export function nextSteps(state: RotationState, dir: string): readonly string[] {
  const { stage, waiting, wanted } = state;
  const lacking =
    waiting &&
    `the proposal ${waiting.entryId} lacks ${approvalsLacking(waiting, wanted)} of ${wanted} ` +
      `approvals: tally policy approve ${waiting.entryId}, then`;
  const approve = lacking && `${lacking} run this again`;
  switch (stage) {
    case "none":
      return [`no rotation is under way; one begins with: tally rotate-key ${dir} --begin`];
    case "begun":
      if (approve !== undefined) return [approve];
      return [
        `have the next key named by the policy: tally rotate-key ${dir} --begin`,
        `or take it back: tally rotate-key ${dir} --abandon`,
      ];
    case "announced":
      if (lacking !== undefined) {
        return [`${lacking} take the next key back with: tally rotate-key ${dir} --abandon`];
      }
      return [
        "let relying parties pin the next key: tally trust follow TRUST --service URL",
        `then stop the server, and: tally rotate-key ${dir} --switch`,
      ];
    case "switched":
      return [
        approve ??
          `start the server; once it runs with the new key: tally rotate-key ${dir} --finish`,
      ];
    case "finished":
      return [`remove the private half of the key before: tally rotate-key ${dir} --finish`];
  }
}

/** How the next policy is signed, and where. */
export interface Signing {
  readonly place: RotationPlace;
  readonly operator: PrivateKey;
  readonly issuedAt: number;
}

/**
 * Makes the next key, if it is not there, and proposes the policy that names it beside the current one.
 *
 * @throws {@link CliError} `CLI_ROTATION_STEP`, `CLI_OPERATOR_UNKNOWN`; what the place throws
 */
export async function beginRotation(
  directory: ServiceDirectory,
  signing: Signing,
  algorithm: AlgorithmName | undefined,
): Promise<void> {
  const before = await readRotation(directory, signing.place);
  const { stage, current, named, next: known } = before;
  requireStage(before, ["none", "begun", "announced"], "--begin");
  if (algorithm !== undefined && known !== undefined) {
    throw step(`the next key is there already, of ${known.kty}: leave --alg out`);
  }
  if (stage === "announced") return;
  const { name } = (await directory.receiptKey()).algorithm;
  const next = await nextReceiptKey(directory, () => PrivateKey.generate(algorithm ?? name));
  if (before.waiting !== undefined) return;
  const others = without(named, next.publicKey);
  if (!others.some((key) => isSameKey(key, current))) throw step("the policy names another key");
  await propose(before, [...others, next.publicKey], signing);
}

/**
 * Proposes the policy that names the current key alone, and removes the private half of the one before
 * once it is in force.
 *
 * @throws {@link CliError} `CLI_ROTATION_STEP`, `CLI_OPERATOR_UNKNOWN`; what the place throws
 */
export async function finishRotation(
  directory: ServiceDirectory,
  signing: Signing,
): Promise<RotationState> {
  const before = await readRotation(directory, signing.place);
  requireStage(before, ["switched", "finished"], "--finish");
  const { stage, waiting, current } = before;
  if (stage === "switched" && waiting === undefined) await propose(before, [current], signing);
  const after = await readRotation(directory, signing.place);
  if (after.stage !== "finished") return after;
  await remove(directory, [receiptKeyPaths(directory).old]);
  return readRotation(directory, signing.place);
}

/**
 * Takes a rotation back that has not switched: the policy names the current key alone again, and the
 * next key is removed once that is in force.
 *
 * @throws {@link CliError} `CLI_ROTATION_STEP`, `CLI_OPERATOR_UNKNOWN`; what the place throws
 */
export async function abandonRotation(
  directory: ServiceDirectory,
  signing: Signing,
): Promise<RotationState> {
  const before = await readRotation(directory, signing.place);
  requireStage(before, ["begun", "announced"], "--abandon");
  const { stage, current, waiting } = before;
  // What waits for a key that is announced takes it back already, and made again it would lose the
  // approvals that it has. What waits for one that is not, names it: a newer proposal takes its place.
  const isAnnounced = stage === "announced";
  if (isAnnounced === (waiting === undefined)) await propose(before, [current], signing);
  const after = await readRotation(directory, signing.place);
  if (after.stage !== "begun") return after;
  const { next } = receiptKeyPaths(directory);
  await remove(directory, [next, publicPathOf(next)]);
  return readRotation(directory, signing.place);
}

/**
 * Returns if a rotation can take a step.
 *
 * @throws {@link CliError} `CLI_ROTATION_STEP`
 */
export function requireStage(
  { stage, current, next }: RotationState,
  stages: readonly RotationStage[],
  option: string,
): void {
  if (stages.includes(stage)) return;
  const keys = [`the current key is ${formatThumbprint(current)}`];
  if (next !== undefined) keys.push(`the next ${formatThumbprint(next)}`);
  throw step(`${option} is not what comes next: ${WHERE[stage]}; ${keys.join(", ")}`);
}

const WHERE: Readonly<Record<RotationStage, string>> = {
  none: "no rotation is under way",
  begun: "no policy in force names the next key yet",
  announced: "the policy names the next key, which does not sign yet",
  switched: "the new key signs, and the policy names the one before it still",
  finished: "the policy names the new key alone",
};

async function propose(
  { policy: { policy, entryId } }: RotationState,
  keys: readonly PublicKey[],
  { place, operator, issuedAt }: Signing,
): Promise<void> {
  const document = withReceiptKeys(policy.document, entryId, keys);
  const named = { issuer: operatorOf(policy, operator), issuedAt };
  await place.register(await signPolicy(document, named, operator));
}

async function remove(directory: ServiceDirectory, paths: readonly string[]): Promise<void> {
  try {
    for (const path of paths) await rm(path, { force: true });
  } catch (error) {
    throw failed("cannot remove a key", error);
  }
  await syncDirectory(join(directory.path, "keys"));
}

function step(message: string): CliError {
  return new CliError("CLI_ROTATION_STEP", message);
}
