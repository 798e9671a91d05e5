import { Command } from "commander";
import type { Option } from "commander";

import { isAddress } from "./address.js";
import { CliError } from "./error.js";
import type { Session } from "./session.js";

const REQUIRED = "Required options:";

const REPEATABLE = new WeakSet<Option>();

/** Lets an option be given several times; its parser keeps what came before. */
export function repeatable(option: Option): Option {
  REPEATABLE.add(option);
  return option;
}

/**
 * A command of the command line, which is strict: what is empty is refused, and so is an option that
 * is given twice where one value would be dropped without a word. Whatever is wrong with the arguments
 * ends in {@link CliError} `CLI_USAGE`.
 */
export class TallyCommand extends Command {
  readonly #session: Session;
  readonly #seen = new Set<string>();

  constructor(name: string, session: Session) {
    super(name);
    this.#session = session;
    this.on("beforeHelp", () => {
      session.command = this.path;
    });
    this.hook("preAction", (_, acting) => {
      if (acting === this) this.#requireSense();
    });
  }

  override createCommand(name = ""): TallyCommand {
    return new TallyCommand(name, this.#session);
  }

  /** What is typed to call it: `tally trust add`. */
  get path(): string {
    return this.parent instanceof TallyCommand ? `${this.parent.path} ${this.name()}` : this.name();
  }

  override addOption(option: Option): this {
    const name = option.name();
    // Before the listener that reads the value.
    this.on(`option:${name}`, (value: unknown) => {
      const flag = option.long ?? name;
      if (value === "") this.error(`${flag} is empty`);
      const isRepeatable = option.variadic || REPEATABLE.has(option);
      if (this.#seen.has(name) && !isRepeatable) this.error(`${flag} is given twice`);
      this.#seen.add(name);
    });
    if (option.mandatory) option.helpGroup(REQUIRED);
    return super.addOption(option);
  }

  override error(message: string): never {
    this.#session.command = this.path;
    // Which option is unknown says more than which one is missing, often the same one.
    const unknown = this.args.find((arg) => /^--?[a-z]/i.test(arg));
    if (unknown !== undefined && message.includes("required option")) {
      this.error(`unknown option '${unknown}'`);
    }
    const said = message
      .replace(/^error: /, "")
      .replaceAll("\n", " ")
      .replace(/\.$/, "");
    throw new CliError("CLI_USAGE", `${said}${this.#adviceOnPlace()}`);
  }

  #requireSense(): void {
    this.#session.command = this.path;
    if (this.args.includes("")) this.error("an argument is empty");
    const isMisplaced = this.#takesService() && this.args.some(isAddress);
    if (isMisplaced) this.error("an argument is an address");
  }

  // A place that is read, at an address or in a folder, is an argument; a service that is talked to is
  // an option. Whoever takes one for the other is told.
  #adviceOnPlace(): string {
    const { args } = this;
    // Not shown: an address may have credentials in it.
    if (args.some(isAddress) && this.#takesService())
      return "; name the service with --service URL";
    const [place] = this.registeredArguments;
    if (place === undefined || this.#takesService()) return "";
    if (!args.some((arg) => /^--service(=|$)/.test(arg))) return "";
    const usage = this.registeredArguments.map((one) => `<${one.name()}>`).join(" ");
    return `; what it reads is an argument: ${this.path} ${usage}`;
  }

  #takesService(): boolean {
    return this.options.some(({ long }) => long === "--service");
  }
}
