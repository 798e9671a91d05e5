// Reads one payload in a process of its own, whose memory and processor time its parent has bounded:
// `bomb-child.js READER FILE [CONTENT-TYPE]` prints the kind of what it is, or the code of the refusal.
import { readFileSync } from "node:fs";

import { factsOfContent, mentionsOf, recogniseContent } from "@tallystick/content";
import { decodeEvidence } from "@tallystick/evidence";
import { Policy } from "@tallystick/policy";
import { Receipt } from "@tallystick/receipt";
import { SignedStatement } from "@tallystick/statement";

import { decodeBundle } from "../bundle.js";
import { parseAppraisalPolicy } from "../policy.js";

/** Where bytes from outside come in. */
export type BombReader =
  | "content"
  | "statement"
  | "receipt"
  | "evidence"
  | "bundle"
  | "policy"
  | "appraisal-policy"
  // What a reader without bounds does, to show that the bounds of the process end it.
  | "hoard"
  | "spin";

const READERS: Readonly<Record<BombReader, (bytes: Uint8Array, type?: string) => string>> = {
  content: (bytes, contentType) => {
    const content = recogniseContent(bytes, { contentType });
    // What rules and the index ask of it.
    JSON.stringify(factsOfContent(content));
    mentionsOf(content);
    return content.kind;
  },
  statement: (bytes) => SignedStatement.decode(bytes).entryId,
  receipt: (bytes) => Receipt.decode(bytes).kind,
  evidence: (bytes) => decodeEvidence(bytes).form,
  bundle: (bytes) => String(decodeBundle(bytes).statements.length),
  policy: (bytes) => Policy.parse(bytes).document.format,
  "appraisal-policy": (bytes) => String(parseAppraisalPolicy(bytes).rules.length),
  hoard: () => {
    const held: string[][] = [];
    for (;;) held.push(Array.from({ length: 4096 }, (_, i) => `${held.length} ${i}`));
  },
  spin: () => {
    for (;;);
  },
};

function outcomeOf([reader, file = "", type]: readonly string[]): string {
  const bytes = new Uint8Array(readFileSync(file));
  try {
    return READERS[reader as BombReader](bytes, type);
  } catch (error) {
    // Every refusal has a code of its package; anything else ends the process.
    if (error instanceof Error && "code" in error) return String(error.code);
    throw error;
  }
}

console.log(outcomeOf(process.argv.slice(2)));
