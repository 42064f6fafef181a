// @ts-check
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

/**
 * @typedef {object} RequestOptions
 * @property {string} [method]
 * @property {Record<string, string>} [headers]
 * @property {string} [body]
 * @property {Tls} [tls] for https URLs
 * @property {number} [timeoutMs] of the whole exchange; 2000 unless given
 */

/**
 * @typedef {object} Tls
 * @property {string | Buffer} [ca] PEM
 * @property {string | Buffer} [cert] PEM, of the client
 * @property {string | Buffer} [key] PEM, of the client
 */

/**
 * One HTTP exchange on a connection of its own. (`fetch` takes no CA without another package, and keeps connections.)
 *
 * @param {string} url
 * @param {RequestOptions} [options]
 * @returns {Promise<{ status: number, headers: import('node:http').IncomingHttpHeaders, body: string }>}
 * @throws the socket's error, or a TimeoutError
 */
export function request(url, { method = 'GET', headers = {}, body, tls = {}, timeoutMs = 2000 } = {}) {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    signal.addEventListener('abort', () => reject(signal.reason));
    const outgoing = send(url, { method, headers, agent: false, signal, ...tls }, (incoming) => {
      /** @type {Buffer[]} */
      const chunks = [];
      incoming.on('data', (chunk) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
