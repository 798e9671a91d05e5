import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { cp } from "node:fs/promises";

import { Workspace } from "./testing/workspace.js";
import { serving } from "./testing/serving.js";

let workspace: Workspace;
const OPERATORS = ["two", "three"] as const;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.must(
    "init",
    "one",
    "--issuer",
    "https://log.example",
    "--origin",
    "log.example/r",
  );
  for (const name of OPERATORS) {
    await workspace.must("keygen", "--alg", "ES256", "--out", `${name}.jwk`);
  }
  for (const approvals of [2, 3]) {
    await cp("one", `wants${approvals}`, { recursive: true });
    await serving(`wants${approvals}`, async (url) => {
      const document = await policyAt(url);
      const added = await Promise.all(
        OPERATORS.map(async (name) => ({
          iss: `https://${name}.example`,
          keys: [await workspace.json(`${name}.pub.jwk`)],
        })),
      );
      const operators = [...(document["operators"] as object[]), ...added];
      await propose(url, `wants${approvals}`, { ...document, operators, approvals });
    });
  }
  await workspace.must("keygen", "--alg", "ES256", "--out", "vendor.jwk");
}, 60_000);

afterAll(() => workspace.remove());

let count = 0;

async function copyOf(name: string): Promise<string> {
  const dir = `copy${count++}`;
  await cp(name, dir, { recursive: true });
  return dir;
}

async function policyAt(url: string): Promise<Record<string, unknown>> {
  const { stdout } = await workspace.must("policy", "show", "--next", "--service", url);
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function propose(url: string, dir: string, document: object): Promise<string> {
  await workspace.write("proposed.json", JSON.stringify(document));
  const operator = dir.endsWith(".jwk") ? dir : `${dir}/keys/operator.jwk`;
  const { stdout } = await workspace.must(
    ...["policy", "propose", "proposed.json", "--service", url, "--operator", operator],
  );
  return stdout.trim();
}

async function approve(url: string, proposal: string | null, name: string): Promise<void> {
  await workspace.must(
    ...["policy", "approve", proposal ?? "", "--service", url, "--operator", `${name}.jwk`],
  );
}

interface Told {
  readonly stage: string;
  readonly current: string;
  readonly next: string | null;
  readonly named: readonly string[];
  readonly proposal: string | null;
}

async function rotate(dir: string, ...args: readonly string[]): Promise<Told> {
  const { stdout } = await workspace.must("rotate-key", dir, ...args, "--json");
  return JSON.parse(stdout) as Told;
}

/** Begins, and has the second operator approve. */
async function announce(dir: string, url: string): Promise<Told> {
  const begun = await rotate(dir, "--begin", "--service", url);
  expect(begun).toMatchObject({ stage: "begun", proposal: expect.any(String) });
  expect(await rotate(dir, "--begin", "--service", url)).toEqual(begun);
  await approve(url, begun.proposal, "two");
  const announced = await rotate(dir, "--service", url);
  expect(announced).toMatchObject({ stage: "announced", proposal: null });
  return announced;
}

describe("a rotation that two operators have to sign", () => {
  test("waits for the second at each policy, and goes on", async () => {
    const dir = await copyOf("wants2");
    const { next } = await serving(dir, (url) => announce(dir, url));
    expect(await rotate(dir, "--switch")).toMatchObject({ stage: "switched", proposal: null });
    await serving(dir, async (url) => {
      const finishing = await rotate(dir, "--finish", "--service", url);
      expect(finishing).toMatchObject({ stage: "switched", proposal: expect.any(String) });
      expect(await rotate(dir, "--finish", "--service", url)).toEqual(finishing);
      await approve(url, finishing.proposal, "three");
      const finished = await rotate(dir, "--finish", "--service", url);
      expect(finished).toMatchObject({ stage: "none", named: [next], proposal: null });
    });
    await workspace.must("audit", dir);
  });

  test("is taken back once the second has signed that, with the approvals that it had", async () => {
    const dir = await copyOf("wants2");
    await serving(dir, async (url) => {
      const { current } = await announce(dir, url);
      const first = await workspace.must("rotate-key", dir, "--abandon", "--service", url);
      const { proposal } = await rotate(dir, "--service", url);
      expect(first.stderr).toContain(
        `policy approve ${String(proposal)}, then take the next key back`,
      );
      expect(first.stderr).not.toContain("--switch");
      const again = await rotate(dir, "--abandon", "--service", url);
      expect(again).toMatchObject({ stage: "announced", proposal });
      await approve(url, proposal, "two");
      const back = await workspace.must("rotate-key", dir, "--service", url);
      expect(back.stderr).toContain("--abandon");
      const over = await rotate(dir, "--abandon", "--service", url);
      expect(over).toMatchObject({ stage: "none", next: null, named: [current] });
    });
  });

  test("is taken back before the second has signed the first policy", async () => {
    const dir = await copyOf("wants2");
    await serving(dir, async (url) => {
      const begun = await rotate(dir, "--begin", "--service", url);
      const over = await rotate(dir, "--abandon", "--service", url);
      expect(over).toMatchObject({ stage: "none", next: null, named: [begun.current] });
      const late = await workspace.tally(
        ...["policy", "approve", begun.proposal ?? "", "--service", url, "--operator", "two.jwk"],
      );
      expect(late.code).not.toBe(0);
    });
  });

  test("does not take another's proposal with more in it for its own", async () => {
    const dir = await copyOf("wants2");
    await serving(dir, async (url) => {
      const vendor = await workspace.json("vendor.pub.jwk");
      const none = ["rotate-key", dir, "--begin", "--service", url, "--operator", "vendor.jwk"];
      expect((await workspace.tally(...none)).code).toBe(1);
      const document = await policyAt(url);
      const receiptKeys = [
        await workspace.json(`${dir}/keys/receipt.pub.jwk`),
        await workspace.json(`${dir}/keys/receipt.next.pub.jwk`),
      ];
      const issuers = [{ iss: "https://vendor.example", keys: [vendor] }];
      const more = await propose(url, "two.jwk", { ...document, receiptKeys, issuers });
      expect(await rotate(dir, "--service", url)).toMatchObject({ stage: "begun", proposal: null });
      const { proposal } = await rotate(dir, "--begin", "--service", url);
      expect(proposal).toEqual(expect.any(String));
      expect(proposal).not.toBe(more);
    });
  });
});

describe("trust follow", () => {
  test.each([
    ["that two have to sign pins its keys", 2],
    ["that three have to sign pins nothing, with what to do", 3],
  ])("of a policy %s", async (_, approvals) => {
    const dir = await copyOf(`wants${approvals}`);
    await serving(dir, async (url) => {
      const file = `${dir}.json`;
      await workspace.must("trust", "export", "--service", url, "--out", file);
      const begun = await rotate(dir, "--begin", "--service", url);
      for (const name of OPERATORS.slice(0, approvals - 1))
        await approve(url, begun.proposal, name);
      const { next, stage } = await rotate(dir, "--service", url);
      expect(stage).toBe("announced");
      const before = await workspace.read(file);
      const followed = await workspace.tally("trust", "follow", file, "--service", url);
      if (approvals === 2) {
        expect([followed.code, followed.stdout]).toEqual([0, `pinned: ${String(next)}\n`]);
        return;
      }
      expect(followed.code).toBe(1);
      expect(followed.stderr).toMatch(
        /^tally: CLI_TRUST_CHANGED: that 3 operators signed .* takes an audit to show/,
      );
      expect(await workspace.read(file)).toEqual(before);
      // Pinned by hand, they are what the policy names.
      const [service] = (await workspace.json(file))["services"] as { readonly keys: object[] }[];
      service?.keys.push(await workspace.json(`${dir}/keys/receipt.next.pub.jwk`));
      await workspace.write(file, JSON.stringify({ services: [service] }));
      await workspace.must("trust", "follow", file, "--service", url);
    });
  });

  test("warns of a key that was announced and taken back, and export keeps the file", async () => {
    const dir = await copyOf("one");
    const file = `${dir}.json`;
    await serving(dir, async (url) => {
      await workspace.must(
        ...["trust", "add", "vendor.pub.jwk", "--iss", "https://vendor.example"],
        ...["--service", url, "--operator", `${dir}/keys/operator.jwk`],
      );
      await workspace.must("trust", "export", "--service", url, "--out", file);
      const { next } = await rotate(dir, "--begin", "--service", url);
      const followed = await workspace.must("trust", "follow", file, "--service", url);
      expect(followed.stderr).not.toContain("warning");
      const before = await workspace.read(file);
      const kept = await workspace.must("trust", "export", "--service", url, "--out", file);
      expect(kept.stderr).toContain("which pins a key that is announced too");
      expect(await workspace.read(file)).toEqual(before);
      await rotate(dir, "--abandon", "--service", url);
      const warned = await workspace.must("trust", "follow", file, "--service", url);
      expect(warned.stderr).toContain(`warning: ${file} pins ${String(next)} without "until"`);
      const changed = await workspace.tally("trust", "export", "--service", url, "--out", file);
      expect([changed.code, changed.stderr]).toEqual([
        1,
        expect.stringContaining("something else"),
      ]);
    });
  });
});

test("trust export pins a key that the policy dropped up to the tree before that", async () => {
  const dir = await copyOf("one");
  const { current: before } = await rotate(dir);
  const { next } = await rotate(dir, "--begin");
  await rotate(dir, "--switch");
  await rotate(dir, "--finish");
  await serving(dir, async (url) => {
    const { stderr } = await workspace.must(
      "trust",
      "export",
      "--service",
      url,
      "--out",
      "until.json",
    );
    expect(stderr).toContain(`names ${before} no more: it counts up to size 2`);
    expect(await workspace.json("until.json")).toMatchObject({
      services: [
        {
          keys: expect.arrayContaining([
            expect.not.objectContaining({ until: expect.anything() }),
            expect.objectContaining({ kid: before, until: { size: 2, reason: "replaced" } }),
          ]),
        },
      ],
    });
    const { services } = (await workspace.json("until.json")) as {
      services: [{ keys: { kid: string; until?: object }[] }];
    };
    const free = services[0].keys.filter(({ until }) => until === undefined);
    expect(free.map(({ kid }) => kid)).toEqual([next]);
    const { stdout } = await workspace.must(
      "checkpoint",
      "--service",
      url,
      "--trust",
      "until.json",
      "--json",
    );
    expect(JSON.parse(stdout)).toMatchObject({ size: 3 });
  });
});
