import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";

import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";

import { ask } from "./exchange.js";
import type { Answer } from "./exchange.js";
import { OracleProcess } from "./oracle-process.js";
import { Ground, stop } from "./site.js";
import type { Serving } from "./site.js";
import { describeFault } from "./suite.js";

/** A change of an answer on its way: what a wrong server would say. */
type Lie = (path: string, answer: Answer) => Promise<Partial<Answer>> | Partial<Answer>;

// A suite whose oracle cannot say no would pass whatever the log does.
describeFault("T-meta: the oracle", undefined, () => {
  let ground: Ground;
  let oracle: OracleProcess;
  let serving: Serving;
  let proxy: Server | undefined;
  let ids: readonly string[];

  beforeAll(async () => {
    ground = await Ground.make();
    oracle = await OracleProcess.start(ground);
    serving = await ground.template.serve();
    await oracle.ask("load", {
      url: serving.url,
      count: 8,
      atOnce: 1,
      maxBytes: 300,
    });
    ids = (await oracle.ask("recall", null)).map(([entryId]) => entryId);
  });

  afterEach(() => {
    proxy?.close();
    proxy?.closeAllConnections();
  });

  afterAll(async () => {
    await oracle.end();
    await stop(serving);
    await ground.clear();
  });

  /** Puts a liar between the oracle and the server. */
  async function lying(lie: Lie): Promise<string> {
    const made = createServer((request, response) => {
      void bodyOf(request).then(async (statement) => {
        const path = request.url ?? "";
        const truth = await ask(`${serving.url}${path}`, statement);
        const { status, body } = { ...truth, ...(await lie(path, truth)) };
        response.writeHead(status, { "content-type": "application/cose" }).end(body);
      });
    });
    proxy = made;
    await new Promise<void>((resolve) => {
      made.listen(0, "127.0.0.1", resolve);
    });
    return `http://127.0.0.1:${(made.address() as AddressInfo).port}`;
  }

  async function audit(lie: Lie): Promise<readonly string[]> {
    const question = {
      url: await lying(lie),
      standing: "sound",
      all: true,
    } as const;
    return (await oracle.ask("audit", question)).problems;
  }

  const another = (path: string): Promise<Answer> => {
    const [first = "", second = ""] = ids;
    return ask(serving.url + path.replace(first, second));
  };

  const flipped = ({ body }: Answer): Partial<Answer> => {
    const copy = Uint8Array.from(body);
    copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
    return { body: copy };
  };

  const lies: readonly (readonly [string, RegExp, Lie])[] = [
    [
      "loses an entry",
      /404/,
      (path) => (isOf(path, "entries") ? { status: 404, body: PROBLEM } : {}),
    ],
    [
      "loses a body",
      /404/,
      (path) => (isOf(path, "statements") ? { status: 404, body: PROBLEM } : {}),
    ],
    ["fails", /500/, (path) => (isOf(path, "statements") ? { status: 500, body: PROBLEM } : {})],
    [
      "serves another body",
      /another body/,
      (path) => (isOf(path, "statements") ? another(path) : {}),
    ],
    [
      "gives the receipt of another",
      /does not hold/,
      (path) => (isOf(path, "entries") ? another(path) : {}),
    ],
    [
      "gives broken receipts",
      /does not hold/,
      (path, truth) => (path.startsWith("/entries") ? flipped(truth) : {}),
    ],
    [
      "proves nothing",
      /RECEIPT|ReceiptError/,
      (path, truth) => (path.startsWith("/consistency") ? flipped(truth) : {}),
    ],
    ["is smaller than it was", /is out/, (path) => (path === "/health" ? health(4) : {})],
    [
      "has more than it was given",
      /entries were found/,
      (path) => (path === "/health" ? health(11) : {}),
    ],
  ];

  test.each(lies)("convicts a server that %s", async (_, says, lie) => {
    expect((await audit(lie)).join("\n")).toMatch(says);
  });

  test("has nothing against a server that does not lie", async () => {
    expect(await audit(() => ({}))).toEqual([]);
  });

  test("convicts a report of fsck that is not what it saw", async () => {
    await stop(serving);
    const report = await ground.template.fsck();
    expect(await oracle.ask("judge", report)).toEqual([]);
    const wrong = [
      { ...report, exit: 1, verdict: "corrupt" },
      { ...report, size: report.size - 1 },
      { ...report, root: "00" },
    ];
    for (const one of wrong) expect(await oracle.ask("judge", one)).not.toEqual([]);
  });

  function isOf(path: string, kind: string): boolean {
    return path === `/${kind}/${ids[0] ?? ""}`;
  }
});

/** `{-1: "t", -2: "d"}`. */
const PROBLEM = Uint8Array.of(0xa2, 0x20, 0x61, 0x74, 0x21, 0x61, 0x64);

function health(size: number): Partial<Answer> {
  return {
    body: new TextEncoder().encode(JSON.stringify({ status: "ok", size })),
  };
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return request.method === "POST" ? new Uint8Array(Buffer.concat(chunks)) : undefined;
}
