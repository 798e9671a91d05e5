// Where should a statement's body lie? Measures the candidates under the writes that a round makes,
// interleaved, so that a machine that drifts drifts for all. The figures stand in docs/decisions.md.
import { createHash, randomFillSync } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { Level } from "level";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "400" },
    batch: { type: "string", default: "256" },
    body: { type: "string", default: "1024" },
    buffer: { type: "string", default: "8" },
    file: { type: "string", default: "4" },
    repeats: { type: "string", default: "3" },
  },
});
const [rounds, batch, bodyBytes, bufferMib, fileMib, repeats] = [
  "rounds",
  "batch",
  "body",
  "buffer",
  "file",
  "repeats",
].map((name) => Number(values[name]));

const READS = 2000;
const OPTIONS = {
  keyEncoding: "view",
  valueEncoding: "view",
  compression: true,
  writeBufferSize: bufferMib * 1024 * 1024,
  maxFileSize: fileMib * 1024 * 1024,
};

function number(n) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(n));
  return bytes;
}

function key(kind, ...parts) {
  return Buffer.concat([Buffer.from(kind), ...parts]);
}

/** Each candidate turns a round's bodies into rows, and knows how to find one again. */
const LAYOUTS = {
  "row by digest": {
    rows: (bodies) => bodies.map(({ digest, body }) => [key("s", digest), body]),
    find: ({ digest }) => ({ key: key("s", digest), offset: 0 }),
  },
  "row by index": {
    rows: (bodies) => bodies.map(({ index, body }) => [key("s", number(index)), body]),
    find: ({ index }) => ({ key: key("s", number(index)), offset: 0 }),
  },
  "packs of 64 KiB": packed(65_536),
  "one pack a round": packed(Infinity),
};

function packed(limit) {
  const perPack = Math.max(1, Math.min(batch, Math.floor(limit / bodyBytes)));
  return {
    rows(bodies) {
      const packs = [];
      for (let at = 0; at < bodies.length; at += perPack) {
        const members = bodies.slice(at, at + perPack);
        packs.push([
          key("k", number(members[0].index)),
          Buffer.concat(members.map(({ body }) => body)),
        ]);
      }
      return packs;
    },
    find({ index }) {
      const inRound = index % batch;
      const first = index - (inRound % perPack);
      return { key: key("k", number(first)), offset: (inRound % perPack) * bodyBytes };
    },
  };
}

/** Half random, half blank: statements compress a little. */
function makeBody() {
  const body = Buffer.alloc(bodyBytes, 32);
  randomFillSync(body, 0, Math.floor(bodyBytes / 2));
  return body;
}

/** What this process has used and written so far, all its threads; written is 0 where no /proc tells. */
function usage() {
  const { user, system } = process.cpuUsage();
  let written = 0;
  try {
    written = Number(/^write_bytes: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))[1]);
  } catch (error) {
    if (error.code !== "ENOENT" && error.code !== "EACCES") throw error;
  }
  return { cpuUs: user + system, written };
}

function sizeOf(folder) {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

async function measure(name) {
  const layout = LAYOUTS[name];
  const folder = mkdtempSync(join(tmpdir(), "tallystick-layout-"));
  const db = new Level(folder, OPTIONS);
  await db.open();
  const known = [];
  const commits = [];
  const began = performance.now();
  // Of the last tenth, when tables are merged as they always will be.
  const late = Math.floor(rounds * 0.9);
  let before = usage();
  for (let round = 0; round < rounds; round++) {
    if (round === late) before = usage();
    const bodies = Array.from({ length: batch }, (_, i) => {
      const body = makeBody();
      return { index: round * batch + i, body, digest: createHash("sha256").update(body).digest() };
    });
    const rows = layout.rows(bodies).map(([at, value]) => ({ type: "put", key: at, value }));
    for (const { digest, index } of bodies) {
      rows.push({ type: "put", key: key("d", digest), value: Buffer.alloc(60, index) });
      known.push({ digest, index });
    }
    const last = Math.floor((round * batch) / 256);
    rows.push({ type: "put", key: key("b", number(last)), value: Buffer.alloc(8704, round) });
    rows.push({ type: "put", key: key("t", number(last)), value: Buffer.alloc(8192, round) });
    rows.push({ type: "put", key: key("c", number(round)), value: Buffer.alloc(400, round) });
    rows.push({ type: "put", key: key("h"), value: Buffer.alloc(400, round) });
    const start = performance.now();
    await db.batch(rows, { sync: true });
    commits.push(performance.now() - start);
  }
  const seconds = (performance.now() - began) / 1000;
  const after = usage();
  const lateEntries = (rounds - late) * batch;
  const readStart = performance.now();
  for (let read = 0; read < READS; read++) {
    const { key: at, offset } = layout.find(known[(read * 7919) % known.length]);
    const value = await db.get(at);
    if (value.subarray(offset, offset + bodyBytes).length !== bodyBytes)
      throw new Error("short read");
  }
  const readUs = ((performance.now() - readStart) * 1000) / READS;
  await db.close();
  const bytes = sizeOf(folder);
  const reopened = new Level(folder, OPTIONS);
  const openStart = performance.now();
  await reopened.open();
  const openMs = performance.now() - openStart;
  await reopened.close();
  rmSync(folder, { recursive: true });
  commits.sort((a, b) => a - b);
  return {
    entriesPerSecond: (rounds * batch) / seconds,
    lateCpuUs: (after.cpuUs - before.cpuUs) / lateEntries,
    lateKbWritten: (after.written - before.written) / lateEntries / 1000,
    commitP50: commits[Math.floor(commits.length / 2)],
    commitP99: commits[Math.floor(commits.length * 0.99)],
    readUs,
    bytesPerEntry: bytes / (rounds * batch),
    openMs,
  };
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

const results = new Map(Object.keys(LAYOUTS).map((name) => [name, []]));
for (let repeat = 0; repeat < repeats; repeat++) {
  for (const name of results.keys()) results.get(name).push(await measure(name));
}
console.log(
  `${rounds} rounds of ${batch} bodies of ${bodyBytes} bytes, synced; write buffer ${bufferMib} MiB, files ${fileMib} MiB; median of ${repeats}`,
);
console.table(
  Object.fromEntries(
    [...results].map(([name, runs]) => [
      name,
      Object.fromEntries(
        Object.keys(runs[0]).map((figure) => [
          figure,
          Number(median(runs.map((run) => run[figure])).toFixed(1)),
        ]),
      ),
    ]),
  ),
);
