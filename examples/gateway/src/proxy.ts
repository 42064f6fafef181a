import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BalancerError } from '@rollcall/balancer';
import { BrokerAddress } from 'rollcall';
import type { Dispatcher } from 'undici';
import type { Destination } from './table.js';

/** Of one connection, and not forwarded (RFC 9110, 7.6.1); `expect` is answered by the gateway. */
const HOP_BY_HOP =
  /^(connection|expect|keep-alive|proxy-authenticate|proxy-authorization|proxy-connection|te|trailer|transfer-encoding|upgrade)$/;
/** May be sent again when nobody knows whether it arrived (RFC 9110, 9.2.2). */
const IDEMPOTENT = /^(GET|HEAD|OPTIONS|PUT|DELETE)$/;

class BodyTooLarge extends Error {}

/** Sends a request, with a body of at most `maxBody` bytes, to a node, and the answer back while it comes. */
export async function proxy(
  request: IncomingMessage,
  response: ServerResponse,
  { balancer, hashBy, headers: added }: Destination,
  { dispatcher, maxBody }: { dispatcher: Dispatcher; maxBody: number },
): Promise<void> {
  const { method = 'GET', url: path = '/', headers, socket } = request;
  const length = Number(headers['content-length'] ?? 0);
  if (length > maxBody) return refuse(response, 413, 'The body is too large.');
  const hasBody = length > 0 || headers['transfer-encoding'] !== undefined;
  const mayRepeat = !hasBody && IDEMPOTENT.test(method);
  const client = socket.remoteAddress ?? '';
  const via = [headers['x-forwarded-for'] ?? [], client].flat().join(', ');
  const sent = { ...endToEnd(headers), ...added, 'x-forwarded-for': via };
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const tries = balancer.request({ key: `${(hashBy && headers[hashBy]) || client}` });
  for (;;) {
    const attempt = tries.next();
    try {
      const answer = await dispatcher.request({
        origin: `http://${BrokerAddress.of(attempt.node.host, attempt.node.port)}`,
        path,
        method: method as Dispatcher.HttpMethod,
        headers: sent,
        body: hasBody ? Readable.from(limited(request, maxBody)) : null,
        signal: gone.signal,
      });
      attempt.succeeded();
      // What is left of a body is not read: nothing can follow it.
      const last = request.complete ? {} : { connection: 'close' };
      response.writeHead(answer.statusCode, { ...endToEnd(answer.headers), ...last });
      if (answer.statusCode !== 304) return await pipeline(answer.body, response);
      // Its length is that of the body which it does not have (RFC 9110, 8.6); undici misses the bytes.
      answer.body.on('error', () => {}).resume();
      return void response.end();
    } catch (error) {
      if (gone.signal.aborted || error instanceof BodyTooLarge) attempt.abandoned();
      else attempt.failed();
      if (gone.signal.aborted) return;
      // Half an answer is told by a connection that ends before its time.
      if (response.headersSent) return void response.destroy();
      if (error instanceof BodyTooLarge) return refuse(response, 413, error.message);
      if (!mayRepeat) return refuse(response, 502, 'The node did not answer.');
    }
  }
}

export function refuse(response: ServerResponse, status: number, reason: string): void {
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    ...(status === 503 ? { 'retry-after': '1' } : {}),
    // What is left of the request is not read.
    ...(response.req.complete ? {} : { connection: 'close' }),
  };
  response.writeHead(status, headers).end(`${reason}\n`);
}

export function statusOf(error: unknown): number {
  if (!(error instanceof BalancerError)) return 500;
  return error.code === 'ALL_TRIED' ? 502 : 503;
}

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = new Set(`${headers.connection ?? ''}`.toLowerCase().split(/[\s,]+/));
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.test(name) && !named.has(name)));
}

async function* limited(body: AsyncIterable<Buffer>, most: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > most) throw new BodyTooLarge('The body is too large.');
    yield chunk;
  }
}
