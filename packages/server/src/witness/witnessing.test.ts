import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { RequestListener } from "node:http";
import { type MemoryAnchor, MemoryStore } from "@tallystick/log";
import { Receipt, VerifiedInclusion } from "@tallystick/receipt";
import { SignedStatement } from "@tallystick/statement";
import {
  formatCheckpoint,
  formatNote,
  noteSigner,
  noteSignaturesIn,
  parseCheckpoint,
  parseNote,
  signNote,
  VerifierKey,
  WitnessedCheckpoint,
  WitnessPolicy,
} from "@tallystick/tlog";
import type { Checkpoint } from "@tallystick/tlog";
import { PrivateKey } from "@tallystick/cose";

import { type RunningServer, serve } from "../listen.js";
import { TransparencyService } from "../service.js";
import { metric, post, problemOf, read, until } from "../testing/exchange.js";
import { type Fixture, fixture, ISSUER, ORIGIN, TIME } from "../testing/service.js";
import { MemoryKeeper, TestWitness } from "../testing/witnesses.js";
import type { WitnessOptions } from "./options.js";

let made: Fixture;
let store: MemoryStore;
let keeper: MemoryKeeper;
let notices: string[];
let witnesses: readonly TestWitness[];
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  store = new MemoryStore();
  made = await fixture(store);
  await made.service.close();
  keeper = new MemoryKeeper();
  notices = [];
  witnesses = await Promise.all(
    ["a", "b", "c"].map((name) => TestWitness.start(name, made.noteKey)),
  );
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await Promise.all(witnesses.map((witness) => witness.close()));
});

function policyOf(quorum: string, listed = witnesses): WitnessPolicy {
  const names = listed.map(({ name }) => name).join(" ");
  const lines = `${listed.map(({ line }) => line).join("")}group g ${quorum} ${names}\nquorum g\n`;
  return WitnessPolicy.parse(new TextEncoder().encode(lines));
}

interface Copy {
  readonly store: MemoryStore;
  readonly anchor: MemoryAnchor;
}

/** What there is of the log now, as a backup of all of it would have it. */
function copy(of: Copy = { store, anchor: made.anchor }): Copy {
  return { store: of.store.reopen(), anchor: of.anchor.reopen() };
}

interface Opened {
  readonly service: TransparencyService;
  readonly server: RunningServer;
  readonly url: string;
  readonly kept: Copy;
  readonly stop: () => Promise<void>;
}

async function open(changes: Partial<WitnessOptions> = {}, kept: Copy = copy()): Promise<Opened> {
  const service = await TransparencyService.open({
    ...{ issuer: ISSUER, origin: ORIGIN, signer: made.receiptKey, now: () => TIME, ...kept },
    noteSigner: noteSigner(ORIGIN, "ed25519", made.noteKey),
    witnesses: {
      ...{ policy: policyOf("2"), mode: "preferred", keeper },
      ...{ everyMs: 30, pauseMs: 0, timeoutMs: 2000, bootTimeoutMs: 2000 },
      onNotice: (line) => notices.push(line),
      ...changes,
    },
  });
  const server = await serve(service, { host: "127.0.0.1", port: 0 });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= server.close().then(() => service.close());
    return stopping;
  };
  closing.push(stop);
  return { service, server, url: server.url, kept, stop };
}

/** The checkpoint that a service shows, once its note holds with the quorum that is asked for. */
async function witnessedAt(url: string, policy = policyOf("2")): Promise<Checkpoint> {
  const { body } = await read(`${url}/checkpoint`);
  const { checkpoint } = await WitnessedCheckpoint.verify(parseNote(body), policy, [ownKey()]);
  return checkpoint;
}

function ownKey(): VerifierKey {
  return VerifierKey.of(ORIGIN, "ed25519", made.noteKey.publicKey);
}

async function sizeAt(url: string): Promise<number> {
  const { body } = await read(`${url}/checkpoint`);
  return parseCheckpoint(parseNote(body).text).size;
}

async function register(url: string, text: string): Promise<number> {
  return (await post(url, await made.sign(text))).status;
}

const hangs: RequestListener = () => undefined;
const says =
  (status: number, body = "", type = "text/plain"): RequestListener =>
  (request, response) => {
    request.resume();
    response.writeHead(status, { "content-type": type }).end(body);
  };
const claims = (size: string): RequestListener => says(409, size, "text/x.tlog.size");

function misbehave(behaviour: RequestListener, names = ["a", "b", "c"]): void {
  for (const witness of witnesses) if (names.includes(witness.name)) witness.behaviour = behaviour;
}

function behave(): void {
  for (const witness of witnesses) witness.behaviour = witness.honest;
}

describe("a service that asks witnesses", () => {
  test("shows its newest checkpoint with their cosignatures, and again after a restart", async () => {
    const { url, service, kept, stop } = await open();
    expect(await register(url, "one")).toBe(201);
    await until(async () => (await sizeAt(url)) === 3 && service.witnessing?.witnessed?.size === 3);
    expect((await witnessedAt(url)).size).toBe(3);
    expect(parseNote(keeper.note ?? new Uint8Array()).text).toContain("\n3\n");
    expect(await metric(url, "tallystick_witnessed_size")).toBe(3);
    expect(await metric(url, "tallystick_quorum_age_seconds")).toBe(0);
    expect(await metric(url, "tallystick_rollback_alarm")).toBe(0);
    const cosigned = 'tallystick_witness_answers_total{witness="a",outcome="cosigned"}';
    expect(await metric(url, cosigned)).toBeGreaterThan(0);
    await stop();

    misbehave(hangs);
    const again = await open({ bootTimeoutMs: 50 }, copy(kept));
    expect((await witnessedAt(again.url)).size).toBe(3);
    expect(again.service.isWritable()).toBe(true);
  });

  test("answers registrations whatever the witnesses do, and ends without them", async () => {
    misbehave(hangs);
    const { url, stop } = await open({ timeoutMs: 600_000, bootTimeoutMs: 20 });
    expect(await register(url, "one")).toBe(201);
    expect(await sizeAt(url)).toBe(3);
    await stop();
  });

  test("does not wait for one that hangs where the others are enough", async () => {
    misbehave(hangs, ["c"]);
    const { url } = await open({ timeoutMs: 600_000, bootTimeoutMs: 20 });
    for (const [at, text] of ["one", "two", "three"].entries()) {
      expect(await register(url, text)).toBe(201);
      await until(() =>
        witnessedAt(url).then(
          ({ size }) => size === 3 + at,
          () => false,
        ),
      );
    }
  });

  test("required: shows no checkpoint before there is a quorum, and an older one with it after", async () => {
    misbehave(says(503), ["b", "c"]);
    const { url } = await open({ mode: "required" });
    await until(() => notices.some((line) => line.includes("witness a: cosigns")));
    const none = await read(`${url}/checkpoint`);
    expect([none.status, none.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(problemOf(none)).toEqual([
      "Not Witnessed",
      "No checkpoint can be shown yet: no checkpoint has the cosignatures that this service asks for",
    ]);
    behave();
    await until(async () => (await read(`${url}/checkpoint`)).status === 200);
    expect((await witnessedAt(url)).size).toBe(2);

    misbehave(says(500), ["b", "c"]);
    expect(await register(url, "one")).toBe(201);
    await until(() => metric(url, "tallystick_tree_size").then((size) => size === 3));
    expect((await witnessedAt(url)).size).toBe(2);
    behave();
    await until(async () => (await witnessedAt(url)).size === 3);
  });

  test("takes no kept checkpoint that lost its quorum, or that another key signed", async () => {
    const { stop } = await open();
    await until(() => keeper.note !== undefined);
    await stop();
    const { text, signatures } = parseNote(keeper.note ?? new Uint8Array());
    const stranger = noteSigner(ORIGIN, "ed25519", await PrivateKey.generate("EdDSA"));
    const rows = {
      quorum: formatNote({ text, signatures: signatures.slice(0, 2) }),
      stranger: formatNote({ text, signatures: [await signNote(text, stranger)] }),
      garbage: new Uint8Array([1, 2, 3]),
    };
    misbehave(says(500));
    for (const note of Object.values(rows)) {
      keeper.note = note;
      const { url, service, stop: end } = await open({ mode: "required" });
      expect((await read(`${url}/checkpoint`)).status).toBe(503);
      expect(service.standing()).toEqual({ kind: "writer" });
      await end();
    }
  });

  test("hands out receipts with the cosignatures, under the checkpoint that has them", async () => {
    const { url, service } = await open();
    const statement = await made.sign("one");
    const plain = await post(url, statement);
    expect(noteSignaturesIn(Receipt.decode(plain.body).message.unprotectedHeader)).toEqual([]);
    await until(() => service.witnessing?.witnessed?.size === 3);
    misbehave(says(500));
    expect(await register(url, "two")).toBe(201);
    const { entry, entryId } = SignedStatement.decode(statement);
    const key = made.receiptKey.publicKey;
    const bodies = {
      receipt: (await read(`${url}/entries/${entryId}`)).body,
      duplicate: (await post(url, statement)).body,
      attached: SignedStatement.decode((await read(`${url}/entries/${entryId}/statement`)).body)
        .receipts[0],
    };
    for (const body of Object.values(bodies)) {
      const receipt = Receipt.decode(body ?? new Uint8Array());
      const { root, size = 0 } = await VerifiedInclusion.verify(receipt, { entry, key });
      const text = formatCheckpoint({ origin: ORIGIN, size, root });
      const signatures = noteSignaturesIn(receipt.message.unprotectedHeader);
      const note = { text, signatures };
      expect(
        (await WitnessedCheckpoint.verify(note, policyOf("2"), [ownKey()])).checkpoint.size,
      ).toBe(3);
    }
    const later = SignedStatement.decode(await made.sign("two")).entryId;
    const uncovered = Receipt.decode((await read(`${url}/entries/${later}`)).body);
    expect(uncovered.signedSize).toBe(4);
  });
});

const FROZEN = expect.objectContaining({ kind: "reader", code: "LOG_FROZEN" }) as unknown;

/** Has the log grow and be cosigned, by all whom it is held against later; yields what was before, and what vouches now. */
async function outgrow(): Promise<Copy & { readonly newer: MemoryAnchor }> {
  const { url, service, kept, stop } = await open();
  const before = copy(kept);
  for (const text of ["one", "two"]) expect(await register(url, text)).toBe(201);
  await until(() => service.witnessing?.peers.every(({ size }) => size === 4) === true);
  await stop();
  return { ...before, newer: kept.anchor };
}

describe("F5: a service that was restored from an older copy of everything", () => {
  test("is frozen at its start by what a witness has of it, and keeps that", async () => {
    const before = await outgrow();
    keeper = new MemoryKeeper();
    const { url, service, kept, stop } = await open({}, before);
    expect(service.standing()).toEqual(FROZEN);
    expect(await metric(url, "tallystick_rollback_alarm")).toBe(1);
    const refused = await post(url, await made.sign("three"));
    expect([refused.status, problemOf(refused)[0]]).toEqual([503, "Read Only"]);
    const why =
      /rolled back or forked: a checkpoint of size 4 is signed .*, and the log has 2 entries$/;
    expect(service.standing()).toMatchObject({ reason: expect.stringMatching(why) as unknown });
    const [evidence = "{}"] = keeper.evidence.values();
    const { format, found, own } = JSON.parse(evidence) as Readonly<Record<string, string>>;
    expect(format).toBe("tallystick-own-note/1");
    const sizes = await Promise.all(
      [found, own].map(async (note = "") => {
        const bytes = new TextEncoder().encode(note);
        const none = WitnessPolicy.parse(new TextEncoder().encode("quorum none\n"));
        const verified = await WitnessedCheckpoint.verify(parseNote(bytes), none, [ownKey()]);
        return verified.checkpoint.size;
      }),
    );
    expect(sizes).toEqual([4, 2]);
    await stop();
    misbehave(hangs);
    const again = await open({ bootTimeoutMs: 20 }, copy(kept));
    expect(again.service.standing()).toEqual(FROZEN);
    expect(notices).toContainEqual(expect.stringContaining("the evidence is memory/4-"));
  });

  test("is frozen by the checkpoint that it kept itself, where only the log was put back", async () => {
    const before = await outgrow();
    misbehave(says(500));
    const { service } = await open({}, before);
    expect(service.standing()).toEqual(FROZEN);
    expect(notices.join("\n")).toContain("found at what this service kept");
  });

  test("is frozen at the first round in which a witness shows that the log has forked", async () => {
    const before = await outgrow();
    keeper = new MemoryKeeper();
    misbehave(says(503));
    const { url, service } = await open({}, before);
    for (const text of ["other one", "other two", "other three"]) {
      expect(await register(url, text)).toBe(201);
    }
    expect(service.isWritable()).toBe(true);
    behave();
    await until(() => service.standing().kind === "reader");
    expect(service.standing()).toEqual(FROZEN);
    expect([...keeper.evidence.keys()][0]).toMatch(/^4-[0-9a-f]{16}$/);
    expect(notices.join("\n")).toContain("over another root than the log has");
  });

  test("is not closed for good where the anchor has stopped it already", async () => {
    const { store: older, newer } = await outgrow();
    const { service } = await open({}, { store: older, anchor: newer.reopen() });
    expect(service.standing()).toMatchObject({ code: "LOG_BEHIND_ANCHOR" });
    expect(service.witnessing?.isAlarmed).toBe(true);
    expect(keeper.evidence.size).toBeGreaterThan(0);
  });

  test("is not noticed without a witness: it registers as if nothing had been", async () => {
    const before = await outgrow();
    const service = await TransparencyService.open({
      ...{ issuer: ISSUER, origin: ORIGIN, signer: made.receiptKey, now: () => TIME },
      ...copy(before),
    });
    closing.push(() => service.close());
    expect(service.isWritable()).toBe(true);
  });
});

describe("F16: what one witness merely says does not stop a log", () => {
  test.each<[string, () => Promise<RequestListener>]>([
    ["a 409 of a huge size", () => Promise.resolve(claims("9007199254740991\n"))],
    ["a 409 of zero", () => Promise.resolve(claims("0\n"))],
    ["a 422", () => Promise.resolve(says(422))],
    [
      "a larger checkpoint under another key",
      async () => shows(await largerOf(await PrivateKey.generate("EdDSA"))),
    ],
    [
      "a larger checkpoint of another log",
      async () => shows(await largerOf(made.noteKey, "other")),
    ],
    ["its own checkpoint with another size put in", async () => shows(await enlarged())],
    ["10 MB", () => Promise.resolve(claims("9".repeat(10_000_000)))],
  ])("%s", async (_name, behaviour) => {
    misbehave(await behaviour(), ["a"]);
    const { url, service } = await open();
    expect(await register(url, "one")).toBe(201);
    const peers = service.witnessing?.peers ?? [];
    const asked = peers.map(
      ({ counts }) =>
        (): number =>
          [...counts.values()][0] ?? 0,
    );
    await until(() => asked.every((count) => count() >= 2));
    expect(service.standing()).toEqual({ kind: "writer" });
    expect(keeper.evidence.size).toBe(0);
    expect(await sizeAt(url)).toBe(3);
    behave();
    await until(() => service.witnessing?.witnessed?.size === 3);
  });

  /** Says that it has another size, and shows this as what it has. */
  function shows(note: Uint8Array): RequestListener {
    return (request, response) => {
      const isAsked = request.method === "POST";
      const type = isAsked ? "text/x.tlog.size" : "text/plain";
      request.resume();
      response.writeHead(isAsked ? 409 : 200, { "content-type": type });
      response.end(isAsked ? "900\n" : note);
    };
  }

  async function largerOf(key: PrivateKey, name = ORIGIN): Promise<Uint8Array> {
    const text = formatCheckpoint({ origin: name, size: 900, root: new Uint8Array(32) });
    return formatNote({
      text,
      signatures: [await signNote(text, noteSigner(ORIGIN, "ed25519", key))],
    });
  }

  async function enlarged(): Promise<Uint8Array> {
    const note = new TextDecoder().decode(await signedNow());
    return new TextEncoder().encode(note.replace("\n2\n", "\n900\n"));
  }

  async function signedNow(): Promise<Uint8Array> {
    const { url, stop } = await open();
    const { body } = await read(`${url}/checkpoint`);
    await stop();
    keeper = new MemoryKeeper();
    return body;
  }
});
