/** A type of CDDL (RFC 8610), of which a part is read: no generics, sockets, groups by name or unwrapping. */
export type CddlType =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "value"; readonly value: bigint | string | Uint8Array }
  | { readonly kind: "range"; readonly low: bigint; readonly high: bigint }
  | { readonly kind: "tag"; readonly tag: bigint; readonly inner: CddlType }
  | { readonly kind: "map" | "array"; readonly members: readonly CddlMember[] }
  | { readonly kind: "choice"; readonly types: readonly CddlType[] }
  | {
      readonly kind: "control";
      readonly name: string;
      readonly target: CddlType;
      readonly controller: CddlType;
    };

/** A member of a map or an array. */
export interface CddlMember {
  readonly min: number;
  readonly max: number;
  /** Of arrays, where it says nothing, it is left out. */
  readonly key: CddlType | undefined;
  readonly type: CddlType;
}

/** Rules by their names, in the order of the text. */
export type CddlRules = ReadonlyMap<string, CddlType>;

const TOKEN =
  /\s+|;[^\n]*|(h'[0-9a-f]*'|"[^"\\\n]*"|#6\.\d+|\.\.|=>|-?\d+|\.[a-z]+|[A-Za-z_$@][\w$@-]*|[={}[\](),:/?*+])/gy;

/** Reads the rules of a text; throws `SyntaxError` for what is none, or is not read here. */
export function parseCddl(text: string): CddlRules {
  const reader = new Reader(tokensOf(text));
  const rules = new Map<string, CddlType>();
  while (!reader.isAtEnd()) {
    const name = reader.name();
    if (rules.has(name)) throw new SyntaxError(`rule ${name} is there twice`);
    reader.expect("=");
    rules.set(name, reader.type());
  }
  return rules;
}

/** Yields the names that a text uses; those that it neither has nor knows are not among its rules. */
export function namesIn(type: CddlType): readonly string[] {
  switch (type.kind) {
    case "name":
      return [type.name];
    case "tag":
      return namesIn(type.inner);
    case "choice":
      return type.types.flatMap(namesIn);
    case "control":
      return [...namesIn(type.target), ...namesIn(type.controller)];
    case "map":
    case "array":
      return type.members.flatMap(({ key, type: inner }) => [
        ...(key === undefined ? [] : namesIn(key)),
        ...namesIn(inner),
      ]);
    default:
      return [];
  }
}

function tokensOf(text: string): readonly string[] {
  const tokens: string[] = [];
  let end = 0;
  for (const { 0: whole, 1: token, index } of text.matchAll(TOKEN)) {
    if (token !== undefined) tokens.push(token);
    end = index + whole.length;
  }
  if (end === text.length) return tokens;
  throw new SyntaxError(`cannot be read: ${text.slice(end, end + 20)}`);
}

const NAME = /^[A-Za-z_$@]/;
const INTEGER = /^-?\d+$/;

class Reader {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  isAtEnd(): boolean {
    return this.#at === this.#tokens.length;
  }

  expect(token: string): void {
    if (!this.#take(token)) throw this.#unexpected(`"${token}"`);
  }

  name(): string {
    const name = this.#peek();
    if (!NAME.test(name)) throw this.#unexpected("a name");
    this.#at++;
    return name;
  }

  type(): CddlType {
    const types = [this.#single()];
    while (this.#take("/")) types.push(this.#single());
    const [only] = types;
    return types.length === 1 && only !== undefined ? only : { kind: "choice", types };
  }

  /** type1 of the grammar: a type, a range, or a type under a control. */
  #single(): CddlType {
    const target = this.#plain();
    if (this.#take("..")) {
      const high = this.#plain();
      if (target.kind !== "value" || high.kind !== "value") throw this.#unexpected("a range");
      if (typeof target.value !== "bigint" || typeof high.value !== "bigint") {
        throw this.#unexpected("a range of integers");
      }
      return { kind: "range", low: target.value, high: high.value };
    }
    if (!/^\.[a-z]/.test(this.#peek())) return target;
    const name = this.#next().slice(1);
    return { kind: "control", name, target, controller: this.#plain() };
  }

  #plain(): CddlType {
    const token = this.#next();
    if (token === "{") return { kind: "map", members: this.#members("}") };
    if (token === "[") return { kind: "array", members: this.#members("]") };
    if (token === "(") {
      const inner = this.type();
      this.expect(")");
      return inner;
    }
    if (token.startsWith("#6.")) {
      this.expect("(");
      const inner = this.type();
      this.expect(")");
      return { kind: "tag", tag: BigInt(token.slice(3)), inner };
    }
    if (INTEGER.test(token)) return { kind: "value", value: BigInt(token) };
    if (token.startsWith('"')) return { kind: "value", value: token.slice(1, -1) };
    if (token.startsWith("h'")) {
      return { kind: "value", value: Uint8Array.from(Buffer.from(token.slice(2, -1), "hex")) };
    }
    if (NAME.test(token)) return { kind: "name", name: token };
    this.#at--;
    throw this.#unexpected("a type");
  }

  #members(end: string): readonly CddlMember[] {
    const members: CddlMember[] = [];
    while (!this.#take(end)) {
      members.push(this.#member());
      if (this.#take(",")) continue;
      this.expect(end);
      break;
    }
    return members;
  }

  #member(): CddlMember {
    const [min, max] = this.#occurrence();
    const first = this.#single();
    if (this.#take(":")) {
      const key: CddlType = first.kind === "name" ? { kind: "value", value: first.name } : first;
      return { min, max, key, type: this.type() };
    }
    if (this.#take("=>")) return { min, max, key: first, type: this.type() };
    const types = [first];
    while (this.#take("/")) types.push(this.#single());
    return {
      min,
      max,
      key: undefined,
      type: types.length === 1 ? first : { kind: "choice", types },
    };
  }

  #occurrence(): readonly [number, number] {
    if (this.#take("?")) return [0, 1];
    if (this.#take("+")) return [1, Infinity];
    const low =
      INTEGER.test(this.#peek()) && this.#tokens[this.#at + 1] === "*" ? this.#next() : "0";
    if (!this.#take("*")) return [1, 1];
    return [
      Number(low),
      INTEGER.test(this.#peek()) && !this.#isKey() ? Number(this.#next()) : Infinity,
    ];
  }

  /** An integer behind a star is a bound, unless it is the key of the member. */
  #isKey(): boolean {
    return [":", "=>"].includes(this.#tokens[this.#at + 1] ?? "");
  }

  #peek(): string {
    return this.#tokens[this.#at] ?? "";
  }

  #next(): string {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #take(token: string): boolean {
    if (this.#peek() !== token) return false;
    this.#at++;
    return true;
  }

  #unexpected(wanted: string): SyntaxError {
    const near = this.#tokens.slice(Math.max(0, this.#at - 3), this.#at + 3).join(" ");
    return new SyntaxError(`want ${wanted} near: ${near}`);
  }
}
