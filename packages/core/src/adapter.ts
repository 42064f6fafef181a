/** The door for those who write a backend. docs/adapters.md has the contract and worked examples. */
export { type NetworkFailure, networkFailure, type Wording } from './adapter/networkFailure.js';
export { refuseLeases } from './adapter/refuseLeases.js';
export { checkTls, refuseOptions } from './adapter/refuseOptions.js';
export type {
  Adapter,
  Delta,
  GrantedLease,
  Location,
  OpenOptions,
  PutOptions,
  QuietUpdate,
  Resume,
  Source,
  SourceEvent,
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
