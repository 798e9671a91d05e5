import { describe } from "@jest/globals";
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";

const CHROMIUM = process.env["TALLYSTICK_CHROMIUM"] ?? "/usr/bin/chromium";

/** Runs the suite, or says by name why it does not; under CI the browser has to be there. */
export function describeBrowser(name: string, suite: () => void): void {
  if (existsSync(CHROMIUM)) {
    describe(name, suite);
    return;
  }
  const message = `SKIPPED for want of ${CHROMIUM}: ${name}`;
  if (process.env["CI"] !== undefined) throw new Error(message);
  process.stderr.write(`${message}\n`);
  describe.skip(name, suite);
}

/** Starts the browser, which asks nobody else for anything. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
