import { CertificatePath } from "../x509/path.js";
import { StatementError } from "../error.js";
import {
  certificatesOf,
  issue,
  issueLeaf,
  NOW,
  utcTime,
  type Issued,
  type Recipe,
} from "./certificate.js";

export const EXPIRED: Recipe = { notAfter: utcTime("260531235959Z") };

/** What is verified. */
export interface Case {
  readonly chain: readonly Issued[];
  readonly anchors: readonly Issued[];
  readonly time?: number;
}

/** Verifies the path, at {@link NOW} unless the case says otherwise. */
export async function verify({ chain, anchors, time = NOW }: Case): Promise<CertificatePath> {
  return CertificatePath.verify(certificatesOf(...chain), certificatesOf(...anchors), { time });
}

/** Yields code and message of the refusal; anything else fails the test. */
export async function refusalOf(input: Case): Promise<{ code: string; message: string }> {
  try {
    await verify(input);
  } catch (error) {
    if (error instanceof StatementError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("was not refused");
}

/** A chain of three whose parts a test may remake. */
export async function three(
  recipes: { readonly root?: Recipe; readonly middle?: Recipe; readonly leaf?: Recipe } = {},
): Promise<{ root: Issued; middle: Issued; leaf: Issued }> {
  const root = await issue("CN=Root", recipes.root);
  const middle = await issue("CN=Middle", { by: root, ...recipes.middle });
  const leaf = await issueLeaf(middle, recipes.leaf);
  return { root, middle, leaf };
}

/** Yields what makes a chain of three, leaf first, under its root, changed as the test wants it. */
export function withThree(
  recipes: Parameters<typeof three>[0],
  change?: (made: Issued[]) => Partial<Case>,
): () => Promise<Case> {
  return async () => {
    const { root, middle, leaf } = await three(recipes);
    return { chain: [leaf, middle], anchors: [root], ...change?.([leaf, middle, root]) };
  };
}

/** Yields a chain with this many CAs below the root. */
export async function long(count: number, root?: Recipe): Promise<Case> {
  const anchor = await issue("CN=Root", root);
  const issuers = [anchor];
  for (let i = 0; i < count; i++) {
    issuers.unshift(await issue(`CN=CA ${i}`, { by: issuers[0] ?? anchor }));
  }
  const chain = [await issueLeaf(issuers[0] ?? anchor), ...issuers.slice(0, -1)];
  return { chain, anchors: [anchor] };
}
