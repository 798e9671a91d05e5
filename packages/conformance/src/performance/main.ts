// First light: one by one at one algorithm.
import { makeStatements } from "./statements.js";
import { measureLimit } from "./limit.js";
import { putLoad } from "./load.js";
import { usageOf } from "./meter.js";
import { ISSUER, Scene } from "./scene.js";

const count = Number(process.argv[2] ?? 20000);
const atOnce = Number(process.argv[3] ?? 64);
const scene = await Scene.make(["ES256"]);
try {
  const file = scene.at("es256");
  await makeStatements(file, {
    key: scene.key("ES256"),
    issuer: ISSUER,
    count,
    payloadBytes: 1024,
    salt: "a",
  });
  const limit = await measureLimit({
    file,
    key: scene.key("ES256").publicKey,
    issuer: ISSUER,
    answerBytes: 700,
    processes: 1,
    atOnce,
  });
  console.log(limit);
  const { url, pid } = await scene.serve();
  const before = usageOf(pid);
  const figures = await putLoad({ url, path: "/entries", bodies: file, processes: 1, atOnce });
  const after = usageOf(pid);
  console.log(
    figures,
    { cpuUs: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / figures.done, peak: after.peakMib },
    { ofLimit: figures.perSecond / limit.perSecond },
  );
} finally {
  await scene.clear();
}
