/** An item as text; lines after the first are indented, the first is not. */
export interface Fragment {
  readonly text: string;
  readonly isOneLine: boolean;
  /** The item if it is an integer, for its meaning. */
  readonly integer?: number | bigint;
}

/** One element of an array or entry of a map. */
export interface Line {
  /** `key: `, or nothing in an array. */
  readonly key: string;
  readonly value: Fragment;
  readonly about: string | undefined;
}

/** An array or map with the characters around it. */
export interface Group {
  readonly open: string;
  readonly close: string;
  readonly lines: readonly Line[];
  /** How far the group itself is indented. */
  readonly indent: number;
}

const WIDTH = 72;
const STEP = "  ";

// Short groups without comments stand on one line.
function isCompact(lines: readonly Line[]): boolean {
  let width = 0;
  return lines.every(({ key, value, about }) => {
    width += key.length + value.text.length + 2;
    return value.isOneLine && about === undefined && width <= WIDTH;
  });
}

function layOutLine({ key, value, about }: Line, comma: string): string {
  if (about === undefined) return `${key}${value.text}${comma}`;
  if (value.isOneLine) return `${key}${value.text}${comma} / ${about} /`;
  return `${key}/ ${about} / ${value.text}${comma}`;
}

/**
 * Lays a group out: on one line when that is short, else each part on a line of its own with its
 * comment, `/ … /`, behind it, or in front of it when it has lines of its own.
 */
export function layOut({ open, close, lines, indent }: Group): Fragment {
  if (isCompact(lines)) {
    const parts = lines.map(({ key, value }) => `${key}${value.text}`).join(", ");
    return { text: `${open}${parts}${close}`, isOneLine: true };
  }
  const margin = `\n${STEP.repeat(indent)}`;
  // Added up, not joined, so that V8 shares the parts and nesting costs nothing.
  let text = open.trimEnd();
  lines.forEach((line, index) => {
    text += `${margin}${STEP}${layOutLine(line, index < lines.length - 1 ? "," : "")}`;
  });
  return { text: `${text}${margin}${close}`, isOneLine: false };
}
