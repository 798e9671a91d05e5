import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { PrivateKey } from "@tallystick/cose";
import { MemoryAnchor, MemoryStore } from "@tallystick/log";
import { TransparencyService, serve } from "@tallystick/server";
import type { RunningServer } from "@tallystick/server";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";

import { describeBrowser, launchBrowser } from "./testing/chromium.js";

// A folder for what the pages look like; none is kept unless it is given.
const SCREENSHOTS = process.env["TALLYSTICK_SCREENSHOTS"];

const ISSUER =
  "https://log.example/it's&lt;bold&gt;/a_long_path_that_has_no_place_to_break_anywhere_at_all";

const ORIGIN = "log.example/<b>a</b>";

function memoryPlace() {
  let kept = new MemoryStore();
  return {
    open: () => Promise.resolve((kept = kept.reopen())),
    clear: () => Promise.resolve(void (kept = new MemoryStore())),
  };
}

const VIEWS = [
  ["light", { colorScheme: "light", viewport: { width: 1024, height: 900 } }],
  ["dark", { colorScheme: "dark", viewport: { width: 1024, height: 900 } }],
  ["narrow", { colorScheme: "light", viewport: { width: 360, height: 740 } }],
] as const;

/** Yields the contrast of text to what is behind it (WCAG 2.2 §1.4.3), the least on the page. */
const LEAST_CONTRAST = `(() => {
  const channel = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = (css) => {
    const [r, g, b] = css.match(/[0-9.]+/g).map(Number).map(channel);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const isClear = (css) => css === "rgba(0, 0, 0, 0)";
  const behind = (element) => {
    const { backgroundColor } = getComputedStyle(element);
    return isClear(backgroundColor) ? behind(element.parentElement) : backgroundColor;
  };
  const contrasts = [...document.querySelectorAll("main *")].map((element) => {
    const [a, b] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
  return Math.min(...contrasts);
})()`;

describeBrowser("the page of a service in headless Chromium", () => {
  let browser: Browser;
  let service: TransparencyService;
  let server: RunningServer;

  beforeAll(async () => {
    const key = await PrivateKey.generate("ES256");
    service = await TransparencyService.create(
      {
        ...{ store: new MemoryStore(), anchor: new MemoryAnchor(), search: memoryPlace() },
        ...{ issuer: ISSUER, origin: ORIGIN, signer: key },
        formerKeys: [(await PrivateKey.generate("ES256")).publicKey],
      },
      key,
    );
    server = await serve(service, { host: "127.0.0.1", port: 0 });
    browser = await launchBrowser();
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    await server.close();
    await service.close();
  });

  /** Opens the page, and yields it with everything that the browser complained of. */
  async function open(
    options: Parameters<Browser["newPage"]>[0],
  ): Promise<{ readonly page: Page; readonly complaints: string[] }> {
    // Without JavaScript, as some browse.
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`${server.url}/`);
    return { page, complaints };
  }

  test.each(VIEWS)("can be read: %s", async (name, options) => {
    const { page, complaints } = await open(options);
    await page.getByRole("heading", { level: 1, name: ORIGIN }).waitFor();
    expect(await page.getByText("Accepting registrations").isVisible()).toBe(true);
    expect(await page.getByText(ISSUER).isVisible()).toBe(true);
    // Nothing sticks out at the side, whatever has no place to break.
    const sticksOut = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
    expect(await page.evaluate(sticksOut)).toBe(false);
    expect(await page.evaluate(LEAST_CONTRAST)).toBeGreaterThanOrEqual(4.5);
    expect(complaints).toEqual([]);
    if (SCREENSHOTS !== undefined) {
      await mkdir(SCREENSHOTS, { recursive: true });
      await writeFile(join(SCREENSHOTS, `${name}.png`), await page.screenshot({ fullPage: true }));
    }
    await page.context().close();
  });

  test("works without JavaScript: every field has its label, and a search is answered", async () => {
    await service.searchSettled();
    const { page } = await open({ javaScriptEnabled: false });
    for (const name of ["Issuer", "Subject", "Payload digest, in hex"]) {
      expect(await page.getByLabel(name, { exact: true }).and(page.locator("input")).count()).toBe(
        1,
      );
    }
    await page.locator('input[name="sub"]').fill("registration-policy");
    await page.locator('form:has(input[name="sub"]) button').click();
    await page.waitForURL(/\/search\?sub=registration-policy$/);
    expect(JSON.parse((await page.textContent("pre")) ?? "")).toMatchObject({
      hits: [{ index: 0, issuer: ISSUER, subject: "registration-policy" }],
    });
    await page.context().close();
  });

  test("tells of a freeze, as text", async () => {
    await service.log.freeze("moved to <i>ts2.example</i>");
    const { page, complaints } = await open({ colorScheme: "dark" });
    expect(
      await page.getByText("Frozen: no more entries are taken", { exact: true }).isVisible(),
    ).toBe(true);
    expect(await page.getByText("moved to <i>ts2.example</i>").isVisible()).toBe(true);
    expect([complaints, await page.locator("i, b").count()]).toEqual([[], 0]);
    await page.context().close();
  });
});
