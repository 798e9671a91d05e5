import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { SignedStatement } from "@tallystick/statement";

import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

const ISS = "https://issuer.example";
const IDENTITY = ["--key", "issuer.jwk", "--iss", ISS, "--sub", "a", "--type", "a/b"];

let workspace: Workspace;
let server: ServeProcess;
let service: readonly string[];
let entryId: string;

async function sign(name: string, ...options: readonly string[]): Promise<void> {
  await workspace.write(name, `{"name":"${name}"}`);
  await workspace.must(
    ...["sign", name, "--key", "issuer.jwk", "--iss", ISS, "--sub", name],
    ...["--type", "application/json", ...options, "--out", `${name}.scitt`],
  );
}

beforeAll(async () => {
  workspace = await Workspace.make();
  await workspace.must("init", "service", "--origin", "tallystick.local/log");
  server = await ServeProcess.start(workspace, "service");
  service = ["--service", server.url];
  await workspace.must("keygen", "--alg", "ES256", "--out", "issuer.jwk");
  await workspace.must(
    ...["trust", "add", "issuer.pub.jwk", "--iss", ISS, ...service],
    ...["--operator", "service/keys/operator.jwk"],
  );
  await sign("first.json");
  await sign("second.json", "--hash", "sha-256");
  await workspace.must("register", "first.json.scitt", ...service, "--out", "first.transparent");
  await workspace.must("trust", "export", ...service, "--out", "trust.json");
  ({ entryId } = SignedStatement.decode(await workspace.read("first.json.scitt")));
});

afterAll(async () => {
  await server.stop();
  await workspace.remove();
});

describe("register", () => {
  test("writes the transparent statement and says where it stands", async () => {
    await sign("third.json");
    const { code, stdout, stderr } = await workspace.tally(
      ...["register", "third.json.scitt", ...service, "--out", "third.transparent"],
    );
    const statement = SignedStatement.decode(await workspace.read("third.transparent"));
    expect(code).toBe(0);
    expect(stdout).toBe(
      `entryId: ${statement.entryId}\nindex: 3\nsize: 4\nwrote: third.transparent\n`,
    );
    expect(stderr).toBe("verify it with: tally verify third.transparent --trust TRUST\n");
    expect(statement.receipts).toHaveLength(1);
    expect(statement.normalised).toEqual(await workspace.read("third.json.scitt"));
  });

  test("again answers with the entry that exists, and replaces the receipt", async () => {
    const { stdout, stderr } = await workspace.must(
      ...["register", "first.transparent", ...service, "--out", "again.transparent"],
    );
    expect(stderr).toBe(
      "replaced the older receipt of http://127.0.0.1:8000, log tallystick.local/log\nverify it with: tally verify again.transparent --trust TRUST\n",
    );
    expect(stdout).toMatch(new RegExp(`^entryId: ${entryId}\nindex: 2\n`));
    const { receipts } = SignedStatement.decode(await workspace.read("again.transparent"));
    expect(receipts).toHaveLength(1);
  });

  test("signs a file first with --key, and says how to verify it", async () => {
    await workspace.write("direct.json", '{"direct":true}');
    const signing = ["--key", "issuer.jwk", "--iss", ISS, "--sub", "direct"];
    const { stdout, stderr } = await workspace.must(
      ...["register", "direct.json", ...signing, "--type", "application/json"],
      ...["--trust", "trust.json", ...service, "--out", "direct.transparent"],
    );
    const statement = SignedStatement.decode(await workspace.read("direct.transparent"));
    expect(statement.claims).toMatchObject({ issuer: ISS, subject: "direct" });
    const where = "index: \\d+\\nsize: \\d+\\nwrote: direct\\.transparent";
    expect(stdout).toMatch(new RegExp(`^entryId: ${statement.entryId}\\n${where}\\n$`));
    const advice = /^verify it with: tally (verify .+)\n$/.exec(stderr)?.[1] ?? "";
    expect(advice).toBe("verify direct.transparent --trust trust.json --payload direct.json");
    await workspace.must(...advice.split(" "));
  });

  test.each([
    [["first.json", "--key", "issuer.jwk"], "to sign takes all of --key, --iss, --sub and --type"],
    [["first.json", "--type", "a/b"], "to sign takes all of --key, --iss, --sub and --type"],
    [[".", ...IDENTITY], "--key is for one file, and . is a folder"],
  ])("does not sign with less than it takes: %j", async (args, says) => {
    const { code, stderr } = await workspace.tally("register", ...args, ...service, "--out", "no");
    expect([code, stderr]).toEqual([
      ...[3, `tally: CLI_USAGE: ${says}; see tally register --help\n`],
    ]);
  });

  test("says title and detail of a refusal, and writes nothing", async () => {
    await workspace.must("keygen", "--alg", "ES256", "--out", "stranger.jwk");
    await workspace.must(
      ...["sign", "first.json", "--key", "stranger.jwk", "--iss", "https://stranger.example"],
      ...["--sub", "x", "--type", "application/json", "--out", "stranger.scitt"],
    );
    const { code, stdout, stderr } = await workspace.tally(
      ...["register", "stranger.scitt", ...service, "--out", "stranger.transparent"],
    );
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^tally: CLIENT_REFUSED: Rejected: .+\n$/);
    expect(await workspace.names()).not.toContain("stranger.transparent");
  });

  test("does not send what is no statement", async () => {
    const { code, stderr } = await workspace.tally(
      ...["register", "first.json", ...service, "--out", "none"],
    );
    expect(code).toBe(1);
    expect(stderr).toContain("tally: CLIENT_STATEMENT_MALFORMED: not a signed statement: ");
  });
});

describe("receipt", () => {
  test("fetches a fresh one", async () => {
    const { code, stdout, stderr } = await workspace.tally(
      ...["receipt", entryId, ...service, "--out", "first.receipt"],
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`^entryId: ${entryId}\nindex: 2\nsize: \\d+\nwrote: first.receipt\n$`),
    );
    expect(stderr).toBe("");
    const shown = await workspace.must("inspect", "first.receipt");
    expect(shown.stderr).toMatch(
      /^COSE_Sign1, ES256, receipt of inclusion of http:\/\/127\.0\.0\.1:8000, log tallystick\.local\/log, tree size \d+, thumbprint [\w-]{43}, not verified\n$/,
    );
  });

  test("says that an entry is unknown", async () => {
    const unknown = "0".repeat(64);
    const { code, stderr } = await workspace.tally(
      ...["receipt", unknown, ...service, "--out", "none"],
    );
    expect(code).toBe(1);
    expect(stderr).toBe(
      `tally: CLIENT_REFUSED: Not Found: Receipt with entry ID ${unknown} not known to this Transparency Service\n`,
    );
    expect(await workspace.names()).not.toContain("none");
  });
});

describe("verify", () => {
  test("says yes, step by step", async () => {
    const { code, stdout, stderr } = await workspace.tally(
      ...["verify", "first.transparent", "--trust", "trust.json", "--payload", "first.json"],
    );
    const { kid } = await workspace.json("issuer.pub.jwk");
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout.split("\n").map((line) => line.replace(/ root .*$/, " root"))).toEqual([
      `verified statement: well-formed, entry ${entryId}`,
      "verified receipt: http://127.0.0.1:8000 vouches: entry at index 2 of a tree of size 3, root",
      `verified issuer: signature of ${ISS} holds, by its key ${String(kid)}`,
      "verified artifact: the file is what the statement is about",
      `yes: statement of ${ISS} about first.json: trusted services that vouch 1; and the issuer's signature holds`,
      "",
    ]);
  });

  test("says that the issuer was not looked at where none is pinned", async () => {
    const { services } = await workspace.json("trust.json");
    await workspace.write("services.json", JSON.stringify({ services }));
    const args = ["verify", "first.transparent", "--trust", "services.json"];
    const { stdout } = await workspace.must(...args);
    expect(stdout).toContain("\nskipped  issuer: no issuer keys are pinned, the statement's own");
    expect(stdout).toMatch(/; the issuer's own signature was not verified\n$/);
    const json = await workspace.must(...args, "--json");
    const nothing = { isIssuerVerified: false, identity: null, judgedAt: null };
    expect(JSON.parse(json.stdout)).toMatchObject(nothing);
  });

  test("verifies the issuer's signature where issuers are pinned", async () => {
    const trust = await workspace.json("trust.json");
    const issuers = [{ iss: ISS, keys: [await workspace.json("issuer.pub.jwk")] }];
    await workspace.write("issuers.json", JSON.stringify({ ...trust, issuers }));
    const { code, stdout } = await workspace.tally(
      ...["verify", "first.transparent", "--trust", "issuers.json", "--json"],
    );
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as Record<string, unknown>;
    expect(stdout.split("\n")).toHaveLength(2);
    expect(result).toMatchObject({
      verified: true,
      entryId,
      issuer: ISS,
      subject: "first.json",
      isIssuerVerified: true,
      identity: { kind: "key" },
      receipts: [
        {
          issuer: "http://127.0.0.1:8000",
          origin: "tallystick.local/log",
          index: 2,
          size: 3,
          isSizeSigned: true,
        },
      ],
    });
  });

  test("compares the file with a hash envelope", async () => {
    await workspace.must(
      "register",
      "second.json.scitt",
      ...service,
      "--out",
      "second.transparent",
    );
    const args = ["verify", "second.transparent", "--trust", "trust.json", "--payload"];
    expect((await workspace.tally(...args, "second.json")).code).toBe(0);
    const { code, stderr } = await workspace.tally(...args, "first.json");
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^tally: VERIFIER_ARTIFACT_MISMATCH: does not verify: sha-256 of the file is [0-9a-f]+…, /,
    );
  });

  test("says no to another file, also as JSON", async () => {
    const args = ["verify", "first.transparent", "--trust", "trust.json", "--payload"];
    const { code, stdout, stderr } = await workspace.tally(...args, "second.json", "--json");
    expect(code).toBe(1);
    expect(stderr).toBe(
      "tally: VERIFIER_ARTIFACT_MISMATCH: does not verify: file is not the payload inside\n",
    );
    const result = JSON.parse(stdout) as { steps: { step: string; outcome: string }[] };
    expect(result).toMatchObject({
      verified: false,
      error: { code: "VERIFIER_ARTIFACT_MISMATCH", message: "file is not the payload inside" },
    });
    expect(result.steps.at(-1)).toMatchObject({ step: "artifact", outcome: "failed" });
  });

  test("says no to any flipped bit", async () => {
    const bytes = await workspace.read("first.transparent");
    const positions = [0, 20, 120, 200, 300, 400, bytes.length - 1];
    for (const at of positions) {
      const broken = bytes.slice();
      broken[at] = (broken[at] ?? 0) ^ 1;
      await workspace.write("broken.transparent", broken);
      const args = ["verify", "broken.transparent", "--trust", "issuers.json"];
      const { code, stderr } = await workspace.tally(...args);
      expect([at, code]).toEqual([at, 1]);
      expect(stderr).toMatch(/^tally: VERIFIER_[A-Z_]+: does not verify: .+\n$/);
    }
  });

  test("says no without a receipt, and without a pinned service", async () => {
    const bare = await workspace.tally("verify", "first.json.scitt", "--trust", "trust.json");
    expect(bare.code).toBe(1);
    expect(bare.stderr).toBe(
      "tally: VERIFIER_RECEIPTS_MISSING: does not verify: the statement carries no receipt\n",
    );
    const services = [
      {
        issuer: "http://127.0.0.1:8000",
        origin: "tallystick.local/log",
        keys: [await workspace.json("issuer.pub.jwk")],
      },
    ];
    await workspace.write("other.json", JSON.stringify({ services }));
    const other = await workspace.tally("verify", "first.transparent", "--trust", "other.json");
    expect(other.code).toBe(1);
    expect(other.stdout).toContain("skipped  receipt: ");
  });
});

describe("consistency", () => {
  test("is fetched and verified from an older statement", async () => {
    const fetched = await workspace.tally(
      ...["consistency", "3", "4", ...service, "--out", "grown.receipt"],
    );
    expect(fetched.code).toBe(0);
    expect(fetched.stdout).toBe("wrote: grown.receipt\n");
    const args = ["verify", "grown.receipt", "--trust", "trust.json", "--since"];
    const { code, stdout } = await workspace.tally(...args, "first.transparent");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /\nverified consistency: http:\/\/127\.0\.0\.1:8000 vouches: size 4 extends size 3, root [0-9a-f]{64}\nyes: the log tallystick\.local\/log of size 4 extends the one of size 3\n$/,
    );
    const json = await workspace.tally(...args, "first.transparent", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({
      verified: true,
      oldSize: 3,
      newSize: 4,
      steps: [
        { step: "statement" },
        { step: "receipt" },
        { step: "issuer" },
        { step: "consistency", outcome: "verified" },
      ],
    });
  });

  test.each([
    ["a statement of another size", ["grown.receipt", "third.transparent"], "trusted tree has 4"],
    ["a receipt of inclusion", ["first.receipt", "first.transparent"], "receipt of inclusion"],
    ["a statement for the receipt", ["first.json.scitt", "first.transparent"], "no vds"],
    ["no receipt at all", ["first.json", "first.transparent"], "does not verify: "],
    ["an older statement without one", ["grown.receipt", "first.json.scitt"], "no receipt"],
  ])("says no to %s", async (_, [receipt = "", since = ""], says) => {
    const args = ["verify", receipt, "--trust", "trust.json", "--since", since];
    const { code, stdout, stderr } = await workspace.tally(...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^tally: VERIFIER_[A-Z_]+: does not verify: .+\n$/);
    expect(stderr).toContain(says);
    if (since !== "first.json.scitt") expect(stdout).toMatch(/\nfailed {3}consistency: .+\n$/);
  });

  test.each([
    ["grown.receipt", "consistency", "verify it with --since and an older statement"],
    [
      "first.receipt",
      "inclusion",
      "verify the statement that carries it, as tally register writes it",
    ],
  ])("%s on its own is said to be no statement", async (file, kind, advice) => {
    const { code, stderr } = await workspace.tally("verify", file, "--trust", "trust.json");
    expect(code).toBe(1);
    expect(stderr).toBe(
      `tally: VERIFIER_RECEIPTS_MISSING: does not verify: this is a receipt of ${kind}, not a statement; ${advice}\n`,
    );
  });

  test("says no as JSON as well", async () => {
    const args = ["verify", "grown.receipt", "--trust", "trust.json", "--since"];
    const old = await workspace.tally(...args, "third.transparent", "--json");
    expect(old.code).toBe(1);
    expect(JSON.parse(old.stdout)).toMatchObject({
      verified: false,
      error: { code: "VERIFIER_CONSISTENCY_UNVERIFIED" },
      steps: [
        { step: "statement", outcome: "verified" },
        { step: "receipt", outcome: "verified" },
        { step: "issuer", outcome: "verified" },
        { step: "consistency", outcome: "failed", code: "RECEIPT_CONSISTENCY_INVALID" },
      ],
    });
  });

  test("cannot start from a receipt of another log", async () => {
    const trust = await workspace.json("trust.json");
    const [service] = trust["services"] as Record<string, unknown>[];
    // The same key pinned for another log: the receipt of consistency then is not of this one.
    const services = [{ ...service, origin: "another.example/log", note: undefined }];
    await workspace.write("another.json", JSON.stringify({ services }));
    const args = ["verify", "grown.receipt", "--trust", "another.json", "--since"];
    const { code, stdout } = await workspace.tally(...args, "first.transparent", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "VERIFIER_RECEIPTS_INSUFFICIENT" } });
  });

  test("is refused for a size that was never signed", async () => {
    const { code, stderr } = await workspace.tally(
      ...["consistency", "3", "4000", ...service, "--out", "none"],
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/^tally: CLIENT_REFUSED: Not Found: /);
  });
});
