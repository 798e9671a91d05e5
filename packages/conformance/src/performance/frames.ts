import { readFileSync, writeFileSync } from "node:fs";

/** Writes byte strings one behind the other, each after its length in four bytes. */
export function writeFrames(path: string, frames: readonly Uint8Array[]): void {
  const parts = frames.flatMap((frame) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(frame.length);
    return [head, frame];
  });
  writeFileSync(path, Buffer.concat(parts));
}

/** Yields what {@link writeFrames} wrote. */
export function readFrames(path: string): readonly Uint8Array[] {
  const bytes = readFileSync(path);
  const frames: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    frames.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return frames;
}
