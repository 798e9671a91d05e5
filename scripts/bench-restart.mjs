// How long does a service take to start again? Loads logs of several sizes, starts `tally serve` on
// each, kills it, and starts it again; prints a table and JSON:
//
//   node scripts/bench-restart.mjs [--large] [--sizes N,N] [--repeats N] [--reuse DIR] [--against TALLY]
//
// --against takes turns with the command of another build, `packages/cli/bin/tally.js` there. --large adds ten million entries, which take the loader some ten minutes and 6 GiB; --reuse measures
// a service that is there and stopped, to which it adds an issuer and one statement a start.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { cpus, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { PrivateKey } from "../packages/cose/dist/index.js";
import { signStatement } from "../packages/statement/dist/index.js";

const TALLY = fileURLToPath(new URL("../packages/cli/bin/tally.js", import.meta.url));
const LOADER = fileURLToPath(
  new URL("../packages/log/dist/testing/loader-main.js", import.meta.url),
);
const ISSUER = "https://issuer.example";
const LARGE = 10_000_000;

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "10000,1000000" },
    large: { type: "boolean", default: false },
    repeats: { type: "string", default: "5" },
    bytes: { type: "string", default: "128" },
    reuse: { type: "string" },
    against: { type: "string" },
  },
});
const repeats = Number(values.repeats);
const sizes = [...values.sizes.split(",").map(Number), ...(values.large ? [LARGE] : [])];
const issuer = await PrivateKey.generate("ES256");

/** Runs a program to its end, which must be a good one. */
async function run(program, ...args) {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}`);
}

/** CPU time and reads of a process so far; Linux only. Tables that are mapped are no reads. */
function usageOf(pid) {
  try {
    const io = readFileSync(`/proc/${pid}/io`, "utf8");
    const of = (name) => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(io)?.[1]);
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
    // User and system time, in hundredths of a second.
    return {
      cpu: 10 * (Number(stat[11]) + Number(stat[12])),
      calls: of("syscr"),
      bytes: of("rchar"),
    };
  } catch {
    return { cpu: NaN, calls: NaN, bytes: NaN };
  }
}

/** Gets, or posts a statement. */
async function exchange(url, statement) {
  const headers = { "content-type": "application/cose" };
  const posted = statement === undefined ? {} : { method: "POST", headers };
  const asked = request(url, posted).end(statement);
  const [answer] = await once(asked, "response");
  return { status: answer.statusCode, body: Buffer.concat(await answer.toArray()) };
}

/** Starts a server, measures, and kills it, so that the next one recovers. */
async function restart(tally, dir, statement) {
  const began = performance.now();
  const child = spawn(process.execPath, [tally, "serve", dir, "--port", "0", "--scrub-rate", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  try {
    const url = await new Promise((resolve, reject) => {
      let said = "";
      child.stdout.setEncoding("utf8").on("data", (text) => {
        said += text;
        const match = /^listening on (\S+)$/m.exec(said);
        if (match !== null) resolve(match[1]);
      });
      child.once("exit", (code) => reject(new Error(`tally serve ended with ${code}`)));
    });
    const head = await exchange(`${url}/checkpoints/latest`);
    const serving = performance.now() - began;
    const used = usageOf(child.pid);
    const registered = await exchange(`${url}/entries`, statement);
    const ready = performance.now() - began;
    if (head.status !== 200 || registered.status !== 201) {
      throw new Error(`answers ${head.status} and ${registered.status}`);
    }
    const { size } = JSON.parse((await exchange(`${url}/health`)).body.toString());
    return { size, serving, ready, ...used };
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

function medianOf(all) {
  return [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)];
}

/** How often as long the other build takes; by CPU time as well, which other work disturbs less. */
function ratiosOf({ servingMs, cpuMs, againstMs, againstCpuMs }) {
  if (againstMs === undefined) return {};
  const ratio = (other, own) => Number((medianOf(other) / medianOf(own)).toFixed(2));
  return {
    "the other, of it": ratio(againstMs, servingMs),
    "its CPU, of it": ratio(againstCpuMs, cpuMs),
  };
}

async function measure(dir) {
  const file = join(folder, "issuer.pub.jwk");
  writeFileSync(file, JSON.stringify(issuer.publicKey.toJwk()));
  await run(TALLY, "trust", "add", file, "--iss", ISSUER, "--dir", dir);
  const starts = [];
  const others = [];
  const bare = [];
  let made = 0;
  const statement = () => {
    const payload = Buffer.from(`{"start":${made++}}`);
    const claims = { issuer: ISSUER, subject: "start", contentType: "application/json" };
    return signStatement({ ...claims, payload }, issuer);
  };
  for (let i = 0; i < repeats; i++) {
    // What any command costs before it does anything, in the same minute.
    const began = performance.now();
    await run(TALLY, "--version");
    bare.push(Math.round(performance.now() - began));
    if (values.against !== undefined) {
      others.push(await restart(resolve(values.against), dir, await statement()));
    }
    starts.push(await restart(TALLY, dir, await statement()));
  }
  const times = (of) => starts.map(of).map(Math.round);
  const against = {
    againstMs: others.map(({ serving }) => Math.round(serving)),
    againstCpuMs: others.map(({ cpu }) => cpu),
  };
  return {
    entries: starts.at(-1).size,
    versionMs: bare,
    servingMs: times(({ serving }) => serving),
    readyMs: times(({ ready }) => ready),
    cpuMs: times(({ cpu }) => cpu),
    ...(others.length > 0 && against),
    readCalls: medianOf(starts.map(({ calls }) => calls)),
    readMib: Number((medianOf(starts.map(({ bytes }) => bytes)) / 2 ** 20).toFixed(1)),
  };
}

const folder = mkdtempSync(join(tmpdir(), "tally-restart-"));
const results = [];
try {
  if (values.reuse !== undefined) results.push(await measure(values.reuse));
  else {
    for (const size of sizes) {
      const dir = join(folder, String(size));
      await run(TALLY, "init", dir, "--issuer", "https://log.example");
      await run(LOADER, dir, String(size), "--bytes", values.bytes);
      results.push(await measure(dir));
      rmSync(dir, { recursive: true });
    }
  }
  console.table(
    results.map(
      ({ entries, versionMs, servingMs, readyMs, cpuMs, readCalls, readMib, ...other }) => ({
        entries,
        "serving, ms": medianOf(servingMs),
        ...ratiosOf({ servingMs, cpuMs, ...other }),
        "slowest, ms": Math.max(...servingMs),
        "of tally --version": Number((medianOf(servingMs) / medianOf(versionMs)).toFixed(1)),
        "registered, ms": medianOf(readyMs),
        "CPU until serving, ms": medianOf(cpuMs),
        "read calls": readCalls,
        "read, MiB": readMib,
      }),
    ),
  );
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "?"}`;
  console.log(JSON.stringify({ machine, node: process.version, repeats, results }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
