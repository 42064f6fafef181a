/**
 * One user's token on one endpoint: asked for once however many calls need it, and again when it is dead. A token dies
 * with its time to live (a simple token after 300 s unused), a restart of the member, or a change of users and roles.
 */
export class Login {
  readonly #authenticate: () => Promise<string | undefined>;
  #token: Promise<string | undefined> | undefined;

  /** @param authenticate undefined where no token is needed. */
  constructor(authenticate: () => Promise<string | undefined>) {
    this.#authenticate = authenticate;
  }

  /** Whether the next `token()` is one that served before. */
  get held(): boolean {
    return this.#token !== undefined;
  }

  token(): Promise<string | undefined> {
    if (this.#token !== undefined) return this.#token;
    const asked = this.#authenticate();
    this.#token = asked;
    asked.catch(() => this.#forget(asked));
    return asked;
  }

  /** A new token, unless somebody else has replaced the dead one already. */
  async renew(dead: string | undefined): Promise<string | undefined> {
    const held = this.#token;
    if (held !== undefined && (await held.catch(() => dead)) === dead) this.#forget(held);
    return this.token();
  }

  #forget(token: Promise<string | undefined>): void {
    if (this.#token === token) this.#token = undefined;
  }
}
