/**
 * The door for those who write a backend. docs/adapters.md has the contract and worked examples.
 * @module adapter
 */
export { type HttpReply, httpFailure, retryAfterMs } from './adapter/httpFailure.js';
export { requestFailure } from './adapter/networkFailure.js';
export { type PolledState, type PollingOptions, pollingSource } from './adapter/pollingSource.js';
export { refuseLeases } from './adapter/refuseLeases.js';
export { checkTls, refuseOptions } from './adapter/refuseOptions.js';
export { relativeKey } from './adapter/relativeKey.js';
export type {
  Adapter,
  AttemptOptions,
  Credential,
  Delta,
  FullRead,
  FullReadOptions,
  GrantedLease,
  Location,
  OpenOptions,
  PerTarget,
  PutOptions,
  QuietUpdate,
  Resume,
  Source,
  SourceEvent,
  SourceWriter,
  Target,
  Update,
} from './adapter/source.js';
export {
  type Endpoint,
  formatEndpoint,
  invalidUrl,
  parseEndpoints,
  type QueryNames,
  redactUrl,
  schemeOf,
  splitUrl,
  targetOf,
  type UrlParts,
} from './adapter/url.js';
export { checkKnownOptions, optionNames } from './model/knownOptions.js';
