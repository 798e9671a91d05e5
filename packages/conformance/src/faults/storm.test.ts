import { afterAll, beforeAll, expect, test } from "@jest/globals";

import { tell } from "./effort.js";
import { OracleProcess } from "./oracle-process.js";
import { Ground, kill, stop } from "./site.js";
import { describeFault } from "./suite.js";

const TIMES = 1000;

describeFault("F15: one statement many times at once", undefined, () => {
  let ground: Ground;
  let oracle: OracleProcess;

  beforeAll(async () => {
    ground = await Ground.make();
    oracle = await OracleProcess.start(ground);
  });

  afterAll(async () => {
    await oracle.end();
    await ground.clear();
  });

  test(`${TIMES} requests make one entry`, async () => {
    const serving = await ground.template.serve();
    const { url } = serving;
    const storm = await oracle.ask("storm", { url, times: TIMES });
    tell("F15", `${storm.acknowledged} of ${storm.sent} answered, ${storm.indexes} index`);
    expect(storm).toMatchObject({
      sent: TIMES,
      acknowledged: TIMES,
      indexes: 1,
      problems: [],
    });
    const audit = await oracle.ask("audit", {
      url,
      standing: "sound",
      all: true,
    });
    expect(audit).toMatchObject({ size: 3, problems: [] });
    await stop(serving);
    expect(await oracle.ask("judge", await ground.template.fsck())).toEqual([]);
  });

  test("a storm that is cut short and repeated makes one entry", async () => {
    const first = await ground.template.serve();
    oracle.whenAcknowledged(1, () => {
      first.running.kill();
    });
    const storm = await oracle.ask("storm", { url: first.url, times: TIMES });
    await kill(first);
    expect(storm.problems).toEqual([]);
    const again = await ground.template.serve();
    const audit = await oracle.ask("audit", {
      url: again.url,
      standing: "sound",
      all: true,
    });
    expect(audit).toMatchObject({ size: 4, problems: [] });
    await stop(again);
    expect(await oracle.ask("judge", await ground.template.fsck())).toEqual([]);
  });
});
