import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";

import { readVector } from "./cvss.js";

describe("the base score of CVSS 3.1", () => {
  test.each([
    ["MySQL stored procedure", "AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4],
    ["phpMyAdmin cross-site scripting", "AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1],
    ["SSLv3 POODLE", "AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1],
    ["VMware guest to host", "AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9],
    ["Tomcat XML parser", "AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 4.2],
    ["Cisco IOS command execution", "AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 8.8],
    ["iWork denial of service", "AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 7.8],
    ["OpenSSL Heartbleed", "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5],
    ["Bash Shellshock", "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8],
    ["DNS cache poisoning", "AV:N/AC:H/PR:N/UI:N/S:C/C:N/I:H/A:N", 6.8],
    ["login screen bypass", "AV:P/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 6.8],
    ["access list bypass", "AV:N/AC:L/PR:N/UI:N/S:C/C:N/I:L/A:N", 5.8],
    ["proxy ARP", "AV:A/AC:L/PR:N/UI:N/S:C/C:H/I:N/A:H", 9.3],
    ["reflected scripting, full", "AV:N/AC:L/PR:L/UI:R/S:C/C:H/I:H/A:H", 9],
    ["OpenSSL change cipher spec", "AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:N", 7.4],
    ["firmware flash from the host", "AV:L/AC:L/PR:H/UI:N/S:C/C:H/I:H/A:H", 8.2],
    ["no impact", "AV:N/AC:L/PR:N/UI:N/S:C/C:N/I:N/A:N", 0],
  ])("is that of the specification's examples: %s", (_name, metrics, score) => {
    expect(readVector(`CVSS:3.1/${metrics}`).vector?.score).toBe(score);
  });

  test("is the same for 3.0, and whatever temporal metrics say", () => {
    const metrics = "AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N";
    for (const text of [`CVSS:3.0/${metrics}`, `CVSS:3.1/${metrics}/E:U/RL:O/RC:U`]) {
      expect(readVector(text).vector?.score).toBe(6.4);
    }
  });

  test("is of one decimal between 0 and 10, and no higher for a milder impact", () => {
    const pick = (...values: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...values);
    const metrics = fc.tuple(
      pick("N", "A", "L", "P"),
      pick("L", "H"),
      pick("N", "L", "H"),
      pick("N", "R"),
      pick("U", "C"),
      pick("H", "L", "N"),
      pick("H", "L", "N"),
    );
    fc.assert(
      fc.property(metrics, ([av, ac, pr, ui, s, c, i]) => {
        const scoreWith = (a: string): number =>
          readVector(`AV:${av}/AC:${ac}/PR:${pr}/UI:${ui}/S:${s}/C:${c}/I:${i}/A:${a}`).vector
            ?.score ?? NaN;
        const [none, low, high] = [scoreWith("N"), scoreWith("L"), scoreWith("H")];
        expect(none).toBeGreaterThanOrEqual(0);
        expect(low).toBeGreaterThanOrEqual(none);
        expect(high).toBeGreaterThanOrEqual(low);
        expect(high).toBeLessThanOrEqual(10);
        expect(Number(high.toFixed(1))).toBe(high);
      }),
    );
  });
});

describe("the base score of CVSS 4.0", () => {
  test.each([
    ["full impact", "AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3],
    ["full impact beyond", "AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10],
    ["no impact", "AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0],
    ["a published report's", "AV:L/AC:L/AT:P/PR:L/UI:N/VC:L/VI:L/VA:L", 2],
    ["the same under threat", "AV:L/AC:L/AT:P/PR:L/UI:N/VC:L/VI:L/VA:L/SC:N/SI:N/SA:N/E:U", 2],
  ])("is computed: %s", (_name, metrics, score) => {
    expect(readVector(`CVSS:4.0/${metrics}`).vector?.score).toBe(score);
  });
});

describe("a vector as written", () => {
  const base = "AV:P/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L";
  const four = "AV:L/AC:L/AT:P/PR:L/UI:N/VC:L/VI:L/VA:L";

  test.each([
    ["with its prefix", `CVSS:3.1/${base}`, `CVSS:3.1/${base}`, {}],
    ["of 3.0", `CVSS:3.0/${base}`, `CVSS:3.0/${base}`, {}],
    ["without prefix", base, `CVSS:3.1/${base}`, { hasPrefix: false }],
    ["behind a slash", `/${base}`, `CVSS:3.1/${base}`, { hasPrefix: false, isMisshapen: true }],
    ["in blanks", ` CVSS:3.1/${base} `, `CVSS:3.1/${base}`, { isMisshapen: true }],
    ["with temporal metrics", `CVSS:3.1/${base}/E:U`, `CVSS:3.1/${base}/E:U`, {}],
    [
      "of 4.0 without subsequent systems",
      four,
      `CVSS:4.0/${four}/SC:N/SI:N/SA:N`,
      { hasPrefix: false, isIncomplete: true },
    ],
    ["of 4.0", `CVSS:4.0/${four}/SC:N/SI:L/SA:N`, `CVSS:4.0/${four}/SC:N/SI:L/SA:N`, {}],
  ])("is brought into its normal form: %s", (...[, written, text, odd]) => {
    const { vector, ...reading } = readVector(written);
    const usual = { isAbsent: false, hasPrefix: true, isMisshapen: false, isIncomplete: false };
    expect(vector?.text).toBe(text);
    expect(reading).toStrictEqual({ ...usual, ...odd });
  });

  test.each([
    ["an unknown version", `CVSS:2.0/${base}`],
    ["a metric twice", `${base}/A:L`],
    ["an unknown value", base.replace("AV:P", "AV:X")],
    ["an unknown metric", `CVSS:3.1/${base}/ZZ:N`],
    ["a metric short", base.replace("/C:L", "")],
    ["a value of 4.0 that is of another metric", `CVSS:4.0/${four}/SC:N/SI:S/SA:N`],
    ["an unknown metric of 4.0", `CVSS:4.0/${four}/ZZ:N`],
    ["no metrics", "see the report"],
    ["very long", `CVSS:3.1/${base}${"/E:U".repeat(1000)}`],
    ["names of prototypes", "constructor:N/__proto__:N"],
  ])("is none that can be read: %s", (_name, written) => {
    expect(readVector(written)).toMatchObject({ vector: undefined, isAbsent: false });
  });

  test.each([["N/A"], [""], ["none"], [" n/a "]])("is absent: %j", (written) => {
    expect(readVector(written)).toMatchObject({ vector: undefined, isAbsent: true });
  });
});
