import type { AuditReport } from "./audit.js";
import type { Scene } from "./scene.js";
import { stop } from "./site.js";
import type { Serving } from "./site.js";

/** What a service came to in the end, none of them wrong. */
export type Ending =
  /** All that was acknowledged is there, at once or after what an operator would do. */
  | "sound"
  /** It said why it takes nothing, for good. */
  | "refused"
  /** It could not know that all copies are older; the oracle did. */
  | "convicted";

/** What one start came to; `says` is the reason of a refusal. */
type Start = { readonly ending: Ending } | { readonly says: string };

/**
 * Starts a server that nothing happens to, and does what its reasons ask of an operator: put the
 * newest copy back, or go on although the clock is behind. What is wrong is blamed on the scene.
 */
export async function settle(scene: Scene): Promise<Ending> {
  scene.clockOffset = 0;
  const args: string[] = [];
  let isMended = false;
  for (;;) {
    const start = await hold(scene, args);
    if ("ending" in start) return start.ending;
    const { says } = start;
    if (!scene.explains(says)) {
      scene.blame("verdict", [`refuses without need: ${says}`]);
      return "refused";
    }
    if (says.includes("LOG_CLOCK_BACKWARD") && args.length === 0) args.push("--ignore-clock");
    else if (isMended) {
      scene.blame("verdict", [`refuses although its newest copy is back: ${says}`]);
      return "refused";
    } else if (await scene.mend()) isMended = true;
    else return "refused";
  }
}

async function hold(scene: Scene, args: readonly string[]): Promise<Start> {
  const start = await scene.start({}, ...args);
  if (start.url === undefined) {
    const { code, stderr } = start.outcome;
    if (code !== 2 || !/^tally: ./m.test(stderr)) scene.end("verdict", start.outcome);
    return { says: stderr };
  }
  const { oracle, bench } = scene.lane;
  const standing = scene.isDamaged ? "doubtful" : "stated";
  const audit = await oracle.ask("audit", { url: start.url, standing, all: true });
  if (audit.problems.length > 0 && scene.mayFork) {
    await requirePast(scene, start);
    return { ending: "convicted" };
  }
  scene.blame("verdict", audit.problems);
  const isWhole = audit.standing === "sound" || (await isUnharmed(scene, start, audit));
  scene.end("verdict", await stop(start));
  const report = await bench.fsck(scene.site.path);
  if (isWhole) {
    scene.blame("verdict", await oracle.ask("judge", report));
    return { ending: "sound" };
  }
  if (report.exit === 0 && !audit.status.includes("LOG_CLOCK_BACKWARD")) {
    scene.blame("verdict", [`fsck finds nothing: ${audit.status}`]);
  }
  return { says: `${audit.status} ${Object.keys(audit.refusals).join()}` };
}

/** Whether what its files suffered took nothing from a service after all. */
async function isUnharmed(scene: Scene, { url }: Serving, audit: AuditReport): Promise<boolean> {
  const isComplete = Object.keys(audit.refusals).length === 0 && audit.denied === 0;
  if (audit.standing !== "damaged" || !isComplete) return false;
  const again = await scene.lane.oracle.ask("audit", { url, standing: "sound", all: true });
  scene.blame("verdict", again.problems);
  return true;
}

/** What the older copies held has to be there, whatever was signed on top of it. */
async function requirePast(scene: Scene, serving: Serving): Promise<void> {
  const question = {
    url: serving.url,
    standing: scene.isDamaged ? "doubtful" : "stated",
    acknowledged: scene.remembered,
  } as const;
  const { problems } = await scene.lane.oracle.ask("review", question);
  scene.blame("before the fork", problems);
  scene.end("fork", await stop(serving));
  const { exit, verdict } = await scene.lane.bench.fsck(scene.site.path);
  const isExplained = exit === 0 || scene.isDamaged;
  if (!isExplained) scene.blame("fork", [`fsck exits ${String(exit)}, ${verdict}`]);
}
