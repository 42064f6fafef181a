export {
  type BrokerList,
  type BrokerListOptions,
  type BrokerListStats,
  type BrokerUpdate,
  brokerList,
} from './brokerList.js';
export { decodeBrokers } from './decode.js';
export type { AddressExplained, BrokersExplained } from './explain.js';
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
export { type KafkajsOptions, kafkajsOptions } from './kafkajs.js';
export { type LibrdkafkaOptions, librdkafkaOptions } from './librdkafka.js';
export type { Candidate, RegisteredBroker } from './listener.js';
export type { OrderOptions } from './order.js';
export { followBrokers, type PlatformaticClient, type PlatformaticModule } from './platformatic.js';
export { BootstrapRelay, type RelayBrokers, type RelayStats } from './relay.js';
export type { RelayOptions } from './relayOptions.js';
export type { Change, Decision } from './rule.js';
export type { Outcome } from './select.js';
