import { WatchError } from '../model/errors.js';
import { networkFailure, type Wording } from './networkFailure.js';

/**
 * What a request threw, as a WatchError: a network failure of `fetch` or `node:http` as UNREACHABLE or TLS, text that is
 * no JSON as BAD_RESPONSE. A WatchError stays as it is; anything else is INTERNAL, a defect.
 * @param who the server, in the middle of a sentence: `the registry at 10.0.0.5:80`.
 */
export function requestFailure(error: unknown, who: string): WatchError {
  if (error instanceof WatchError || !(error instanceof Error)) return WatchError.from(error);
  // Without the cause: V8 quotes the text that is not JSON.
  if (error instanceof SyntaxError) return new WatchError('BAD_RESPONSE', `The answer of ${who} is not JSON.`);
  const wording: Wording = { service: who, plain: 'use its URL without TLS', serverName: 'tls.serverName' };
  // fetch hides the reason in the cause of its TypeError.
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    const text = `${'code' in cause ? cause.code : ''} ${cause.message}`.trim();
    const failure = networkFailure(text, wording);
    if (failure !== undefined) {
      return new WatchError(failure.code, `Cannot reach ${who}: ${failure.why} (${text}).`, { cause: error });
    }
  }
  return WatchError.from(error);
}
