import { Agent, type IncomingMessage, request } from 'node:http';
import { request as get } from '../../../servers/http.mjs';

/** What a member says no to. */
export class GatewayError extends Error {
  override name = 'GatewayError';

  /** Whether it is the same with every member: the revision asked for is compacted, or still to come. */
  get isFinal(): boolean {
    return this.message.includes('required revision');
  }
}

export interface Header {
  readonly revision: string;
  readonly member_id: string;
}

export interface KeyValue {
  readonly key: string;
  readonly value?: string;
  readonly mod_revision: string;
  readonly create_revision: string;
}

export interface RangeAnswer {
  readonly header: Header;
  readonly kvs?: readonly KeyValue[];
}

/** The range of all keys: NUL to NUL is etcd's way to say it. */
export const ALL_KEYS = { key: base64('\0'), range_end: base64('\0') };

/** One member's JSON gateway (`/v3/kv/range` and so on): a client that shares nothing with the one under test. */
export class Gateway {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(port: number) {
    this.#port = port;
  }

  /** @throws GatewayError with the member's words, the socket's error, or an AbortError after `timeoutMs` */
  async post<T>(path: string, body: object, timeoutMs = 2_000): Promise<T> {
    const answer = await this.#send(path, body, AbortSignal.timeout(timeoutMs));
    let text = '';
    answer.setEncoding('utf8');
    for await (const part of answer) text += part;
    if (answer.statusCode !== 200) throw new GatewayError(text);
    return JSON.parse(text) as T;
  }

  /** The lines of an answer that does not end by itself, until the caller has enough. */
  async *lines(path: string, body: object, timeoutMs: number): AsyncGenerator<string> {
    const answer = await this.#send(path, body, AbortSignal.timeout(timeoutMs));
    answer.setEncoding('utf8');
    let rest = '';
    try {
      for await (const part of answer) {
        const lines = `${rest}${part}`.split('\n');
        rest = lines.pop() ?? '';
        yield* lines;
      }
    } finally {
      answer.destroy();
    }
  }

  /** The value of a gauge without labels. */
  async metric(name: string): Promise<number> {
    const { body } = await get(`http://127.0.0.1:${this.#port}/metrics`);
    return Number(new RegExp(`^${name} (.*)$`, 'm').exec(body)?.[1]);
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(path: string, body: object, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const to = { host: '127.0.0.1', port: this.#port, path, method: 'POST', agent: this.#agent, signal };
      const outgoing = request(to);
      outgoing.on('response', resolve);
      outgoing.on('error', reject);
      outgoing.end(JSON.stringify(body));
    });
  }
}

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

export function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString();
}
