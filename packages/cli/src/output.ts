import type { Writable } from "node:stream";

/** Where a command writes. */
export interface Streams {
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

/** What a word is emphasised as, where the terminal has colours. */
export type Tone = "good" | "bad" | "plain";

const COLOURS = { good: "\u001b[32m", bad: "\u001b[31m", plain: "" } as const;
const RESET = "\u001b[0m";

/**
 * Writes answers to standard output and messages to standard error.
 *
 * Text in both comes from files and services of others: what a terminal could act on or a reader
 * could not see is written as an escape, and so is what would make a line of its own.
 */
export class Output {
  readonly #streams: Streams;
  // Owned by leaveStdout.
  #answers: Streams["stdout"];
  readonly #hasColours: boolean;

  constructor(streams: Streams) {
    this.#streams = streams;
    this.#answers = streams.stdout;
    const { NO_COLOR: noColor = "" } = process.env;
    this.#hasColours = streams.stdout.isTTY === true && noColor === "";
  }

  /** Has answers go to standard error from here on: something else is written to standard output. */
  leaveStdout(): void {
    this.#answers = this.#streams.stderr;
  }

  /** Writes a line of the answer. */
  print(line: string): void {
    this.#answers.write(`${oneLine(line)}\n`);
  }

  /** Writes an answer of several lines, which are the command's own. */
  printText(text: string): void {
    this.#answers.write(`${visible(text)}\n`);
  }

  /** Writes a line of the answer that begins with a word in a colour. */
  printMarked(tone: Tone, word: string, rest: string): void {
    const colour = this.#hasColours ? COLOURS[tone] : "";
    const mark = colour === "" ? oneLine(word) : `${colour}${oneLine(word)}${RESET}`;
    this.#answers.write(`${mark}${oneLine(rest)}\n`);
  }

  /**
   * Writes a line of the answer as {@link Output.printMarked} does; on a terminal folded at blanks to its
   * width, so that what is behind `first` stays in a column of its own.
   */
  printRow(tone: Tone, first: string, rest: string): void {
    const { isTTY, columns = 0 } = this.#streams.stdout;
    const width = columns - Math.max(first.length, ROW_INDENT);
    const isFolded = isTTY === true && width >= MIN_ROW_WIDTH;
    const [head = "", ...more] = isFolded ? folded(oneLine(rest), width) : [rest];
    this.printMarked(tone, first, head);
    for (const line of more) this.print(`${" ".repeat(ROW_INDENT)}${line}`);
  }

  /** Writes the whole answer as one JSON object on one line. */
  printJson(value: Readonly<Record<string, unknown>>): void {
    // JSON escapes the C0 controls itself, and takes an escape for every other character.
    const text = JSON.stringify(value).replace(INVISIBLE, escapeUnits);
    this.#answers.write(`${text}\n`);
  }

  /** Replaces the one line on standard error that is not kept; on a terminal alone. */
  showStatus(line: string): void {
    if (this.#streams.stderr.isTTY === true) {
      this.#streams.stderr.write(`\r\u001b[K${oneLine(line)}`);
    }
  }

  /** Writes a message. */
  note(line: string): void {
    this.#streams.stderr.write(`${oneLine(line)}\n`);
  }

  /** Writes a message of several lines, which are the command's own. */
  noteText(text: string): void {
    this.#streams.stderr.write(`${visible(text)}\n`);
  }
}

/** Where the text of a row begins, and the least that is left for it for it to be folded. */
const ROW_INDENT = 10;
const MIN_ROW_WIDTH = 30;

/** Yields lines of at most so many characters, but for words that are longer. */
function folded(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Yields text on which every invisible character but the line feed is escaped. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (character) =>
    character === "\n" ? character : escapeUnits(character),
  );
}

/** Yields text as {@link visible} does, with its line feeds escaped as well. */
export function oneLine(text: string): string {
  return visible(text.replaceAll("\n", "\\n").replaceAll("\r", "\\r"));
}

function escapeUnits(character: string): string {
  let escaped = "";
  for (let i = 0; i < character.length; i++) {
    escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  }
  return escaped;
}
