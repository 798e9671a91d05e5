import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { PrivateKey, encodeBase64url } from "@tallystick/cose";
import { MemoryAnchor, MemoryStore } from "@tallystick/log";
import request from "supertest";

import { createApp } from "./app.js";
import { homePage } from "./home-page.js";
import type { Home } from "./routes/home.js";
import { TransparencyService } from "./service.js";
import { ISSUER, ORIGIN, TIME, fixture } from "./testing/service.js";
import type { Fixture } from "./testing/service.js";

const BROWSER =
  "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

let at: Fixture;
let app: ReturnType<typeof createApp>;

beforeAll(async () => {
  at = await fixture();
  app = createApp(at.service, { publicUrl: "https://ts.example" });
});

afterAll(() => at.service.close());

function get(accept?: string, asked = app): request.Test {
  const sent = request(asked).get("/");
  return accept === undefined ? sent : sent.set("accept", accept);
}

describe("GET /", () => {
  test.each([
    ["a browser", BROWSER, "text/html; charset=utf-8"],
    ["who asks for HTML", "text/html", "text/html; charset=utf-8"],
    ["who asks for JSON", "application/json", "application/json"],
    ["who takes anything", "*/*", "application/json"],
    ["who would rather have JSON", "text/html;q=0.5, application/json", "application/json"],
    ["who does not say", undefined, "application/json"],
  ])("is for %s", async (_, accept, type) => {
    const response = await get(accept);
    expect([response.status, response.headers["content-type"]]).toEqual([200, type]);
    expect(response.headers).toMatchObject({ "cache-control": "no-store", vary: "accept" });
  });

  test("is not to be had in another type, or by another method", async () => {
    expect((await get("image/png")).status).toBe(406);
    expect((await request(app).post("/")).status).toBe(405);
    expect((await request(app).head("/").set("accept", BROWSER)).status).toBe(200);
  });

  test("in JSON has what the service is and where to go on, and every link leads there", async () => {
    const { body } = (await get()) as { body: Home };
    expect(body).toMatchObject({
      ...{ name: "tallystick", issuer: ISSUER, origin: ORIGIN, size: 2, time: TIME, age: 0 },
      state: { status: "accepting" },
      keys: [
        { thumbprint: encodeBase64url(at.receiptKey.publicKey.thumbprint()), status: "current" },
      ],
      note: at.service.notes?.key,
    });
    for (const [name, link] of Object.entries(body.links)) {
      expect(link).toMatch(/^https:\/\/ts\.example\//);
      const { status } = await request(app).get(new URL(link).pathname);
      expect([name, status]).toEqual([name, 200]);
    }
    expect(Object.keys(body.links)).toContain("search");
    expect(JSON.stringify(body.links)).not.toContain("metrics");
  });

  test("as a page has the same, nothing that runs, and nothing from elsewhere", async () => {
    const { text, headers } = await get(BROWSER);
    for (const shown of [
      ...[ISSUER, ORIGIN, "Accepting registrations", at.service.notes?.key ?? ""],
      encodeBase64url(at.receiptKey.publicKey.thumbprint()),
    ]) {
      expect(text).toContain(shown.replaceAll("+", "+"));
    }
    expect(headers["content-security-policy"]).toMatch(
      /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    );
    expect(text).not.toMatch(
      /<script|javascript:|\son[a-z]+=|\sstyle=|(src|href|action)="(https?:|\/)/i,
    );
    for (const [, href = ""] of text.matchAll(/href="([^"]+)"/g)) {
      expect([href, (await request(app).get(`/${href}`)).status]).toEqual([href, 200]);
    }
    expect(text).toContain('<form action="search" method="get"');
    // Three buttons that read alike go by three names.
    const names = [...text.matchAll(/<button aria-label="([^"]+)">Search</g)].map(
      ([, name]) => name,
    );
    expect(names).toEqual(["Search by issuer", "Search by subject", "Search by digest"]);
    // To the second, on one line, as people write it.
    const iso = new Date(1000 * TIME).toISOString();
    expect(text).toContain(`>${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`);
  });

  test("of a service without notes and index links neither", async () => {
    const signer = await PrivateKey.generate("ES256");
    const stored = { store: new MemoryStore(), anchor: new MemoryAnchor() };
    const named = { issuer: ISSUER, origin: ORIGIN, signer, now: () => TIME + 5 };
    const service = await TransparencyService.create({ ...stored, ...named }, signer);
    try {
      const bare = createApp(service);
      const { body } = (await get(undefined, bare)) as { body: Home };
      expect(Object.keys(body.links)).not.toContain("search");
      expect(Object.keys(body.links)).not.toContain("checkpoint");
      const { text } = await get(BROWSER, bare);
      expect(text).not.toMatch(/<form|href="checkpoint"/);
    } finally {
      await service.close();
    }
  });

  test("tells of a freeze and of a disk that is nearly full", async () => {
    const frozen = await fixture();
    await frozen.service.log.freeze("moved to <b>ts2</b>");
    const closed = createApp(frozen.service);
    const { body } = (await get(undefined, closed)) as { body: Home };
    expect(body.state).toEqual({
      status: "frozen",
      reason: expect.stringMatching(/: moved to <b>ts2<\/b>$/) as unknown,
    });
    expect((await get(BROWSER, closed)).text).toContain("moved to &lt;b&gt;ts2&lt;/b&gt;</dd>");
    await frozen.service.close();
    const signer = await PrivateKey.generate("ES256");
    const space = { floorBytes: 2, freeBytes: (): Promise<number> => Promise.resolve(1) };
    const stored = { store: new MemoryStore(), anchor: new MemoryAnchor(), space };
    const named = { issuer: ISSUER, origin: ORIGIN, signer, now: () => TIME };
    const full = await TransparencyService.create({ ...stored, ...named }, signer);
    expect(((await get(undefined, createApp(full))) as { body: Home }).body.state).toEqual({
      status: "no-space",
    });
    await full.close();
    const { body: stopped } = (await get(undefined, createApp(full))) as { body: Home };
    expect(stopped.state).toEqual({ status: "unavailable" });
  });
});

const HOSTILE = `"><script>alert(1)</script><img src=x onerror='alert(1)'>&amp;\u202e\u0000`;

test("whatever text the operator has given, it is text", () => {
  const home: Home = {
    ...{ name: "tallystick", version: HOSTILE, issuer: HOSTILE, origin: HOSTILE },
    ...{ size: 1, time: Number.MAX_SAFE_INTEGER, age: 90_000 },
    state: { status: "frozen", reason: HOSTILE.repeat(1000), held: HOSTILE },
    keys: [{ thumbprint: HOSTILE, status: "retired" }],
    note: HOSTILE,
    links: { search: HOSTILE, policy: HOSTILE },
  };
  const html = new TextDecoder().decode(homePage(home).body);
  const escaped =
    "&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&amp;amp; ";
  expect(html.split(escaped).length).toBeGreaterThan(8);
  expect(html).not.toMatch(/<script|<img|onerror='|\p{Cf}/u);
  expect(html).not.toContain("\0");
  expect(html).toContain("1 day ago");
  expect(html).toContain("<dt>Receipts, retired</dt>");
  expect(html.length).toBeLessThan(40_000);
});
