import { describe, expect, test } from "@jest/globals";
import { audit } from "@tallystick/auditor";
import { MemoryStore, replayLog } from "@tallystick/log";

import { ISSUER, ORIGIN, fixture } from "./testing/service.js";

describe("an audit of what the engine has logged", () => {
  test("T13, T15: finds it sound, through policy changes and rounds of many entries", async () => {
    const store = new MemoryStore();
    const at = await fixture(store);
    for (const change of [{ maxStatementBytes: 65_536 }, { maxStatementBytes: 4096 }]) {
      const signed = await Promise.all(
        Array.from({ length: 200 }, (_, i) => at.sign(`${change.maxStatementBytes} ${i}`)),
      );
      await Promise.all(signed.map((statement) => at.service.register(statement)));
      await at.service.register(await at.propose(change));
    }
    const trust = { receiptKeys: [at.receiptKey.publicKey], issuer: ISSUER, origin: ORIGIN };
    const { report } = await audit(at.service.log.replay(), trust);
    expect(report).toMatchObject({ isComplete: true, checked: 404, size: 404 });
    expect(report.counts).toMatchObject({ entries: 404, policies: 4, disowned: 0 });
    expect(report.root).toEqual(at.service.log.head().checkpoint.root);
    await at.service.close();
    const stored = await audit(await replayLog(store.reopen()), trust);
    expect(stored.report).toEqual(report);
  });
});
