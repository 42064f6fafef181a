export { decodeBrokers } from './address/decode.js';
export type { Candidate, RegisteredBroker } from './address/listener.js';
export { type KafkajsOptions, kafkajsOptions } from './clients/kafkajs.js';
export { type LibrdkafkaOptions, librdkafkaOptions } from './clients/librdkafka.js';
export { followBrokers, type PlatformaticClient, type PlatformaticModule } from './clients/platformatic.js';
export { createGate } from './gate/gate.js';
export type {
  AdvertisedBroker,
  ClusterView,
  CustomSasl,
  DialOptions,
  Gate,
  GateOptions,
  PasswordSasl,
  SaslOptions,
  SaslSession,
  SecurityOptions,
} from './gate/types.js';
export { brokerList, checkBrokerListOptions } from './list/brokerList.js';
export type { AddressExplained, BrokersExplained } from './list/explain.js';
export type { BrokerListOptions } from './list/options.js';
export type { OrderOptions } from './list/order.js';
export type { BrokerListChange, BrokerListDecision } from './list/rule.js';
export type { AddressOutcome } from './list/select.js';
export type { BrokerList, BrokerListStats, BrokerUpdate } from './list/types.js';
export type { RelayOptions } from './relay/options.js';
export { BootstrapRelay, createRelay, type RelayBrokers, type RelayStats } from './relay/relay.js';
