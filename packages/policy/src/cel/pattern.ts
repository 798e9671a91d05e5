import { celEnv, isCelError } from "@bufbuild/cel";
import type { CelResult } from "@bufbuild/cel";

/** Longest regular expression, in UTF-16 units. */
export const MAX_PATTERN_LENGTH = 1024;

/** Most instructions that a pattern may come to with its repetitions written out. */
const MAX_PATTERN_SIZE = 4096;

const MATCHES = celEnv().funcs.find("matches");

/** Asks the engine, which is RE2's: no backtracking, time in the size of pattern times text. */
function callMatches(text: string, pattern: string): CelResult | undefined {
  return MATCHES?.call(0, text, [pattern]);
}

/**
 * A regular expression in RE2's syntax, small enough to compile and to run. {@link Pattern.parse} is
 * the only way to get one. Immutable.
 */
export class Pattern {
  readonly source: string;
  /** About how many instructions it compiles to; never fewer than a machine for it has by far. */
  readonly size: number;

  private constructor(source: string, size: number) {
    this.source = source;
    this.size = size;
    Object.freeze(this);
  }

  /** Parses. Throws a plain Error that says what is wrong. */
  static parse(source: string): Pattern {
    if (source.length > MAX_PATTERN_LENGTH) {
      throw new Error(
        `a pattern of ${source.length} characters, want ${MAX_PATTERN_LENGTH} at most`,
      );
    }
    const size = sizeOf(source);
    if (size > MAX_PATTERN_SIZE) {
      throw new Error(`a pattern of ${size} steps, want ${MAX_PATTERN_SIZE} at most`);
    }
    const result = callMatches("", source);
    if (isCelError(result)) throw new Error(`a pattern that is not RE2: ${result.message}`);
    return new Pattern(source, size);
  }

  /** Yields what a search in the text costs at most, in units of the budget of an evaluation. */
  costOn(text: string): number {
    return 200 + this.size * (8 + Math.ceil(text.length / 8));
  }

  /** Yields whether it matches anywhere in the text. */
  test(text: string): boolean {
    return callMatches(text, this.source) === true;
  }
}

/** Tokens of RE2's syntax, as far as they bear on size. */
const TOKEN =
  /\\[pP]\{[^}]*\}|\\[pP].|\\x\{[0-9a-fA-F]*\}|\\[\s\S]|\[\^?\]?(?:\[:[^\]]*:\]|\\[\s\S]|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|[\s\S]/gu;

/** Counts instructions with repetitions written out. */
function sizeOf(source: string): number {
  // Between \Q and \E nothing is syntax, so that what is counted here would not be what is compiled.
  if (source.includes("\\Q")) throw new Error("a pattern with \\Q, which is not taken");
  const open: number[] = [];
  let total = 0;
  let last = 0;
  for (const [token, least, most] of source.matchAll(TOKEN)) {
    if (least !== undefined) {
      const times = Math.max(
        1,
        Number(least),
        most === undefined || most === "" ? 0 : Number(most),
      );
      total += last * (times - 1);
      last *= times;
    } else if (token === "(") {
      open.push(total);
      total = 0;
      last = 0;
    } else if (token === ")") {
      last = total + 2;
      total = (open.pop() ?? 0) + last;
    } else {
      last = /^(?:\[|\\[pP])/.test(token) ? 1 + Math.ceil(token.length / 4) : 1;
      total += last;
    }
  }
  return open.reduce((sum, size) => sum + size, total) + 2;
}
