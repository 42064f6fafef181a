import { systemTiming, WatchError } from '@rollcall/core';

/** A refusal is not asked again for this long, ms: checking a password is slow on purpose, and 200 watches may ask. */
const REFUSED_FOR_MS = 5_000;

/**
 * One user's token at one endpoint. It is requested once, however many calls need it, and again when it is invalid. A
 * token becomes invalid by its time to live (a simple token: 300 s unused), by a restart of the member, or by a change
 * of users and roles.
 */
export class Login {
  readonly #authenticate: () => Promise<string | undefined>;
  readonly #now: () => number;
  #token: Promise<string | undefined> | undefined;
  #refusal: { readonly error: WatchError; readonly until: number } | undefined;

  /** @param authenticate requests a token; undefined if none is needed. */
  constructor(authenticate: () => Promise<string | undefined>, now: () => number = () => systemTiming.now()) {
    this.#authenticate = authenticate;
    this.#now = now;
  }

  /** Whether `token()` would return a token that was used before. */
  get held(): boolean {
    return this.#token !== undefined;
  }

  /** @throws WatchError UNAUTHENTICATED, for some seconds without a new request; what else `authenticate` throws. */
  async token(): Promise<string | undefined> {
    if (this.#token === undefined) {
      if (this.#refusal !== undefined && this.#now() < this.#refusal.until) throw this.#refusal.error;
      const asked = this.#authenticate();
      this.#token = asked;
      asked.catch((error: unknown) => this.#failed(asked, error));
    }
    return this.#token;
  }

  /** Requests a new token, unless another call has replaced the invalid one already. */
  async renew(dead: string | undefined): Promise<string | undefined> {
    const held = this.#token;
    if (held !== undefined && (await held.catch(() => dead)) === dead) this.#forget(held);
    return this.token();
  }

  #failed(asked: Promise<string | undefined>, thrown: unknown): void {
    this.#forget(asked);
    const error = WatchError.from(thrown);
    if (error.code === 'UNAUTHENTICATED') this.#refusal = { error, until: this.#now() + REFUSED_FOR_MS };
  }

  #forget(token: Promise<string | undefined>): void {
    if (this.#token === token) this.#token = undefined;
  }
}
