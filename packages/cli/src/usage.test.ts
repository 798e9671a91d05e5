import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";

import { tally } from "./testing/command.js";
import { Workspace } from "./testing/workspace.js";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await Workspace.moveTo();
  await workspace.write("payload.json", "{}");
  await workspace.must("keygen", "--alg", "ES256", "--out", "made.jwk");
});

afterAll(() => workspace.remove());

describe("the version", () => {
  test("is that of the package", async () => {
    const { code, stdout } = await workspace.tally("--version");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

const OUT = ["--out", "out.file"];
const SERVICE = ["--service", "http://127.0.0.1:9"];
const SIGN = ["sign", "payload.json", "--key", "made.jwk", "--iss", "a", "--sub", "b"];
const AS = ["sign", "payload.json", "--key", "made.jwk", "--sub", "b", "--iss"];
const BY = ["sign", "payload.json", "--iss", "a", "--sub", "b", "--key"];
const ID = "0".repeat(64);
const PUBLIC_URL = ["serve", "new", "--create", "--public-url"];
const NOT_PLAIN = "--issuer has credentials, a query or a fragment";
const NO_URI = "--issuer has a colon but is no URI";

const WRONG: readonly (readonly [args: readonly string[], says: string])[] = [
  [[], "Usage: tally"],
  [["unknown"], "unknown command 'unknown'"],
  [["init"], "missing required argument 'dir'"],
  [["init", "new", "more"], "too many arguments"],
  [["init", "new", "--alg", "RS256"], "Allowed choices are ES256, ES384, EdDSA"],
  [["init", "new", "--issuer", "ftp://x"], "--issuer is no http or https URL"],
  [["init", "new", "--issuer", "nobody"], "--issuer is no http or https URL"],
  ...["#", "?", "/?a", "/#a"].map(
    (end) => [["init", "new", "--issuer", `https://x.example${end}`], NOT_PLAIN] as const,
  ),
  [["init", "new", "--issuer", "https://me:pw@x.example"], NOT_PLAIN],
  [["init", "new", "--issuer", "https://@x.example"], NOT_PLAIN],
  [["init", "new", "--issuer", "https:x.example"], "--issuer is no http or https URL"],
  [["init", "new", "--issuer", "https://x.example/a b"], NO_URI],
  [["init", "new", "--issuer", " https://x.example"], NO_URI],
  [["init", "new", "--issuer", "https://x.example\n"], NO_URI],
  [["init", "new", "--issuer", "https://x.exa\u0007mple"], NO_URI],
  [["init", "new", "--issuer", "https://vendör.example"], NO_URI],
  [["init", "new", "--issuer", `https://x.example/${"x".repeat(8192)}`], "want at most 8192"],
  [["init", "new", "--issuer", ""], "--issuer is empty"],
  [["init", "new", "--origin", ""], "--origin is empty"],
  ...["My log", " log", "log\n", "l\u0007og", "l\u202eog", "x".repeat(256)].map(
    (origin) => [["init", "new", "--origin", origin], "--origin is no name of a log"] as const,
  ),
  [["serve"], "missing required argument 'dir'"],
  [["serve", "new", "--port", "http"], "want a number from 0 to 65535"],
  [["serve", "new", "--port", "65536"], "want a number from 0 to 65535"],
  [["serve", "new", "--create", "--public-url", "x"], "--public-url is no http or https URL"],
  ...["?", "#", "/?a=b", "/#a"].map(
    (end) => [[...PUBLIC_URL, `https://x.example${end}`], "a query or a fragment"] as const,
  ),
  [[...PUBLIC_URL, "https://me:pw@x.example"], "--public-url has credentials"],
  [[...PUBLIC_URL, "https://x.example/\u0007"], "white space or control characters"],
  [[...PUBLIC_URL, "https://x.example\n"], "white space or control characters"],
  [[...PUBLIC_URL, "ftp://x.example"], "--public-url is no http or https URL"],
  [["keygen", "--alg", "ES256"], "required option '--out <name.jwk>' not specified"],
  [["keygen", "--out", "k.jwk"], "required option '--alg <alg>' not specified"],
  [["keygen", "--alg", "none", "--out", "k.jwk"], "Allowed choices are ES256"],
  [["keygen", "--alg", "ES256", "--out", "k.pem"], "--out is not a name that ends in .jwk"],
  [["keygen", "--alg", "ES256", "--out", ".jwk"], "--out is not a name that ends in .jwk"],
  [["keygen", "--alg", "ES256", "--out", "k.pub.jwk"], "--out is not a name that ends in .jwk"],
  [["trust"], "Usage: tally trust"],
  [["trust", "unknown"], "unknown command 'unknown'"],
  [["trust", "follow", ...SERVICE], "missing required argument 'trust.json'"],
  [["trust", "follow", "t.json"], "required option '--service <url>' not specified"],
  [
    ["trust", "follow", "t.json", "--service", "x", "--client-cert", "c"],
    "want --client-cert together",
  ],
  [["trust", "add", "made.pub.jwk"], "required option '--iss <iss>' not specified"],
  [["trust", "add", "made.pub.jwk", "--iss", "a"], "want either --dir, or --service"],
  [["trust", "add", "made.pub.jwk", "--iss", "a", ...SERVICE], "want either --dir, or --service"],
  [
    ["trust", "add", "made.pub.jwk", "--iss", "a", "--operator", "made.jwk"],
    "want either --dir, or --service",
  ],
  [
    ["trust", "add", "made.pub.jwk", "--iss", "a", "--dir", "d", ...SERVICE],
    "want either --dir, or --service",
  ],
  [["trust", "add", "made.pub.jwk", "--iss", "", "--dir", "d"], "--iss is empty"],
  [
    ["trust", "add", "made.pub.jwk", "--iss", "a: b", "--dir", "d"],
    "--iss has a colon but is no URI",
  ],
  [["trust", "export", ...OUT], "required option '--service <url>' not specified"],
  [["trust", "export", ...SERVICE], "required option '--out <trust.json>' not specified"],
  [["trust", "export", "--service", "nowhere", ...OUT], "service address is no http or https URL"],
  [[...SIGN, ...OUT], "required option '--type <media>' not specified"],
  [[...SIGN, "--type", "", ...OUT], "--type is empty"],
  [[...SIGN, "--type", "a/b", "--hash", "md5", ...OUT], "Allowed choices are sha-256"],
  [[...SIGN, "--type", "a/b", "--location", "x", ...OUT], "--location only goes with --hash"],
  [[...AS, "", "--type", "a/b", ...OUT], "--iss is empty"],
  [[...AS, "a: b", "--type", "a/b", ...OUT], "--iss has a colon but is no URI"],
  [["register", "payload.json", ...OUT], "required option '--service <url>' not specified"],
  [["register", "payload.json", ...SERVICE], "required option '--out"],
  [["register", "payload.json", "--service", "x", ...OUT], "no http or https URL"],
  [["register", "payload.json", ...SERVICE, "--async", ...OUT], "--async and --out do not go"],
  [["register", ".", ...SERVICE, ...OUT], "no *.scitt in ."],
  [["register", "payload.json", ...SERVICE, ...OUT, "--timeout", "0"], "seconds from 1 to 86400"],
  [["receipt", ID, ...SERVICE, ...OUT, "--timeout", "x"], "seconds from 1 to 86400"],
  [["serve", "new", "--write-rate", "-1"], "want a whole number"],
  [["serve", "new", "--body-timeout", "0"], "seconds from 1 to 86400"],
  [["receipt", "ab", ...SERVICE, ...OUT], "want 64 lower-case hexadecimal digits"],
  [["receipt", "A".repeat(64), ...SERVICE, ...OUT], "want 64 lower-case hexadecimal digits"],
  [["receipt", ID, ...OUT], "want --service or --from-tiles"],
  [["consistency", "1", ...SERVICE, ...OUT], "missing required argument 'new'"],
  [["consistency", "0", "2", ...SERVICE, ...OUT], "want a tree size"],
  [["consistency", "1", "0x2", ...SERVICE, ...OUT], "want a tree size"],
  [["consistency", "1", "9007199254740992", ...SERVICE, ...OUT], "want a tree size"],
  [["consistency", "2", "2", ...SERVICE, ...OUT], "OLD is not below NEW"],
  [["consistency", "1", "2", "3", ...SERVICE, ...OUT], "too many arguments"],
  [["verify", "payload.json"], "required option '--trust <trust.json>' not specified"],
  [
    ["verify", "a", "--trust", "b", "--payload", "c", "--since", "d"],
    "--payload and --since do not go together",
  ],
  [["inspect"], "missing required argument 'file'"],
  [["inspect", "payload.json", "--yaml"], "unknown option '--yaml'"],
  [["fsck"], "missing required argument 'dir'"],
  [["fsck", "d", "--repair"], "unknown option '--repair'"],
  [["serve", "new", "--scrub-rate", "fast"], "want a whole number"],
  [["serve", "new", "--scrub-pause", "-1"], "want a whole number"],
  [["doctor"], "missing required argument 'dir'"],
  [["doctor", "d", "--writes", "0"], "want a number from 1 to 999999"],
  [["doctor", "d", "--min-free-mib", "x"], "want a whole number of mebibytes"],
  [["backup", "d"], "missing required argument 'file'"],
  [["restore", "f"], "missing required argument 'dir'"],
  [["rotate-key"], "missing required argument 'dir'"],
  [
    ["rotate-key", "d", "--begin", "--switch"],
    "want one of --begin, --switch, --finish, --abandon",
  ],
  [["rotate-key", "d", "--alg", "ES256"], "--alg is for --begin"],
  [["rotate-key", "d", "--begin", "--alg", "HS256"], "Allowed choices are ES256"],
  [["rotate-key", "d", "--switch", "--service", "http://x"], "--switch takes a server that is"],
  [["rotate-key", "d", "--operator", "o.jwk"], "--operator is for --begin, --finish and --abandon"],
  [
    ["rotate-key", "d", "--ca", "ca.pem"],
    "--token-file, --ca, --client-cert and --client-key go with --service",
  ],
  [["freeze", "d"], "required option '--why <text>' not specified"],
  [["freeze", "d", "--why", ""], "--why is empty"],
  [["freeze", "d", "--why", "x".repeat(1001)], "--why is over 1000 characters"],
];

describe("the command itself", () => {
  // The rows below run in this process: all but the streams and the exit code is the same code.
  test.each([
    [["keygen", "--out", "k.jwk"], 3],
    [["fsck", "absent"], 2],
    [["inspect", "payload.json"], 1],
  ] as const)("tally %j ends as it does in one's own process", async (args, code) => {
    const here = await workspace.tally(...args);
    expect(here.code).toBe(code);
    expect(await tally(args, { cwd: workspace.path })).toEqual(here);
  });
});

describe("wrong usage", () => {
  test.each(WRONG)("tally %j exits with 3", async (args, says) => {
    const before = await workspace.names();
    const { code, stdout, stderr } = await workspace.tally(...args);
    expect(stderr).toContain(says);
    expect(code).toBe(3);
    if (!args.includes("--json")) expect(stdout).toBe("");
    expect(await workspace.names()).toEqual(before);
  });

  test("with --json is said as JSON too", async () => {
    const { code, stdout, stderr } = await workspace.tally("verify", "x", "--json");
    expect(code).toBe(3);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
    expect(error.code).toBe("CLI_USAGE");
    expect(error.message).toContain("--trust");
    expect(stderr).toContain("--trust");
  });
});

const ABSENT = "no such file or directory";

const IMPOSSIBLE: readonly (readonly [args: readonly string[], says: string])[] = [
  [
    ["serve", "absent"],
    "absent is not a service directory: nothing is there, make a service with: tally init absent",
  ],
  [["fsck", "absent"], "absent is not a service directory"],
  [["doctor", "absent"], "absent is not a service directory"],
  [["backup", "absent", "b"], "absent is not a service directory"],
  [["rotate-key", "absent"], "absent is not a service directory"],
  [["freeze", "absent", "--why", "x"], "absent is not a service directory"],
  [["restore", "absent", "new"], "no backup there"],
  [["restore", "payload.json", "new"], "the backup is cut short at byte 2"],
  [["trust", "add", "absent.jwk", "--iss", "a", "--dir", "absent"], `absent.jwk: ${ABSENT}`],
  [["trust", "add", "made.pub.jwk", "--iss", "a", "--dir", "absent"], "not a service directory"],
  [["keygen", "--alg", "ES256", "--out", "absent/k.jwk"], `cannot write absent/k.jwk: ${ABSENT}`],
  [["sign", "absent", ...SIGN.slice(2), "--type", "a/b", ...OUT], `cannot read absent: ${ABSENT}`],
  [["sign", ".", ...SIGN.slice(2), "--type", "a/b", ...OUT], "cannot read .: is a directory"],
  [[...SIGN, "--type", "a/b", "--out", "absent/x"], `cannot write absent/x: ${ABSENT}`],
  [[...SIGN, "--type", "a/b", "--out", "."], "cannot write .: is a directory"],
  [[...BY, "made.pub.jwk", "--type", "a/b", ...OUT], "JWK is a public key"],
  [[...BY, "payload.json", "--type", "a/b", ...OUT], "JWK without kty"],
  [["register", "absent", ...SERVICE, ...OUT], `cannot read absent: ${ABSENT}`],
  [["verify", "payload.json", "--trust", "absent"], `cannot read absent: ${ABSENT}`],
  [
    ["verify", "payload.json", "--trust", "payload.json"],
    "payload.json: trust file lacks services",
  ],
  [["inspect", "absent"], `cannot read absent: ${ABSENT}`],
  [["receipt", ID, ...SERVICE, ...OUT], "127.0.0.1:9 cannot be reached"],
  [["consistency", "1", "2", ...SERVICE, ...OUT], "127.0.0.1:9 cannot be reached"],
  [["trust", "export", ...SERVICE, ...OUT], "127.0.0.1:9 cannot be reached"],
];

describe("what could not be done", () => {
  test.each(IMPOSSIBLE)("tally %j exits with 2", async (args, says) => {
    const before = await workspace.names();
    const { code, stdout, stderr } = await workspace.tally(...args);
    expect(stderr).toContain(says);
    expect(stderr).toMatch(/^tally: .*\n$/);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(await workspace.names()).toEqual(before);
  });

  test("with --json is said as JSON too", async () => {
    const { code, stdout } = await workspace.tally("fsck", "absent", "--json");
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: "CLI_DIRECTORY_INVALID",
        message:
          "absent is not a service directory: nothing is there, make a service with: tally init absent",
      },
    });
  });
});
