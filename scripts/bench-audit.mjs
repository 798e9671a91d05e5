// How fast is a log replayed? Makes one in memory through the real service, replays it, and sets the
// rate against what the machine verifies at all, in the same run: other work on it slows both.
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { audit } from "../packages/auditor/dist/index.js";
import { PrivateKey, decodeSign1, verifySign1 } from "../packages/cose/dist/index.js";
import { MemoryAnchor, MemoryStore } from "../packages/log/dist/index.js";
import { firstPolicy } from "../packages/policy/dist/index.js";
import { TransparencyService } from "../packages/server/dist/index.js";
import { signStatement } from "../packages/statement/dist/index.js";

const { values } = parseArgs({
  options: {
    entries: { type: "string", default: "4096" },
    alg: { type: "string", default: "ES256" },
    repeats: { type: "string", default: "3" },
  },
});
const [entries, repeats] = [Number(values.entries), Number(values.repeats)];
const AT_ONCE = 128;
const ISSUER = "https://log.example";
const VENDOR = "https://vendor.example";

const [operator, receipt, vendor] = await Promise.all(
  [values.alg, values.alg, values.alg].map((alg) => PrivateKey.generate(alg)),
);
const first = {
  ...firstPolicy({ iss: ISSUER, key: operator.publicKey }),
  issuers: [{ iss: VENDOR, keys: [vendor.publicKey.toJwk()] }],
};
const service = await TransparencyService.create(
  {
    store: new MemoryStore(),
    anchor: new MemoryAnchor(),
    issuer: ISSUER,
    origin: "log.example/bench",
    signer: receipt,
  },
  operator,
  first,
);

async function inGroups(count, act) {
  for (let at = 0; at < count; at += AT_ONCE) {
    const length = Math.min(AT_ONCE, count - at);
    await Promise.all(Array.from({ length }, (_, i) => act(at + i)));
  }
}

const statements = [];
await inGroups(entries, async (n) => {
  const payload = Buffer.from(`{"artifact":${n}}`.padEnd(512));
  const claims = { issuer: VENDOR, subject: `artifact/${n}` };
  statements[n] = await signStatement(
    { payload, contentType: "application/json", ...claims },
    vendor,
  );
});
await inGroups(entries, (n) => service.register(statements[n]));

// The clock says what a machine that is shared let through; the processor time is the work itself.
async function costOf(count, act) {
  const [began, spent] = [performance.now(), process.cpuUsage()];
  await act();
  const { user, system } = process.cpuUsage(spent);
  return {
    rate: (count * 1000) / (performance.now() - began),
    micros: (user + system) / count,
  };
}

const messages = statements.map((bytes) => decodeSign1(bytes));
const rows = [];
for (let repeat = 1; repeat <= repeats; repeat++) {
  const verify = await costOf(entries, () =>
    inGroups(entries, (n) => verifySign1(messages[n], vendor.publicKey)),
  );
  let counts;
  const replay = await costOf(service.size(), async () => {
    const trust = { receiptKeys: [receipt.publicKey] };
    const { report } = await audit(service.log.replay(), trust);
    if (!report.isComplete) throw new Error("not replayed whole");
    ({ counts } = report);
  });
  rows.push({
    "entries/s": Math.round(replay.rate),
    "CPU us": Math.round(replay.micros),
    "verifications/s": Math.round(verify.rate),
    "their CPU us": Math.round(verify.micros),
    share: Number((verify.micros / replay.micros).toFixed(2)),
    checkpoints: counts.checkpoints,
  });
}
await service.close();
console.log(`${entries} statements of ${values.alg}, source in process`);
console.table(rows);
