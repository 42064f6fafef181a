export { type BrokerList, type BrokerListOptions, type BrokerUpdate, brokerList } from './brokerList.js';
export { decodeBrokers } from './decode.js';
export {
  type AdvertisedBroker,
  type ClusterView,
  createGate,
  type DialOptions,
  type Gate,
  type GateOptions,
  type SaslOptions,
  type SecurityOptions,
} from './gate.js';
export { BootstrapRelay, type RelayBrokers, type RelayStats } from './relay.js';
export type { RelayOptions } from './relayOptions.js';
