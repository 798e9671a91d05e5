import type { AccessOptions, TlsMaterial, TokenRecord } from "@tallystick/server";

import { CliError } from "./error.js";
import { readWhole } from "./file.js";
import { unusable } from "./tls-error.js";
import { readTokens } from "./tokenfile.js";

/** Which files a server is secured with: options of the command line. */
export interface SecretOptions {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly tokens?: string;
  readonly authReads?: true;
}

/** What of a server can be given other material while it runs. */
interface Reloadable {
  reload(tls: TlsMaterial): void;
}

/** The certificates and tokens of a server, which are read again when it is told to. */
export class Secrets {
  readonly #options: SecretOptions;
  // Owned by open and reload.
  #tls: TlsMaterial | undefined;
  #tokens: readonly TokenRecord[] = [];

  private constructor(options: SecretOptions) {
    this.#options = options;
  }

  /**
   * Reads all files.
   *
   * @throws {@link CliError} `CLI_USAGE`, `CLI_FILE_FAILED`, `CLI_TOKENS_INVALID`
   */
  static async open(options: SecretOptions): Promise<Secrets> {
    requireSense(options);
    const secrets = new Secrets(options);
    secrets.#tls = await readTls(options);
    if (options.tokens !== undefined) secrets.#tokens = await readTokens(options.tokens);
    return secrets;
  }

  /** Whether there is anything to read again. */
  get isAny(): boolean {
    return this.#options.tokens !== undefined || this.#tls !== undefined;
  }

  /** What the server speaks TLS with, if it does. */
  get tls(): TlsMaterial | undefined {
    return this.#tls;
  }

  /** Who is let in; `undefined` where everybody is. */
  get access(): AccessOptions | undefined {
    const { tokens, tlsClientCa, authReads = false } = this.#options;
    if (tokens === undefined && tlsClientCa === undefined) return undefined;
    return {
      certificates: tlsClientCa !== undefined,
      authReads,
      ...(tokens !== undefined && { tokens: () => this.#tokens }),
    };
  }

  /**
   * Reads all files again and has the server use them; if one is unusable, nothing changes.
   *
   * @throws {@link CliError} `CLI_FILE_FAILED`, `CLI_TOKENS_INVALID`, `CLI_TLS_INVALID`
   */
  async reload(server: Reloadable): Promise<void> {
    const { tokens } = this.#options;
    const tls = await readTls(this.#options);
    const records = tokens === undefined ? [] : await readTokens(tokens);
    if (tls !== undefined) {
      try {
        server.reload(tls);
      } catch (cause) {
        throw this.unusable(cause);
      }
    }
    this.#tls = tls;
    this.#tokens = records;
  }

  /** Restates what the TLS library said about the files. */
  unusable(cause: unknown): CliError {
    const { tlsCert, tlsKey, tlsClientCa } = this.#options;
    return unusable([tlsCert, tlsKey, tlsClientCa], cause);
  }
}

function requireSense({ tlsCert, tlsKey, tlsClientCa, tokens, authReads }: SecretOptions): void {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new CliError("CLI_USAGE", "want --tls-cert together with --tls-key");
  }
  if (tlsClientCa !== undefined && tlsCert === undefined) {
    throw new CliError("CLI_USAGE", "--tls-client-ca wants --tls-cert and --tls-key");
  }
  if (authReads === true && tokens === undefined && tlsClientCa === undefined) {
    throw new CliError("CLI_USAGE", "--auth-reads wants --tokens or --tls-client-ca");
  }
}

async function readTls(options: SecretOptions): Promise<TlsMaterial | undefined> {
  const { tlsCert, tlsKey, tlsClientCa } = options;
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return {
    cert: await readWhole(tlsCert),
    key: await readWhole(tlsKey),
    ...(tlsClientCa !== undefined && { clientCa: await readWhole(tlsClientCa) }),
  };
}
