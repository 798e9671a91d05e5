import { describe, expect, test } from "@jest/globals";
import { ca, constraints, general, issue, san, SIGNATURE } from "../testing/certificate.js";
import { refusalOf, verify, type Case } from "../testing/chain.js";
import { CertificatePath } from "./path.js";

const INVALID = "STATEMENT_CHAIN_INVALID";

/** Of each kind of name a base, one inside of it, and one outside. */
const KINDS = {
  dns: [general.dns("a.example"), general.dns("h.a.example"), general.dns("b.example")],
  email: [general.email("a.example"), general.email("u@a.example"), general.email("u@b.example")],
  uri: [general.uri("a.example"), general.uri("https://a.example/x"), general.uri("urn:b")],
  ip: [general.ip(10, 0, 0, 0, 255, 0, 0, 0), general.ip(10, 1, 1, 1), general.ip(11, 1, 1, 1)],
  directory: [
    general.directory("O=Vendor"),
    general.directory("O=VENDOR, CN=x"),
    general.directory("CN=x, O=Vendor"),
  ],
} as const;

type Kind = keyof typeof KINDS;

// Subjects are directory names themselves, so they lie within what is permitted of those.
const SUBJECT = { root: "CN=Root", middle: "O=Vendor, CN=Middle", leaf: "O=Vendor, CN=Leaf" };

async function constrained(
  value: Uint8Array,
  { leaf, middle }: { readonly leaf?: Uint8Array; readonly middle?: Uint8Array },
): Promise<Case> {
  const root = await issue(SUBJECT.root, { extensions: [ca(), value] });
  const names = (name: Uint8Array | undefined): Uint8Array[] => (name ? [san(name)] : []);
  const by = await issue(SUBJECT.middle, { by: root, extensions: [ca(), ...names(middle)] });
  const end = await issue(SUBJECT.leaf, { by, extensions: [SIGNATURE, ...names(leaf)] });
  return { chain: [end, by], anchors: [root] };
}

describe.each(Object.keys(KINDS) as Kind[])("name constraints on %s names", (kind) => {
  const [base, inside, outside] = KINDS[kind];
  const place = { leaf: "0 (CN=Leaf)", middle: "1 (CN=Middle)" };

  test("inside what is permitted, of leaf and CA", async () => {
    const input = await constrained(constraints([base]), { leaf: inside, middle: inside });
    expect(CertificatePath.is(await verify(input))).toBe(true);
  });

  test.each(["leaf", "middle"] as const)("outside of it, of the %s", async (which) => {
    const refusal = await refusalOf(await constrained(constraints([base]), { [which]: outside }));
    expect(refusal.code).toBe(INVALID);
    expect(refusal.message).toMatch(
      new RegExp(`${kind} name (is not permitted|cannot be compared)`),
    );
    expect(refusal.message).toContain(place[which]);
  });

  test.each(["leaf", "middle"] as const)("inside what is excluded, of the %s", async (which) => {
    const excluded = kind === "directory" ? general.directory("O=Barred") : base;
    const name = kind === "directory" ? general.directory("O=Barred, CN=x") : inside;
    const input = await constrained(constraints([], [excluded]), { [which]: name });
    const refusal = await refusalOf(input);
    expect(refusal.code).toBe(INVALID);
    expect(refusal.message).toContain(`${place[which]}: ${kind} name is excluded`);
  });

  test("permitted by the root and excluded by the CA", async () => {
    const root = await issue("CN=Root", { extensions: [ca(), constraints([base])] });
    const by = await issue("O=Vendor", {
      by: root,
      extensions: [
        ca(),
        constraints([], [kind === "directory" ? general.directory("O=Vendor, CN=x") : base]),
      ],
    });
    const subject = kind === "directory" ? "O=Vendor, CN=x" : SUBJECT.leaf;
    const leaf = await issue(subject, { by, extensions: [san(inside)] });
    const refusal = await refusalOf({ chain: [leaf, by], anchors: [root] });
    expect(refusal).toStrictEqual({
      code: INVALID,
      message: expect.stringContaining(
        `${kind} name is excluded by the name constraints of O=Vendor`,
      ),
    });
  });
});
