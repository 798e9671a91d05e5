import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { encodeBase64url } from "@tallystick/cose";
import { SignedStatement } from "@tallystick/statement";

import { type RunningServer, serve } from "./listen.js";
import { read } from "./testing/exchange.js";
import { type Fixture, fixture } from "./testing/service.js";

let at: Fixture;
let server: RunningServer;
let named: Readonly<Record<string, string>>;

beforeAll(async () => {
  at = await fixture();
  const statement = await at.sign("one");
  await at.service.register(statement);
  server = await serve(at.service, { host: "127.0.0.1", port: 0 });
  const { entryId } = await at.service.policyInForce();
  const kid = encodeBase64url(at.receiptKey.publicKey.thumbprint());
  named = { ENTRY: SignedStatement.decode(statement).entryId, POLICY: entryId, KID: kid };
});

afterAll(async () => {
  await server.close();
  await at.service.close();
});

const NEVER = "public, max-age=31536000, immutable";
const MINUTES = "public, max-age=300, must-revalidate";

test.each([
  ["/statements/ENTRY", NEVER],
  ["/entries/ENTRY/collateral", NEVER],
  ["/consistency/2/3", NEVER],
  ["/checkpoints/3", NEVER],
  ["/notes/3", NEVER],
  ["/policies/POLICY", NEVER],
  ["/tile/0/000.p/3", NEVER],
  ["/tile/entries/000.p/3", NEVER],
  ["/.well-known/scitt-keys", MINUTES],
  ["/.well-known/scitt-keys/KID", MINUTES],
  ["/checkpoint", "public, max-age=5, must-revalidate"],
])("%s has a tag, and is not sent again to who has it", async (path, cache) => {
  const url = `${server.url}${path.replace(/ENTRY|POLICY|KID/, (name) => named[name] ?? "")}`;
  const first = await read(url);
  const tag = first.headers.get("etag") ?? "";
  expect([first.status, first.headers.get("cache-control")]).toEqual([200, cache]);
  expect(tag).toMatch(/^"[A-Za-z0-9_-]{22}"$/);
  const again = await fetch(url, { headers: { "if-none-match": `"x", W/${tag}` } });
  expect([again.status, (await again.arrayBuffer()).byteLength]).toEqual([304, 0]);
  expect([again.headers.get("etag"), again.headers.get("cache-control")]).toEqual([tag, cache]);
  const other = await fetch(url, { headers: { "if-none-match": '"AAAAAAAAAAAAAAAAAAAAAA"' } });
  expect(new Uint8Array(await other.arrayBuffer())).toEqual(first.body);
});

test.each(["/checkpoints/latest", "/entries/ENTRY", "/policy", "/health", "/statements/0"])(
  "%s is not to be kept, and has none",
  async (path) => {
    const { headers } = await read(`${server.url}${path.replace("ENTRY", named["ENTRY"] ?? "")}`);
    expect([headers.get("etag"), headers.get("cache-control")]).toEqual([null, "no-store"]);
  },
);
