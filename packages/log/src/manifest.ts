/** Fields of a version edit of LevelDB, by their tags. */
const TAG = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLog: 9,
} as const;

/** Which write-ahead logs LevelDB replays. */
export interface LiveLogs {
  /** Those of this number and above. */
  readonly from: number;
  /** And this one; 0 for none. */
  readonly also: number;
}

/** Yields which logs the records of a manifest leave to be replayed; all of them, if they are strange. */
export function liveLogs(records: Iterable<Uint8Array>): LiveLogs {
  let live: LiveLogs = { from: 0, also: 0 };
  try {
    for (const record of records) live = { ...live, ...editOf(new Fields(record)) };
  } catch (error) {
    if (error instanceof RangeError) return { from: 0, also: 0 };
    throw error;
  }
  return live;
}

function editOf(fields: Fields): Partial<LiveLogs> {
  let edit: Partial<LiveLogs> = {};
  while (!fields.isAtEnd) {
    const tag = fields.number();
    if (tag === TAG.logNumber) edit = { ...edit, from: fields.number() };
    else if (tag === TAG.previousLog) edit = { ...edit, also: fields.number() };
    else skip(tag, fields);
  }
  return edit;
}

function skip(tag: number, fields: Fields): void {
  switch (tag) {
    case TAG.comparator:
      fields.skipBytes();
      return;
    case TAG.nextFile:
    case TAG.lastSequence:
      fields.number();
      return;
    case TAG.compactPointer:
      fields.number();
      fields.skipBytes();
      return;
    case TAG.deletedFile:
      fields.number();
      fields.number();
      return;
    case TAG.newFile:
      for (let i = 0; i < 3; i++) fields.number();
      fields.skipBytes();
      fields.skipBytes();
      return;
    default:
      throw new RangeError(`tag ${tag}`);
  }
}

/** Reads the numbers, seven bits to a byte, and the strings of a version edit. */
class Fields {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new RangeError("cut short");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  skipBytes(): void {
    const length = this.number();
    this.#at += length;
  }
}
