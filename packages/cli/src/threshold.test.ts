import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { rm } from "node:fs/promises";

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
    expect(stderr).toMatch(/^verify it with: tally verify twins\.transparent --trust \S+\n$/);
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
    expect(stderr).toBe(
      "tally: VERIFIER_RECEIPTS_INSUFFICIENT: does not verify: trusted services that vouch: 1, want 2\n",
    );
  });
});

describe("tally attach", () => {
  const attach = (...args: readonly string[]): ReturnType<Workspace["tally"]> =>
    workspace.tally("attach", ...args, "--out", "attached.transparent");

  beforeAll(async () => {
    const { entryId } = SignedStatement.decode(await workspace.read("file.scitt"));
    await workspace.write("other", "other content");
    const claims = ["--key", "issuer.jwk", "--iss", ISS, "--sub", "o", "--type", "text/plain"];
    await workspace.must("sign", "other", ...claims, "--out", "other.scitt");
    for (const name of NAMES) {
      const of = ["--service", services[name].url];
      await workspace.must("receipt", entryId, ...of, "--out", `${name}.receipt`);
    }
    await workspace.write("red.json", JSON.stringify({ services: [await pinOf("red")] }));
    await workspace.must(
      ...["consistency", "2", "3", "--service", services.red.url, "--out", "grown.receipt"],
    );
  });

  const pinOf = async (name: string): Promise<unknown> => {
    const { services: pins } = await workspace.json("one.json");
    return (pins as readonly { readonly issuer: string }[]).find(({ issuer }) =>
      issuer.includes(name),
    );
  };

  test("attaches receipts of several services, each verified", async () => {
    const both = ["red.receipt", "blue.receipt", "--trust", "both.json", "--json"];
    const { code, stdout } = await attach("file.scitt", ...both);
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      {
        attached: [
          { file: "red.receipt", origin: "red.example/log", index: 2 },
          { file: "blue.receipt", origin: "blue.example/log", index: 2 },
        ],
        ...{ replaced: 0, receiptCount: 2, file: "attached.transparent" },
      },
    ]);
    await workspace.must("verify", "attached.transparent", "--trust", "both.json");
    const { receipts } = SignedStatement.decode(await workspace.read("attached.transparent"));
    expect(receipts).toEqual(
      await Promise.all(NAMES.map((name) => workspace.read(`${name}.receipt`))),
    );
  });

  test("keeps what a statement has, but for an older receipt of the same log", async () => {
    const { stdout } = await attach("both.transparent", "red.receipt", "--trust", "one.json");
    expect(stdout).toContain("receipts: 2, 1 of them in place of an older one");
    await workspace.must("verify", "attached.transparent", "--trust", "both.json");
  });

  test.each([
    ["of another statement", ["other.scitt", "red.receipt"], "one.json", 1, "red.receipt: "],
    ["of a log that is not pinned", ["file.scitt", "blue.receipt"], "red.json", 1, "no log that"],
    ["of consistency", ["file.scitt", "grown.receipt"], "one.json", 1, "grown.receipt: "],
    ["that is none", ["file.scitt", "file.scitt"], "one.json", 1, "file.scitt: "],
    ["to what is no statement", ["file", "red.receipt"], "one.json", 1, "tally: "],
    ["that is not there", ["file.scitt", "missing"], "one.json", 2, "cannot read missing"],
    ["not at all", ["file.scitt"], "one.json", 3, "receipts"],
    [
      "the good ones neither, if one is bad",
      ["file.scitt", "red.receipt", "grown.receipt"],
      ...(["one.json", 1, "grown.receipt: "] as const),
    ],
  ] as const)("does not attach one %s", async (...[, files, trust, code, says]) => {
    await rm(workspace.at("attached.transparent"), { force: true });
    const outcome = await attach(...files, "--trust", trust);
    expect([outcome.code, outcome.stderr]).toEqual([code, expect.stringContaining(says)]);
    expect(await workspace.names()).not.toContain("attached.transparent");
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
