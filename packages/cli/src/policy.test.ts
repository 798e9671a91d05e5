import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdir } from "node:fs/promises";

import { ServeProcess } from "./testing/server.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;
let server: ServeProcess;

const policy = (...args: readonly string[]): ReturnType<Workspace["tally"]> =>
  workspace.tally("policy", ...args);

const operator = ["--operator", "service/keys/operator.jwk"];

async function sign(key: string, iss: string, out: string): Promise<void> {
  await workspace.write("artifact.txt", "artifact");
  await workspace.must(
    ...["sign", "artifact.txt", "--key", key, "--iss", iss, "--sub", "a/b"],
    ...["--type", "text/plain", "--out", out],
  );
}

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  for (const name of ["vendor", "second"]) {
    await workspace.must("keygen", "--alg", "ES256", "--out", `${name}.jwk`);
  }
  const issuers = [
    { iss: "https://vendor.example", keys: [await workspace.json("vendor.pub.jwk")] },
  ];
  const first = { format: "tallystick-policy/1", issuers, algorithms: ["ES256"] };
  await workspace.write("first.json", JSON.stringify({ ...first, maxStatementBytes: 4096 }));
  await workspace.must("init", "service", "--policy", "first.json");
  server = await ServeProcess.start(workspace, "service");
});

afterAll(async () => {
  await server.stop();
  await workspace.remove();
});

async function shown(...args: readonly string[]): Promise<{ entryId: string; policy: object }> {
  const { code, stdout } = await policy("show", ...args, "--json");
  expect(code).toBe(0);
  return JSON.parse(stdout) as { entryId: string; policy: object };
}

describe("tally policy", () => {
  test("show prints the policy in force, as a file that can be proposed", async () => {
    const { code, stdout, stderr } = await policy("show", "--service", server.url);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^policy [0-9a-f]{64}, in force\n$/);
    expect(JSON.parse(stdout)).toMatchObject({
      previous: null,
      maxStatementBytes: 4096,
      operators: [{ keys: [await workspace.json("service/keys/operator.pub.jwk")] }],
    });
    await workspace.write("shown.json", stdout);
    expect((await policy("check", "shown.json")).stdout).toBe(
      "ok: 1 operators, 1 issuers, 0 rules\n",
    );
  });

  test("check names what is wrong", async () => {
    await workspace.write("broken.json", '{"format":"tallystick-policy/1"}');
    const { code, stdout } = await policy("check", "broken.json");
    expect(code).toBe(1);
    expect(stdout).toMatch(/^problem: policy lacks /);
    const json = await policy("check", "broken.json", "--json");
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({ isPolicy: false });
    expect((await policy("check", "nowhere.json")).code).toBe(2);
    const { policy: current } = await shown("--service", server.url);
    const contentTypes = Array.from({ length: 90_000 }, (_, n) => `a/${n}`);
    await workspace.write("long.json", JSON.stringify({ ...current, contentTypes }));
    const long = await policy("check", "long.json");
    expect([long.code, long.stdout]).toEqual([1, expect.stringMatching(/^problem: .*1048576/)]);
    await workspace.write("torn.json", "{");
    expect((await policy("check", "torn.json")).stdout).toBe("problem: torn.json: not JSON\n");
  });

  test("test says who would be refused, and why", async () => {
    await mkdir(workspace.at("statements"));
    await sign("vendor.jwk", "https://vendor.example", "statements/a.cose");
    await sign("second.jwk", "https://second.example", "statements/b.cose");
    await workspace.write("statements/c.cose", "no statement");
    const { code, stdout, stderr } = await policy(
      ...["test", "shown.json", "--statements", "statements"],
    );
    expect(code).toBe(1);
    const lines = stdout.split("\n");
    expect(lines[0]).toBe("statements/a.cose  admitted  https://vendor.example");
    expect(lines[1]).toBe("statements/b.cose  refused   https://second.example");
    expect(lines[2]?.trim()).toBe("no key for this iss and kid");
    expect(lines[3]).toBe("statements/c.cose  refused   no statement");
    expect(stderr).toBe("1 admitted, 2 refused\n");
    expect((await policy("test", "shown.json", "--statements", "statements/a.cose")).code).toBe(0);
  });

  test("show --next prints what follows the policy in force", async () => {
    const { policy: document, entryId } = await shown("--service", server.url);
    const next = await shown("--next", "--service", server.url);
    expect(next).toMatchObject({ entryId, isInForce: true });
    expect(next.policy).toEqual({ ...document, previous: entryId });
  });

  test("test judges at the time given", async () => {
    const { policy: document } = await shown("--service", server.url);
    const [issuer] = (document as { issuers: { iss: string; keys: object[] }[] }).issuers;
    const issuers = [{ ...issuer, keys: issuer?.keys.map((key) => ({ ...key, exp: 2000 })) }];
    await workspace.write("expired.json", JSON.stringify({ ...document, issuers }));
    const args = ["test", "expired.json", "--statements", "statements/a.cose", "--json"];
    expect((await policy(...args, "--time", "1999")).code).toBe(0);
    const late = await policy(...args, "--time", "2000");
    expect(late.code).toBe(1);
    expect(JSON.parse(late.stdout)).toMatchObject({
      time: 2000,
      statements: [{ reasons: [expect.stringContaining("expired")] }],
    });
  });

  test("propose puts the next policy in force, and only an operator can", async () => {
    const { policy: document } = await shown("--service", server.url);
    const iss = "https://second.example";
    const known = (document as { operators: object[] }).operators;
    const operators = [...known, { iss, keys: [await workspace.json("second.pub.jwk")] }];
    await workspace.write("next.json", JSON.stringify({ ...document, operators, approvals: 2 }));
    const refused = await policy(
      ...["propose", "next.json", "--service", server.url, "--operator", "vendor.jwk"],
    );
    expect(refused.code).toBe(1);
    const { code, stdout, stderr } = await policy(
      ...["propose", "next.json", "--service", server.url, ...operator],
    );
    expect(stderr).toBe("the proposal put the policy in force\n");
    expect(code).toBe(0);
    expect((await shown("--service", server.url)).entryId).toBe(stdout.trim());
  });

  test("approve completes what more than one operator has to sign", async () => {
    const { policy: document, entryId } = await shown("--service", server.url);
    const [proposer] = (document as { operators: { iss: string }[] }).operators;
    const first = proposer?.iss ?? "";
    const change = { ...document, previous: entryId, maxStatementBytes: 2048 };
    await workspace.write("third.json", JSON.stringify(change));
    const proposed = await policy(
      ...["propose", "third.json", "--service", server.url, ...operator],
    );
    const proposal = proposed.stdout.trim();
    const has = `has 1 of 2 approvals (${first}), lacks 1`;
    expect(proposed.stderr).toBe(`not in force yet: ${has}: tally policy approve ${proposal}\n`);
    const inForce = await policy("show", "--service", server.url);
    expect(inForce.stderr).toBe(`policy ${entryId}, in force\nproposal ${proposal} ${has}\n`);
    const one = await policy("show", proposal, "--service", server.url);
    expect(one.stderr).toBe(`policy ${proposal}, proposed\nproposal ${proposal} ${has}\n`);
    expect(JSON.parse(one.stdout)).toMatchObject({ maxStatementBytes: 2048 });
    expect(await shown(proposal, "--service", server.url)).toMatchObject({
      entryId: proposal,
      isInForce: false,
      approvalsWanted: 2,
      proposals: [{ entryId: proposal, approvers: [first], approvalsLacking: 1 }],
    });
    const twice = await policy("approve", proposal, "--service", server.url, ...operator);
    expect(twice.code).toBe(1);
    expect(twice.stderr).toContain("this operator has approved it before");
    expect((await shown("--service", server.url)).entryId).toBe(entryId);
    const approved = await policy(
      ...["approve", proposal, "--service", server.url, "--operator", "second.jwk", "--json"],
    );
    const now = await shown("--service", server.url);
    expect(JSON.parse(approved.stdout)).toEqual({
      entryId: now.entryId,
      proposal,
      isInForce: true,
      isWaiting: false,
      approvalsWanted: 2,
    });
    expect(now).toMatchObject({ isInForce: true, approvalsWanted: 2, proposals: [] });
    const old = await policy("show", entryId, "--service", server.url);
    expect(old.stderr).toBe(`policy ${entryId}, neither in force nor waiting\n`);
    expect(now.policy).toMatchObject({ maxStatementBytes: 2048 });
    // Neither a second approval nor one of a policy that is in force changes anything.
    const again = await policy(
      ...["approve", proposal, "--service", server.url, "--operator", "second.jwk"],
    );
    expect(again.code).toBe(3);
    expect(again.stderr).toContain(`${proposal} is in force already`);
    const approval = await policy(
      ...["approve", now.entryId, "--service", server.url, "--operator", "second.jwk"],
    );
    expect(approval.code).toBe(3);
    expect(approval.stderr).toContain(`approves the proposal ${proposal}`);
  });

  test("trust add says that others have to approve", async () => {
    const { stderr } = await workspace.must(
      ...["trust", "add", "second.pub.jwk", "--iss", "https://third.example"],
      ...["--service", server.url, "--operator", "second.jwk"],
    );
    expect(stderr).toMatch(
      /^https:\/\/third\.example may not register yet: policy ([0-9a-f]{64}) has 1 of 2 approvals \(https:\/\/second\.example\), lacks 1: tally policy approve \1\n$/,
    );
    const { policy: document } = await shown("--service", server.url);
    expect(JSON.stringify(document)).not.toContain("https://third.example");
  });

  test("show reads a directory, and any entry that is a policy or an approval", async () => {
    await server.stop();
    const now = await shown("service");
    expect(now).toMatchObject({ proposals: [{ approvers: ["https://second.example"] }] });
    expect(await shown("service", now.entryId)).toEqual({ ...now, proposals: [] });
    expect((await policy("show", "service", "x")).code).toBe(3);
    const { code, stdout } = await workspace.tally("audit", "service");
    expect(stdout).toMatch(/^sound: 5 entries/m);
    expect(code).toBe(0);
    server = await ServeProcess.start(workspace, "service");
  });
});
