import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { PrivateKey, SequenceSplitter, decodeCbor, encodeHex, isCborArray } from "@tallystick/cose";
import { SignedStatement, signStatement } from "@tallystick/statement";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { request } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";

import { codeOf } from "./file.js";
import { TALLY } from "./testing/command.js";
import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const ISS = "https://issuer.example";
const COUNT = 5000;

let workspace: Workspace;
let statements: readonly Uint8Array[];

beforeAll(async () => {
  workspace = await Workspace.make();
  await workspace.must("init", "service");
  await workspace.must("keygen", "--alg", "EdDSA", "--out", "issuer.jwk");
  await workspace.must("trust", "add", "issuer.pub.jwk", "--iss", ISS, "--dir", "service");
  const key = PrivateKey.fromJwk(await workspace.json("issuer.jwk"));
  const filling = "x".repeat(4000);
  const signed: Uint8Array[] = [];
  for (let i = 0; i < COUNT; i++) {
    const payload = new TextEncoder().encode(`${i} ${filling}`);
    const claims = { issuer: ISS, subject: "batch", contentType: "text/plain" };
    signed.push(await signStatement({ payload, ...claims }, key));
  }
  statements = signed;
}, 240_000);

afterAll(() => workspace.remove());

/** Sends statements in one request, as fast as they are taken, and yields the EntryIDs acknowledged. */
async function acknowledged(url: string, some: readonly Uint8Array[]): Promise<string[]> {
  const headers = { "content-type": "application/cbor-seq" };
  const sent = request(`${url}/batch`, { method: "POST", headers, agent: false });
  sent.on("error", () => undefined);
  void write(sent, some);
  const found: string[] = [];
  const cutting = new SequenceSplitter();
  try {
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    for await (const piece of response as AsyncIterable<Uint8Array>) {
      for (const item of cutting.take(piece)) found.push(entryIdIn(item));
    }
  } catch (error) {
    // The server was killed; what has come counts.
    if (codeOf(error) !== "ECONNRESET") throw error;
  }
  return found;
}

async function write(sent: ClientRequest, some: readonly Uint8Array[]): Promise<void> {
  for (const statement of some) {
    if (sent.destroyed) return;
    if (sent.write(statement)) continue;
    await new Promise((resolve) => sent.once("drain", resolve).once("close", resolve));
  }
  sent.end();
}

/** Yields the EntryID of a result that has to be a registration. */
function entryIdIn(item: Uint8Array): string {
  const result = decodeCbor(item);
  const [entry, status] = isCborArray(result) ? result : [];
  if (status !== 201 || !(entry instanceof Uint8Array)) throw new Error("no registration");
  return encodeHex(entry);
}

function serveWith(prefix: string, options = ""): Promise<ServeProcess> {
  const unlimited = "--write-rate 0 --read-rate 0";
  const command = `${prefix} "${TALLY}" serve service --port 0 ${unlimited} ${options}`;
  return ServeProcess.startShell(workspace, command);
}

describe("a batch of 5,000 statements in one request", () => {
  test("killed in the middle: all that was acknowledged is there", async () => {
    const failpoint = "TALLYSTICK_FAILPOINT=released:6";
    const doomed = await serveWith(`${failpoint} exec "${process.execPath}"`, "--max-queued 256");
    const found = await acknowledged(doomed.url, statements);
    await doomed.running.ended;
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThan(COUNT);
    const server = await ServeProcess.start(workspace, "service", "--read-rate", "0");
    for (const entryId of found) {
      const response = await fetch(`${server.url}/entries/${entryId}`);
      await response.arrayBuffer();
      expect({ entryId, status: response.status }).toEqual({ entryId, status: 200 });
    }
    expect((await server.stop()).code).toBe(0);
  }, 240_000);

  test("is registered by a server with a small heap, once whatever came before", async () => {
    const server = await serveWith(`exec "${process.execPath}" --max-old-space-size=64`);
    const found = await acknowledged(server.url, statements);
    expect(found).toEqual(statements.map((bytes) => SignedStatement.decode(bytes).entryId));
    expect((await server.stop()).code).toBe(0);
    const { stdout } = await workspace.must("fsck", "service");
    expect(stdout).toMatch(/^sound: 5002 entries/);
  }, 240_000);
});

describe("tally register", () => {
  let server: ServeProcess;

  beforeAll(async () => {
    server = await ServeProcess.start(workspace, "service");
  });

  afterAll(() => server.stop());

  test("--async prints where the receipt will be, and tally receipt fetches it", async () => {
    await workspace.write("one.scitt", statements[0] ?? "");
    const { entryId } = SignedStatement.decode(statements[0] ?? new Uint8Array());
    const service = ["--service", server.url];
    const submitted = await workspace.must("register", "one.scitt", ...service, "--async");
    const location = `${server.url}/entries/${entryId}`;
    expect(submitted.stdout).toBe(`entryId: ${entryId}\nlocation: ${location}\n`);
    const receipt = ["receipt", entryId, ...service, "--out", "one.receipt", "--timeout", "30"];
    expect((await workspace.must(...receipt)).stdout).toContain(`entryId: ${entryId}\n`);
  });

  test("takes a folder, says what is refused, and writes the rest with receipts", async () => {
    await mkdir(workspace.at("many"));
    for (let i = 0; i < 300; i++) {
      const name = `many/${String(i).padStart(3, "0")}.scitt`;
      await workspace.write(name, statements[i] ?? "");
    }
    await workspace.write("many/010.scitt", "no statement");
    await workspace.write("many/note.txt", "no statement, and none to be registered");
    await workspace.write("many/old.transparent.scitt", "nor this");
    await workspace.must("keygen", "--alg", "ES256", "--out", "stranger.jwk");
    await workspace.must(
      ...["sign", "many/note.txt", "--key", "stranger.jwk", "--iss", "https://stranger.example"],
      ...["--sub", "x", "--type", "text/plain", "--out", "many/stranger.scitt"],
    );
    const register = ["register", "many", "--service", server.url, "--out", "registered"];
    const { code, stdout, stderr } = await workspace.tally(...register);
    expect(stdout).toBe("registered: 299\nrefused: 2\nwrote: registered, 299 files\n");
    expect(stderr).toMatch(
      /^010\.scitt: CLIENT_STATEMENT_MALFORMED: not a signed statement: .+\nstranger\.scitt: CLIENT_REFUSED: Rejected: .+\n$/,
    );
    expect(code).toBe(1);
    const names = await workspace.names("registered");
    expect(names).toHaveLength(299);
    for (const name of ["000", "299"]) {
      const written = SignedStatement.decode(
        await workspace.read(`registered/${name}.transparent.scitt`),
      );
      const signed = SignedStatement.decode(await workspace.read(`many/${name}.scitt`));
      expect([written.entryId, written.receipts.length]).toEqual([signed.entryId, 1]);
    }
  });
});

test("tally serve limits the rate of its clients as it is told", async () => {
  const rate = ["--write-rate", "0", "--read-rate", "1"];
  const server = await ServeProcess.start(workspace, "service", ...rate);
  const statuses = new Set<number>();
  for (let i = 0; i < 30; i++) statuses.add((await fetch(`${server.url}/version`)).status);
  expect(statuses).toEqual(new Set([200, 429]));
  await server.stop();
});
