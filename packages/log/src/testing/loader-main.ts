// Appends synthetic entries to the log of a closed service:
//
//   node packages/log/dist/testing/loader-main.js DIR ENTRIES [--bytes N] [--round N] [--from N] [--signed]
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { encodeCbor, PrivateKey } from "@tallystick/cose";

import { loadEntries, syntheticRequests } from "./loader.js";

interface Config {
  readonly issuer: string;
  readonly origin: string;
  readonly anchor?: string;
}

const NOTED_EVERY = 100_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bytes: { type: "string", default: "256" },
    round: { type: "string", default: "1024" },
    // Number of the first entry: entries of another number are other entries.
    from: { type: "string", default: "0" },
    signed: { type: "boolean", default: false },
  },
});
const [dir = ".", count = "10000"] = positionals;

async function readJson(name: string): Promise<unknown> {
  return JSON.parse(await readFile(join(dir, name), "utf8"));
}

const { issuer, origin, anchor = "anchor" } = (await readJson("config.json")) as Config;
const signer = PrivateKey.fromJwk(await readJson(join("keys", "receipt.jwk")));
const time = Math.floor(Date.now() / 1000);
// As long as that of a service: time of admission and policy.
const collateral = encodeCbor(
  new Map<string, number | Uint8Array>([
    ["time", time],
    ["policy", new Uint8Array(32)],
  ]),
);
const from = Number(values.from);
const requestOf = syntheticRequests({
  bytes: Number(values.bytes),
  collateral,
  signer: values.signed ? await PrivateKey.generate("ES256") : undefined,
});
let noted = 0;
await loadEntries({
  log: join(dir, "log"),
  anchor: resolve(dir, anchor),
  ...{ issuer, origin, signer },
  entries: Number(count),
  entriesPerRound: Number(values.round),
  requestOf: (n) => requestOf(from + n),
  now: () => time,
  onProgress: (entries) => {
    if (entries - noted < NOTED_EVERY) return;
    noted = entries;
    console.error(`${entries} of ${count}`);
  },
});
