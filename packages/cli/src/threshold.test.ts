import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SignedStatement } from "@tallystick/statement";

import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const ISS = "https://issuer.example";
const NAMES = ["red", "blue"] as const;

let workspace: Workspace;
let services: Record<(typeof NAMES)[number], ServeProcess>;

async function started(dir: string, name = dir): Promise<ServeProcess> {
  await workspace.must("init", dir, "--issuer", `https://${name}.example`);
  await workspace.must("trust", "add", "issuer.pub.jwk", "--iss", ISS, "--dir", dir);
  return ServeProcess.start(workspace, dir);
}

async function register(name: (typeof NAMES)[number], from: string, out: string): Promise<void> {
  await workspace.must("register", from, "--service", services[name].url, "--out", out);
}

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must("keygen", "--alg", "ES256", "--out", "issuer.jwk");
  services = { red: await started("red"), blue: await started("blue") };
  const pins = await Promise.all(
    NAMES.map(async (name) => ({
      issuer: `https://${name}.example`,
      origin: `${name}.example/log`,
      keys: [await workspace.json(`${name}/keys/receipt.pub.jwk`)],
    })),
  );
  await workspace.write("one.json", JSON.stringify({ services: pins, requireReceipts: 1 }));
  await workspace.write("both.json", JSON.stringify({ services: pins, requireReceipts: 2 }));
  await workspace.write("file", "content");
  await workspace.must(
    ...["sign", "file", "--key", "issuer.jwk", "--iss", ISS, "--sub", "file"],
    ...["--type", "text/plain", "--out", "file.scitt"],
  );
  await register("red", "file.scitt", "red.transparent");
  await register("blue", "red.transparent", "both.transparent");
});

afterAll(() => workspace.remove());

describe("a statement registered with two services", () => {
  test("keeps the receipt of the first", async () => {
    const { receipts } = SignedStatement.decode(await workspace.read("both.transparent"));
    expect(receipts).toHaveLength(2);
    const { code, stdout } = await workspace.tally(
      ...["verify", "both.transparent", "--trust", "both.json"],
    );
    expect(code).toBe(0);
    expect(stdout).toContain("trusted services that vouch 2;");
  });

  test("keeps it although the second goes by the same names", async () => {
    const twin = await started("twin", "red");
    const { stderr } = await workspace.must(
      ...["register", "red.transparent", "--service", twin.url, "--out", "twins.transparent"],
    );
    expect(stderr).toBe("wrote twins.transparent\n");
    const { receipts } = SignedStatement.decode(await workspace.read("twins.transparent"));
    const [first] = SignedStatement.decode(await workspace.read("red.transparent")).receipts;
    expect(receipts).toHaveLength(2);
    expect(receipts[0]).toEqual(first);
    await workspace.must("verify", "twins.transparent", "--trust", "one.json");
  });

  test("does not count a service twice", async () => {
    await register("red", "red.transparent", "twice.transparent");
    const { code, stderr } = await workspace.tally(
      ...["verify", "twice.transparent", "--trust", "both.json"],
    );
    expect(code).toBe(1);
    expect(stderr).toBe("tally: does not verify: trusted services that vouch: 1, want 2\n");
  });
});

describe("a receipt of consistency", () => {
  test("of a log that the older statement has no receipt of proves nothing", async () => {
    await workspace.must(
      ...["consistency", "2", "3", "--service", services.blue.url, "--out", "blue.receipt"],
    );
    const args = ["verify", "blue.receipt", "--trust", "one.json", "--json", "--since"];
    const other = await workspace.tally(...args, "red.transparent");
    expect(other.code).toBe(1);
    expect(JSON.parse(other.stdout)).toMatchObject({
      verified: false,
      error: { code: "CLI_SINCE_UNUSABLE" },
      steps: [
        { step: "statement", outcome: "verified" },
        { step: "receipt", outcome: "verified" },
        { step: "issuer", outcome: "skipped" },
        { step: "consistency", outcome: "failed", code: "CLI_SINCE_UNUSABLE" },
      ],
    });
  });
});
