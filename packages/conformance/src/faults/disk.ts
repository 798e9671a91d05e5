import { pathsOf, stringsOf } from "./strace.js";
import type { SystemCall } from "./strace.js";

/** What happened to the files below a folder, and what was promised meanwhile. */
export type Event =
  | {
      readonly kind: "create";
      readonly path: string;
      readonly isTruncated: boolean;
    }
  | {
      readonly kind: "write";
      readonly path: string;
      readonly at: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: "cut"; readonly path: string; readonly length: number }
  | { readonly kind: "sync"; readonly path: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string }
  | { readonly kind: "link"; readonly from: string; readonly to: string }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "acknowledge"; readonly entryId: string };

/** Yields the events in a trace of a server whose files lie below `folder`. */
export function eventsOf(calls: readonly SystemCall[], folder: string): readonly Event[] {
  const positions = new Map<string, number>();
  const isOurs = (path: string | undefined): path is string =>
    path?.startsWith(`${folder}/`) === true;
  const write = (path: string, bytes: Uint8Array, at: number): Event => {
    return { kind: "write", path, at, bytes };
  };
  return calls.flatMap((call): readonly Event[] => {
    if (call.result < 0) return [];
    const [path, to] = pathsOf(call);
    if (call.name === "writev" || call.name === "write") {
      const bytes = joined(stringsOf(call)).subarray(0, call.result);
      if (!isOurs(path)) return acknowledgement(bytes);
      const at = positions.get(path) ?? 0;
      positions.set(path, at + bytes.length);
      return [write(path, bytes, at)];
    }
    // Names of folders are not ours to change; a sync of one commits what was renamed in it.
    if (!isOurs(path)) return [];
    switch (call.name) {
      case "openat": {
        positions.set(path, 0);
        if (!call.args.includes("O_CREAT")) return [];
        return [{ kind: "create", path, isTruncated: call.args.includes("O_TRUNC") }];
      }
      case "pwrite64":
        return [write(path, joined(stringsOf(call)), lastNumber(call))];
      case "ftruncate":
        return [{ kind: "cut", path, length: lastNumber(call) }];
      case "fsync":
      case "fdatasync":
        return [{ kind: "sync", path }];
      case "rename":
        return isOurs(to) ? [{ kind: "rename", from: path, to }] : [];
      case "link":
        return isOurs(to) ? [{ kind: "link", from: path, to }] : [];
      case "unlink":
        return [{ kind: "remove", path }];
      case "mkdir":
        return [];
      default:
        // A call that this model does not know would make every image wrong.
        throw new Error(`${call.name} of ${path} is not modelled`);
    }
  });
}

// A response is written in one call, and 201 is the promise.
function acknowledgement(bytes: Uint8Array): readonly Event[] {
  const text = Buffer.from(bytes.subarray(0, 4096)).toString("latin1");
  if (!text.startsWith("HTTP/1.1 201 ")) return [];
  const [, entryId] = /\r\nlocation: [^\r]*\/entries\/([0-9a-f]{64})\r\n/i.exec(text) ?? [];
  if (entryId === undefined) throw new Error("201 without a Location");
  return [{ kind: "acknowledge", entryId }];
}

function lastNumber({ args }: SystemCall): number {
  return Number(/(\d+)$/.exec(args)?.[1]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** One change of a file's content that a sync has not covered. */
type Change = Extract<Event, { kind: "write" | "cut" }>;

interface File {
  durable: Uint8Array;
  pending: Change[];
}

/** Files by path, with their content. */
export type Image = ReadonlyMap<string, Uint8Array>;

/** How to keep what was not synced. `names` says whether names changed since the last sync are kept. */
export interface Loss {
  readonly names: "kept" | "lost";
  /** Yields what is left of the changes of one file that no sync has covered. */
  readonly data: (pending: readonly Change[]) => readonly Change[];
}

/**
 * A disk under a journaling file system: names change in order, and any sync makes all name changes
 * before it durable; the content of a file is durable once that file is synced.
 */
export class Disk {
  // Owned by apply.
  #names: Map<string, File>;
  #durableNames: Map<string, File>;

  constructor(base: Image) {
    this.#names = new Map(
      Array.from(base, ([path, bytes]) => [path, { durable: bytes, pending: [] }]),
    );
    this.#durableNames = new Map(this.#names);
  }

  apply(event: Event): void {
    switch (event.kind) {
      case "create":
        if (!this.#names.has(event.path)) {
          this.#names.set(event.path, {
            durable: new Uint8Array(),
            pending: [],
          });
        } else if (event.isTruncated) this.#file(event.path).pending.push(cut(event.path, 0));
        return;
      case "write":
      case "cut":
        this.#file(event.path).pending.push(event);
        return;
      case "sync": {
        const file = this.#names.get(event.path);
        // Folders are synced as well, and have no content here.
        if (file !== undefined) {
          file.durable = applied(file.durable, file.pending);
          file.pending = [];
        }
        this.#durableNames = new Map(this.#names);
        return;
      }
      case "rename":
        this.#names.set(event.to, this.#file(event.from));
        this.#names.delete(event.from);
        return;
      case "link":
        this.#names.set(event.to, this.#file(event.from));
        return;
      case "remove":
        this.#names.delete(event.path);
        return;
      case "acknowledge":
        return;
    }
  }

  /** Yields what a power cut may leave. */
  image({ names, data }: Loss): Image {
    const files = names === "kept" ? this.#names : this.#durableNames;
    return new Map(
      Array.from(files, ([path, { durable, pending }]) => [path, applied(durable, data(pending))]),
    );
  }

  /** How many changes of content no sync has covered. */
  get pending(): number {
    return [...this.#names.values()].reduce((sum, { pending }) => sum + pending.length, 0);
  }

  #file(path: string): File {
    const file = this.#names.get(path);
    if (file === undefined) throw new Error(`${path} is not there`);
    return file;
  }
}

function cut(path: string, length: number): Change {
  return { kind: "cut", path, length };
}

function applied(content: Uint8Array, changes: readonly Change[]): Uint8Array {
  return changes.reduce((bytes, change) => {
    const end = change.kind === "cut" ? change.length : change.at + change.bytes.length;
    const length = change.kind === "cut" ? end : Math.max(bytes.length, end);
    const next = new Uint8Array(length);
    next.set(bytes.subarray(0, length));
    if (change.kind === "write") next.set(change.bytes, change.at);
    return next;
  }, content);
}
