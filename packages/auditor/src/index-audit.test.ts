import { describe, expect, test } from "@jest/globals";
import {
  INDEX_MEDIA_TYPE,
  INDEX_SUBJECT,
  IndexMap,
  committedKeys,
  signHead,
} from "@tallystick/catalog";
import { SignedStatement, signStatement } from "@tallystick/statement";

import { audit } from "./audit.js";
import { AuditorError } from "./error.js";
import { AuditState } from "./state.js";
import { Forge, ISSUER, ORIGIN, TIME, VENDOR, sourceOf } from "./testing/forge.js";

const SUBJECT = `${INDEX_SUBJECT} ${ORIGIN}`;

/** A log whose policy lets `forge.second` sign for the service. */
async function indexed(): Promise<Forge> {
  const forge = await Forge.make();
  const issuers = [
    { iss: VENDOR, keys: [forge.vendor.publicKey.toJwk()] },
    { iss: ISSUER, keys: [forge.second.publicKey.toJwk()] },
  ];
  await forge.round([await forge.propose({ issuers })]);
  await forge.round([await about(forge, "a"), await about(forge, "b"), await about(forge, "a")]);
  return forge;
}

function about(forge: Forge, subject: string): Promise<Uint8Array> {
  const payload = new TextEncoder().encode(`statement ${forge.entries.length} about ${subject}`);
  const named = { contentType: "text/plain", issuer: VENDOR, subject };
  return signStatement({ payload, ...named }, forge.vendor);
}

/** The root over the first entries, as an operator makes it who leaves some out. */
function rootOf(
  forge: Forge,
  size: number,
  isHidden: (index: number) => boolean = () => false,
): Uint8Array {
  const map = new IndexMap();
  forge.entries.slice(0, size).forEach(({ statement: bytes }, index) => {
    if (isHidden(index)) return;
    const statement = SignedStatement.decode(bytes);
    for (const key of committedKeys(statement)) map.add(key, { index, entry: statement.entry });
  });
  return map.root();
}

function headOf(forge: Forge, size: number, root = rootOf(forge, size)): Promise<Uint8Array> {
  return signHead({ size, root }, { issuer: ISSUER, origin: ORIGIN, issuedAt: TIME }, forge.second);
}

async function commit(forge: Forge, size: number, root?: Uint8Array): Promise<void> {
  await forge.round([await headOf(forge, size, root)]);
}

async function refusal(forge: Forge): Promise<AuditorError> {
  const error: unknown = await audit(sourceOf(forge), forge.trust).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (error instanceof AuditorError) return error;
  throw new Error(`no refusal: ${String(error)}`);
}

describe("heads that commit to what the entries make", () => {
  test("are counted, whatever stands between them and what they cover", async () => {
    const forge = await indexed();
    await commit(forge, 5);
    const head = await headOf(forge, forge.entries.length);
    await forge.round([await about(forge, "c"), head]);
    await commit(forge, forge.entries.length);
    const { report } = await audit(sourceOf(forge), forge.trust);
    expect(report).toMatchObject({ isComplete: true, counts: { heads: 3, entries: 9 } });
  });

  test("are those of the service alone", async () => {
    const forge = await indexed();
    const payload = Uint8Array.of(1);
    const named = { contentType: INDEX_MEDIA_TYPE, issuer: VENDOR, subject: SUBJECT };
    await forge.round([await signStatement({ payload, ...named }, forge.vendor)]);
    const { report } = await audit(sourceOf(forge), forge.trust);
    expect(report.counts).toMatchObject({ heads: 0, entries: 6 });
  });

  test("are those of this log: one of another log of the service is a statement like any", async () => {
    const forge = await indexed();
    const other = { issuer: ISSUER, origin: `${ORIGIN}/other`, issuedAt: TIME };
    const root = rootOf(forge, 4);
    await forge.round([await signHead({ size: 900, root }, other, forge.second)]);
    await commit(forge, 4);
    const { report } = await audit(sourceOf(forge), forge.trust);
    expect(report.counts).toMatchObject({ heads: 1, entries: 7 });
  });

  test("are recomputed by an audit that goes on later", async () => {
    const forge = await indexed();
    await commit(forge, 4);
    const state = await saved(forge);
    await forge.round([await about(forge, "a")]);
    await commit(forge, forge.entries.length);
    const { report } = await audit(sourceOf(forge), forge.trust, { state });
    expect(report.counts).toMatchObject({ heads: 2 });
    const whole = await audit(sourceOf(forge), forge.trust);
    expect(report).toStrictEqual(whole.report);
  });
});

async function saved(forge: Forge): Promise<AuditState> {
  const { state } = await audit(sourceOf(forge), forge.trust);
  if (state === undefined) throw new Error("no state");
  return AuditState.decode(state.encode());
}

describe("an operator is caught: AUDITOR_INDEX_MISMATCH", () => {
  const rows: Readonly<Record<string, (forge: Forge) => Promise<void>>> = {
    "who hides a statement": (forge) =>
      commit(
        forge,
        5,
        rootOf(forge, 5, (index) => index === 4),
      ),
    "who hides all about a subject": (forge) =>
      commit(
        forge,
        5,
        rootOf(forge, 5, (index) => index !== 3 && index > 1),
      ),
    "who has the root of another size": (forge) => commit(forge, 5, rootOf(forge, 4)),
    "who covers what is not there yet": (forge) => commit(forge, 6, rootOf(forge, 5)),
    "who goes back": async (forge) => {
      await commit(forge, 5);
      await commit(forge, 4);
    },
    "who signs something else as a head": async (forge) => {
      const payload = Uint8Array.of(1);
      const named = { contentType: INDEX_MEDIA_TYPE, issuer: ISSUER, subject: SUBJECT };
      await forge.round([await signStatement({ payload, ...named }, forge.second)]);
    },
  };
  test.each(Object.entries(rows))("%s", async (_name, lie) => {
    const forge = await indexed();
    await lie(forge);
    const { code, index } = await refusal(forge);
    expect([code, index]).toStrictEqual(["AUDITOR_INDEX_MISMATCH", forge.entries.length - 1]);
  });

  test("who waits until the audit goes on later", async () => {
    const forge = await indexed();
    const state = await saved(forge);
    await commit(
      forge,
      5,
      rootOf(forge, 5, (index) => index === 2),
    );
    await expect(audit(sourceOf(forge), forge.trust, { state })).rejects.toMatchObject({
      code: "AUDITOR_INDEX_MISMATCH",
    });
  });
});
