import type { EventEmitter } from 'node:events';
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import type { Writable } from 'node:stream';

/** Goes with one call: an event `cancel` ends it. */
export interface CallContext extends EventEmitter {
  /** Makes the call resolve with `[response, …]` and reject with an error that has `response`. */
  readonly includeResponse: true;
  /** Whether the process must not end before the call has. */
  readonly holds: boolean;
  /** More query parameters: the client drops some that Consul knows. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Takes the body of an answer with status 200 and JSON while it arrives; it is then not in the reply. */
  readonly bodyTo?: ((headers: IncomingHttpHeaders) => Writable) | undefined;
}

/** What every call takes. */
export interface CallOptions {
  readonly ctx: CallContext;
  /** Blocks until the index of what is asked for is above this. */
  readonly index?: string;
  /** How long to block at most, as `55000ms`. */
  readonly wait?: string;
}

/** One request on its way through papi, the HTTP layer below `consul`. */
export interface PapiRequest {
  readonly ctx?: CallContext;
  /** Only until the request is made of them. */
  readonly opts: { readonly query: Record<string, string> };
  readonly req: RequestOptions;
  transport: { request(options: RequestOptions): ClientRequest };
  /** Where the body goes, instead of being gathered and parsed. */
  pipe?: Writable;
}

/** The part of `consul` that is used here. Its own types lack `buffer`, `index`, `wait` and `ctx`. */
export interface ConsulClient {
  readonly kv: {
    /** @param options `buffer`: values as bytes; binary ones would be damaged as text. */
    get(options: CallOptions & { key: string; recurse?: true; buffer: true }): Promise<unknown>;
    set(options: CallOptions & { key: string; value: Buffer }): Promise<unknown>;
    del(options: CallOptions & { key: string }): Promise<unknown>;
  };
  readonly health: {
    service(
      options: CallOptions & { service: string; tag?: readonly string[]; passing?: true; filter?: string },
    ): Promise<unknown>;
  };
  readonly catalog: {
    nodes(options: CallOptions & { filter?: string }): Promise<unknown>;
    services(options: CallOptions & { filter?: string }): Promise<unknown>;
  };
  _ext(event: 'onCreate' | 'onRequest', hook: (request: PapiRequest, next: () => void) => void): void;
}

/** papi puts the decoded body on the response. */
export type PapiResponse = IncomingMessage & { readonly body?: unknown };

/** An answer, whatever its status. */
export interface Reply {
  /** 0 when the response had none. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /**
   * Parsed JSON; a text, also where no type is given; bytes of anything else and of broken JSON; undefined without any,
   * and when it went elsewhere.
   */
  readonly body: unknown;
}
