import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { PublicKey } from "@tallystick/cose";
import { VerifierKey } from "@tallystick/tlog";
import type { RunningWitness } from "@tallystick/witness";

import { Registrant } from "./testing/load.js";
import { startWitness } from "./testing/running-witness.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const LOADED = 4;

let workspace: Workspace;
let witness: RunningWitness;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("init", "service");
  const { origin } = (await workspace.json("service/config.json")) as { readonly origin: string };
  const jwk = (await workspace.json("service/keys/note.pub.jwk")) as { readonly x: string };
  const publicKey = PublicKey.fromJwk({ kty: "OKP", crv: "Ed25519", x: jwk.x });
  const noteKey = VerifierKey.of(origin, "ed25519", publicKey).format();
  const made = ["witness", "init", "w", "--alg", "EdDSA", "--name", "witness.example/w"];
  const { stdout } = await workspace.must(...made);
  await workspace.must("witness", "add-log", "w", noteKey);
  witness = await startWitness(workspace.at("w"));
  const vkey = stdout.trim();
  await workspace.write("policy", `log ${noteKey}\nwitness w ${vkey} ${witness.url}\nquorum w\n`);
}, 60_000);

afterAll(() => workspace.remove());

test("what is registered while the witnesses are down is followed, and told to be ahead", async () => {
  const registrant = await Registrant.admit(workspace, "service");
  const asking = ["--witness-policy", "policy", "--witness-mode", "required", "--read-rate", "0"];
  const server = await ServeProcess.start(workspace, "service", ...asking);
  const published = async (): Promise<Response> => fetch(`${server.url}/checkpoint`);
  while ((await published()).status !== 200) await new Promise((done) => setImmediate(done));
  const [, size] = (await (await published()).text()).split("\n");
  await workspace.must("trust", "export", "--service", server.url, "--out", "trust.json");
  await witness.close();
  expect(await registrant.registerAll(server.url, "hidden", LOADED)).toBe(LOADED);
  const pinned = ["--trust", "trust.json", "--witness-policy", "policy"];
  const rest = ["--state", "log.state", "--once", "--watch-subject", "load", ...pinned];
  const { stdout } = await workspace.must("monitor", server.url, ...rest);
  const newest = Number(size) + LOADED;
  expect(stdout.split("\n").filter((line) => /\bload\b/.test(line))).toHaveLength(LOADED);
  expect(stdout).toContain(`sound: ${newest} entries checked`);
  expect(stdout).toContain(`published: ${String(size)} entries, ${LOADED} behind`);
  const copy = await workspace.must("mirror", server.url, "copy", ...pinned, "--json");
  expect(JSON.parse(copy.stdout)).toMatchObject({ size: Number(size), latest: newest });
  const shown = await workspace.must("checkpoint", "--service", server.url, ...pinned, "--json");
  expect(JSON.parse(shown.stdout)).toMatchObject({ size: newest, witnessed: Number(size) });
  expect((await server.stop()).code).toBe(0);
}, 60_000);
